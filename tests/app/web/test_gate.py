"""Who is let in: names, pages of other sites, logins, sizes; for HTTP, WebSocket and mounted parts alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from app.files.uploads import Uploads
from app.web import gate as gates
from app.web.gate import Gate
from app.web.served import ServedNames
from app.web.tabs import Tabs
from tests.app.asynchronous import run_apart

HOME = "127.0.0.1:7860"


class Server:
    """Answers everything, reading what it is sent; notes what reached it."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.users = {"ana"}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.reached.append(scope["path"])
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        while (await receive()).get("more_body"):
            pass
        await JSONResponse({}, headers={"content-security-policy": "sandbox"})(scope, receive, send)

    def user(self, connection: HTTPConnection) -> str | None:
        name = connection.cookies.get("login")
        return name if name in self.users else None

    def log_out(self, connection: HTTPConnection) -> Response:
        self.users.discard(connection.cookies["login"])
        return JSONResponse({})


def ask(
    gate: Gate,
    server: Server,
    path: str = "/",
    *,
    kind: str = "http",
    method: str = "GET",
    host: str | None = HOME,
    body: tuple[bytes, ...] = (b"",),
    address: str = "127.0.0.1",
    root: str = "",
    **headers: str,
) -> tuple[int, dict[str, list[str]]]:
    """Status and headers of the answer; 101 is an open WebSocket, 403 a refused one."""
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    named += [(b"host", host.encode())] if host is not None else []
    scope = {"type": kind, "path": path, "headers": named, "server": (address, 7860), "client": ("10.0.0.9", 5)}
    scope |= {"method": method, "query_string": b""}
    parts, sent = list(body), []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    run_apart(gate.answer(server, server, root, scope, receive, send))
    first = sent[0]
    if kind == "websocket":
        return {"websocket.accept": 101, "websocket.close": 403}[first["type"]], {}
    answered: dict[str, list[str]] = {}
    for name, value in first["headers"]:
        answered.setdefault(name.decode(), []).append(value.decode())
    return first["status"], answered


def gate(folder: Path, *names: str, guarded: bool = False, limit: int = 1000) -> Gate:
    return Gate(ServedNames(names), Uploads(folder, limit), Tabs(), guarded=guarded)


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("path", ["/", "/gradio_api/mcp/", "/gradio_api/queue/join", "/gradio_api/file=x"])
def test_only_names_that_are_served_are_answered(kind: str, path: str, tmp_path: Path) -> None:
    server, own = Server(), gate(tmp_path, "Studio.Example.org")
    ok = 101 if kind == "websocket" else 200
    for host in (HOME, "localhost", "LOCALHOST:1", "localhost.", "studio.example.org:443", "127.0.0.1"):
        assert ask(own, server, path, kind=kind, host=host)[0] == ok, host
    assert ask(own, server, path, kind=kind, host="192.168.1.5:7860", address="192.168.1.5")[0] == ok
    reached = len(server.reached)
    for host in (
        "evil.example",
        "evil.example:7860",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example#127.0.0.1",
        "127.0.0.1@evil.example",
        "127.0.0.1:7860@evil.example",
        "192.168.1.6",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "",
        " ",
        None,
    ):
        assert ask(own, server, path, kind=kind, host=host)[0] in (403, 421), host
    assert ask(own, server, path, kind=kind, x_forwarded_host="evil.example")[0] in (403, 421)
    assert len(server.reached) == reached


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "PUT", "DELETE"])
def test_pages_of_other_sites_are_refused(kind: str, method: str, tmp_path: Path) -> None:
    server, own = Server(), gate(tmp_path, "studio.example.org")
    ok, refused = (101, 403) if kind == "websocket" else (200, 403)
    call = {"kind": kind, "method": method, "path": "/gradio_api/queue/join"}
    assert ask(own, server, **call, origin=f"http://{HOME}")[0] == ok
    assert ask(own, server, **call)[0] == ok, "a program says nothing of pages"
    assert ask(own, server, **call, host="studio.example.org", origin="https://studio.example.org")[0] == ok
    assert ask(own, server, **call, origin="https://studio.example.org")[0] == ok, "a proxy that keeps the name"
    for origin in (
        "http://evil.example",
        "null",
        "",
        "http://127.0.0.1:8000",
        "http://localhost:7860",
        "http://127.0.0.1:7860.evil.example",
        "file://",
        "chrome-extension://abc",
        "https://studio.example.org:8443",
        "http://evil.example/http://127.0.0.1:7860",
    ):
        assert ask(own, server, **call, origin=origin)[0] == refused, origin
    for site in ("cross-site", "same-site"):
        assert ask(own, server, **call, sec_fetch_site=site, sec_fetch_mode="no-cors")[0] == refused
    assert ask(own, server, **call, sec_fetch_site="same-origin", sec_fetch_mode="cors")[0] == ok


