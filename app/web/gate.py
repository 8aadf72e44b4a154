"""The gate in front of the web server: every request passes it, whatever part of the server would answer."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from app.files.uploads import FolderFullError, Receipt, Uploads
from app.web.logins import address_of_login
from app.web.served import PROTECTION, Refusal, ServedNames
from app.web.tabs import Tabs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Answer = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY = 256 << 20
"""Bytes of a request that brings no files; a photo inside JSON is a third larger than its file."""
_UPLOADS = ("/gradio_api/upload", "/upload")
_HEARTBEAT = re.compile(r"/gradio_api/heartbeat/(?P<session>[^/]+)")
_BEFORE_LOGIN = re.compile(
    r"/|/(login|logout|robots\.txt|favicon\.ico|manifest\.json|theme\.css)/?|/(static|assets|svelte|web|pwa_icon)(/.*)?"
    r"|/gradio_api/(login_check|user|app_id|startup-events|theme\.css)/?"
)
"""What the page of the login needs: scripts, styles, and nothing that a person made."""
_LOG = logging.getLogger(__name__)


class Door(Protocol):
    """Who is logged in."""

    def user(self, connection: HTTPConnection) -> str | None:
        """Return the name that a request is logged in as; None without a login."""

    def log_out(self, connection: HTTPConnection) -> Response:
        """Forget the login of a request."""


class _TooMuchError(Exception):
    """A request without files is too large."""


class Gate:
    """Decides whether a request is answered, and limits what it brings.

    Args:
        names: that the studio is served under.
        uploads: the folder of received files.
        tabs: that are open.
        guarded: whether a login is needed.
    """

    def __init__(self, names: ServedNames, uploads: Uploads, tabs: Tabs, *, guarded: bool) -> None:
        self._names = names
        self._uploads = uploads
        self._tabs = tabs
        self._guarded = guarded

    async def answer(self, inner: Answer, door: Door, root: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to a server, or refuse it.

        Args:
            inner: the server, as an ASGI application.
            door: who is logged in.
            root: path below which the server is reached through a proxy, "" for none.
            scope, receive, send: of the request.
        """
        if scope["type"] not in ("http", "websocket"):
            await inner(scope, receive, send)
            return
        path = _inner_path(scope["path"], root)
        refusal = self._names.refusal(scope) or self._without_login(door, scope, path)
        if refusal is not None:
            await _refuse(refusal, scope, receive, send)
        elif scope["type"] == "websocket":
            await inner(scope, receive, send)
        elif path.rstrip("/") == "/logout":
            await self._log_out(door, scope, receive, _protected(send))
        else:
            await self._pass(inner, path, scope, receive, _protected(send))

    def _without_login(self, door: Door, scope: Scope, path: str) -> Refusal | None:
        if not self._guarded or _BEFORE_LOGIN.fullmatch(path) or door.user(HTTPConnection(scope)) is not None:
            return None
        return Refusal(401, "log in first")

    async def _log_out(self, door: Door, scope: Scope, receive: Receive, send: Send) -> None:
        # A picture in another page would do for a GET.
        if scope["method"] != "POST":
            answer: Response = _json(Refusal(405, "log out by POST"), {"Allow": "POST"})
        else:
            answer = door.log_out(HTTPConnection(scope))
        await answer(scope, receive, send)

    async def _pass(self, inner: Answer, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        address_of_login.set((scope.get("client") or ("",))[0])
        beat = _HEARTBEAT.fullmatch(path)
        if beat:
            with self._tabs.beating(beat["session"]):
                await inner(scope, receive, send)
        elif path.rstrip("/") in _UPLOADS and scope["method"] == "POST":
            await self._upload(inner, scope, receive, send)
        else:
            await _bounded(inner, scope, receive, send)

    async def _upload(self, inner: Answer, scope: Scope, receive: Receive, send: Send) -> None:
        size = _length(scope)
        if size is None:
            await _refuse(Refusal(411, "say how large the upload is (Content-Length)"), scope, receive, send)
            return
        held = self._uploads.receiving(size)
        try:
            receipt = await asyncio.to_thread(held.__enter__)
        except FolderFullError as error:
            _LOG.warning("an upload of %d bytes was refused: the folder of uploads is full", size)
            await _refuse(Refusal(413, str(error)), scope, receive, send)
            return
        try:
            await inner(scope, _counted(receive, receipt), send)
        finally:
            held.__exit__(None, None, None)


async def _bounded(inner: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Pass a request on whose body is held in memory."""
    too_much = Refusal(413, f"a request has at most {MAX_BODY >> 20} MB: send files by upload")
    if (_length(scope) or 0) > MAX_BODY:
        await _refuse(too_much, scope, receive, send)
        return
    got, begun, ended = 0, False, False

    async def counted() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > MAX_BODY:
            raise _TooMuchError
        return message

    async def noted(message: Message) -> None:
        nonlocal begun, ended
        begun = True
        await send(message)
        ended = message["type"] == "http.response.body" and not message.get("more_body")

    try:
        await inner(scope, counted, noted)
    except _TooMuchError:
        if not begun:
            await _refuse(too_much, scope, receive, send)
    except Exception:
        if not ended:  # else it is answered and logged, and the line is still good
            raise


def _counted(receive: Receive, receipt: Receipt) -> Receive:
    async def counted() -> Message:
        message = await receive()
        receipt.arrived(len(message.get("body", b"")))
        return message

    return counted


def _protected(send: Send) -> Send:
    """Add the headers of every answer."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in PROTECTION.items():
                headers.append(name, value)  # a policy of the server's own holds beside ours
        await send(message)

    return with_headers


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":  # before it was accepted: the browser gets a 403
        await send({"type": "websocket.close", "code": 1008, "reason": refusal.message})
        return
    await _json(refusal, {"Connection": "close"})(scope, receive, _protected(send))


def _json(refusal: Refusal, headers: dict[str, str] | None = None) -> JSONResponse:
    content = {"error": refusal.message, "detail": refusal.message}  # both are looked for
    return JSONResponse(content, refusal.status, headers)


def _length(scope: Scope) -> int | None:
    text = Headers(scope=scope).get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None


def _inner_path(path: str, root: str) -> str:
    return path.removeprefix(root.rstrip("/")) or "/" if root.rstrip("/") and path.startswith(root) else path