def test_a_link_may_lead_here_and_a_frame_may_not(tmp_path: Path) -> None:
    server, own = Server(), gate(tmp_path)
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    status, headers = ask(own, server, **link, sec_fetch_dest="document")
    assert status == 200
    assert headers["content-security-policy"] == ["sandbox", "frame-ancestors 'none'"], "the server's own holds too"
    assert headers["x-frame-options"] == ["DENY"]
    assert ask(own, server, **link, sec_fetch_dest="iframe")[0] == 403
    assert ask(own, server, method="POST", **link, sec_fetch_dest="document")[0] == 403, "nor a form"
    _, refused = ask(own, server, host="evil.example")
    assert refused["content-security-policy"] == ["frame-ancestors 'none'"]


def test_uploads_are_bounded_in_all(tmp_path: Path) -> None:
    server, own = Server(), gate(tmp_path, limit=1000)
    send = {"method": "POST", "path": "/gradio_api/upload"}
    assert ask(own, server, **send, content_length="900", body=(b"x" * 900,))[0] == 200
    assert ask(own, server, **send, content_length="1001")[0] == 413
    assert ask(own, server, **send)[0] == 411, "who does not say how much is not let in"
    (tmp_path / "held").write_bytes(b"x" * 600)
    assert ask(own, server, **send, content_length="500")[0] == 413, "what was just received stays"
    assert ask(own, server, **send, content_length="300", body=(b"x" * 100, b"x" * 200))[0] == 200
    assert ask(own, server, path="/gradio_api/upload/", method="POST", content_length="1001")[0] == 413
    assert ask(own, server, **send, content_length="5", origin="http://evil.example")[0] == 403


def test_a_request_without_files_is_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "MAX_BODY", 1000)
    server, own = Server(), gate(tmp_path)
    assert ask(own, server, method="POST", content_length="1001")[0] == 413
    assert ask(own, server, method="POST", body=(b"x" * 600,) * 2)[0] == 413, "sent piece by piece"
    assert ask(own, server, method="POST", body=(b"x" * 400,) * 2)[0] == 200


@pytest.mark.parametrize("root", ["", "/studio"])
def test_nothing_but_the_login_is_shown_before_it(root: str, tmp_path: Path) -> None:
    server, own = Server(), gate(tmp_path, guarded=True)
    for path in ("/", "/login", "/static/img/logo.svg", "/assets/a.js", "/theme.css", "/web/1/a.js", "/favicon.ico"):
        assert ask(own, server, path, root=root)[0] == 200, path
    reached = len(server.reached)
    for path in (
        "/openapi.json",
        "/docs",
        "/redoc",
        "/config",
        "/gradio_api/openapi.json",
        "/gradio_api/info",
        "/gradio_api/mcp/",
        "/gradio_api/heartbeat/abc",
        "/gradio_api/upload",
        "/gradio_api/file=/etc/passwd",
        "/custom_component/x/y",
        "/loginx",
        "/static",
        "//config",
    ):
        expected = 200 if path == "/static" else 401
        assert ask(own, server, root + path, root=root)[0] == expected, path
        assert ask(own, server, root + path, root=root, kind="websocket")[0] == (101 if path == "/static" else 403)
    assert len(server.reached) == reached + 2
    assert ask(own, server, "/openapi.json", cookie="login=ana")[0] == 200
    assert ask(own, server, "/openapi.json", cookie="login=ben")[0] == 401


def test_logging_out_is_a_post(tmp_path: Path) -> None:
    server, own = Server(), gate(tmp_path, guarded=True)
    for path in ("/logout", "/logout/"):
        assert ask(own, server, path, cookie="login=ana")[0] == 405, "an image in another page would do"
    assert ask(own, server, "/logout", method="POST", origin="http://evil.example", cookie="login=ana")[0] == 403
    assert server.users == {"ana"}
    assert ask(own, server, "/logout", method="POST", cookie="login=ana")[0] == 200
    assert ask(own, server, "/config", cookie="login=ana")[0] == 401
