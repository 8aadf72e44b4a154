"""A real HTTP server in a thread, in all its moods."""

from __future__ import annotations

import base64
import io
import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN
from ragdiffusion.structure.readers.choice import KEY_VARIABLE, open_reader
from ragdiffusion.structure.readers.reading import AttributeReading, complete_reading
from ragdiffusion.structure.readers.served import ServedReader

KEY = "sk-hunter2"
FULL = {a.key: a.values[0] for a in ATTRIBUTES}


def said(text: str, **more) -> bytes:
    """A chat completion as servers send it."""
    return json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, **more}]}).encode()


GOOD = said(json.dumps(FULL))


class Server:
    """Answers each request with the next item of a script: (status, body), or what a function of the handler does."""

    def __init__(self) -> None:
        self.script: list = []
        self.requests: list[tuple[str, dict, dict]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else {}
                owner.requests.append((self.path, dict(self.headers), body))
                answer = owner.script.pop(0)
                if callable(answer):
                    answer(self)
                    return
                status, content = answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _serve  # noqa: N815 - the library's names

            def log_message(self, *args) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.block_on_close = False
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


class Heads:
    """Stands in; a reader that needs no model."""

    def read(self, photo: Image.Image) -> AttributeReading:
        return complete_reading({"fit": "Slim"}, {"fit": 0.6}, reader="heads", started=0.0)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def reader(server: Server) -> Callable[..., ServedReader]:
    return lambda **kwargs: ServedReader(server.url, **{"fallback": Heads(), "model": "qwen", **kwargs})


@pytest.fixture
def photo() -> Image.Image:
    return Image.effect_noise((900, 300), 90).convert("RGB")


def _is_heads(reading: AttributeReading, reason: str) -> None:
    assert reading.reader == "heads" and reading.values["fit"] == "Slim" and reading.confidence["fit"] == 0.6
    assert reason in reading.note and reading.note.endswith("; the attributes were read by the heads instead")
    assert "\n" not in reading.note and len(reading.note) < 400


def test_a_good_answer(server, reader, photo) -> None:
    server.script = [(200, GOOD)]
    reading = reader(key=KEY).read(photo)
    assert reading.values == FULL and set(reading.confidence.values()) == {1.0} and reading.note == ""
    assert reading.reader in server.url
    ((path, headers, body),) = server.requests
    assert path == "/v1/chat/completions" and headers["Authorization"] == f"Bearer {KEY}"
    assert body["model"] == "qwen" and body["temperature"] == 0
    assert body["response_format"]["json_schema"]["schema"]["properties"]["fit"]["enum"][0] == "Loose"
    image, text = body["messages"][0]["content"]
    assert image["type"] == "image_url" and "one JSON object" in text["text"]
    scheme, data = image["image_url"]["url"].split(",")
    with Image.open(io.BytesIO(base64.b64decode(data))) as sent:
        assert scheme == "data:image/jpeg;base64" and sent.size == (768, 256) and not sent.getexif()


def test_prose_around_the_object_and_log_probabilities(server, reader, photo) -> None:
    pieces = [
        ("Here: ", -0.1),
        ('{"fit": "', -1.0),
        ("Sl", math.log(0.9)),
        ("im", math.log(0.5)),
        ('", ', -1.0),
        (json.dumps({k: v for k, v in FULL.items() if k != "fit"})[1:], -0.5),
    ]
    tokens = [{"token": piece, "logprob": share, "bytes": None} for piece, share in pieces]
    server.script = [(200, said("".join(p for p, _ in pieces), logprobs={"content": tokens}))]
    reading = reader().read(photo)
    assert reading.values == {**FULL, "fit": "Slim"} and reading.confidence["fit"] == pytest.approx(0.45)
    assert "Authorization" not in server.requests[0][1], "no key, no header"


def test_an_invalid_value_then_a_good_one(server, reader, photo) -> None:
    server.script = [(200, said(json.dumps({**FULL, "collar": "Mandarin"}))), (200, GOOD)]
    assert reader().read(photo).values == FULL
    first, answer, complaint = server.requests[1][2]["messages"]
    assert first == server.requests[0][2]["messages"][0] and answer["role"] == "assistant"
    assert "collar cannot be 'Mandarin'" in complaint["content"]


def test_an_invalid_value_twice_is_unknown(server, reader, photo) -> None:
    server.script = [(200, said(json.dumps({**FULL, "collar": word}))) for word in ("Mandarin", "Turtle")]
    reading = reader().read(photo)
    assert reading.values == {**FULL, "collar": UNKNOWN} and reading.confidence["collar"] == 0 and not reading.note


def test_the_servers_first_model_is_asked_when_none_is_named(server, reader, photo) -> None:
    server.script = [(200, b'{"data": [{"id": "Qwen2-VL-7B"}, {"id": "other"}]}'), (200, GOOD), (200, GOOD)]
    asker = reader(model=None)
    asker.read(photo), asker.read(photo)
    assert [path for path, _, _ in server.requests] == ["/v1/models", *["/v1/chat/completions"] * 2]
    assert server.requests[1][2]["model"] == "Qwen2-VL-7B"
    server.script = [(200, b'{"data": []}')]
    _is_heads(reader(model=None).read(photo), "it lists no model: name one after the address")


def test_a_server_without_the_options_gets_the_bare_question(server, reader, photo) -> None:
    server.script = [(400, b'{"error": "unknown field response_format"}'), (200, GOOD), (200, GOOD)]
    asker = reader()
    assert asker.read(photo).values == asker.read(photo).values == FULL
    assert [set(body) == {"model", "messages"} for _, _, body in server.requests] == [False, True, True]


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([(500, b'{"error": "CUDA out of memory"}')], 'it answered 500: {"error": "CUDA out of memory"}'),
        ([(401, f"bad key {KEY}\nsee\nmanual".encode())], "it answered 401: bad key … see manual"),
        ([(302, b"")], "it answered 302"),
        ([(400, b"no photos, please")] * 2, "it answered 400: no photos, please"),
        ([(200, b"<html>hello</html>")], "its answer is no JSON: is this an OpenAI-compatible server?"),
        ([(200, b"[" * 100_000)], "its answer is no JSON"),
        ([(200, b"[]")], "its answer holds no message"),
        ([(200, b'{"choices": [{"message": {"content": null}}]}')], "its answer holds no message"),
        ([(200, b"\xff\xfe\x00")], "its answer is no JSON"),
        ([(200, b'"' + b"x" * 2_100_000 + b'"')], "its answer is longer than"),
        ([(200, said("I see a lovely shirt."))] * 2, "no usable answer in two attempts: it holds no JSON object"),
        ([lambda handler: handler.wfile.write(b"garbage\r\n\r\n")], "it can't be reached"),
        ([lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")], "answer is no JSON"),
        ([lambda handler: None], "it can't be reached"),
    ],
    ids="500 401 redirect 400 html deep list null binary endless talk no-http cut-short closed".split(),
)
def test_whatever_fails_the_heads_stand_in(server, reader, photo, answers: list, reason: str) -> None:
    server.script = list(answers)
    reading = reader(key=KEY).read(photo)
    _is_heads(reading, reason)
    assert KEY not in reading.note and server.script == []


@pytest.mark.parametrize("trickle", [False, True])
def test_a_server_that_hangs_is_left_at_the_timeout(server, reader, photo, trickle: bool) -> None:
    over = threading.Event()

    def hang(handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not over.wait(0.05):
            if trickle:
                handler.wfile.write(b" ")
                handler.wfile.flush()

    server.script = [hang]
    started = time.monotonic()
    _is_heads(reader(timeout=0.4).read(photo), "no answer within 0.4 s")
    assert 0.4 <= time.monotonic() - started < 120  # all that it sends would take longer
    over.set()


def test_a_server_that_failed_is_left_alone_for_a_while(server, reader, photo) -> None:
    server.script = [(503, b"busy"), (200, GOOD)]
    asker = reader(rest=3600.0)
    for _ in range(3):
        _is_heads(asker.read(photo), "it answered 503: busy")
    assert len(server.requests) == 1
    asker._rests_until -= 3600.0  # an hour later
    assert asker.read(photo).values == FULL


def test_no_server_at_all(server, reader, photo) -> None:
    server.close()
    _is_heads(reader().read(photo), "it can't be reached: [Errno")


def test_by_name_with_the_key_of_the_environment(server, photo, monkeypatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    server.script = [(200, GOOD)]
    asker = open_reader(f"{server.url}#my/model", heads=Heads(), device="cpu")
    assert asker.read(photo) is asker.read(photo), "one photo is sent once"
    assert server.requests[0][1]["Authorization"] == f"Bearer {KEY}" and server.requests[0][2]["model"] == "my/model"


def test_the_environments_proxy_does_not_see_what_stays_on_this_machine(server, reader, photo, monkeypatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.script = [(200, GOOD)]
    assert reader().read(photo).values == FULL


def test_what_cannot_be_is_refused(reader, caplog) -> None:
    for key in ("sk hunter2", "hunter2\n", "", "schlüssel"):
        with pytest.raises(ValueError, match="key holds blanks or odd characters") as caught:
            reader(key=key)
        assert "hunter2" not in str(caught.value)
    for timeout in (0, -1, math.nan):
        with pytest.raises(ValueError, match="more than 0 wanted"):
            reader(timeout=timeout)
    ServedReader("https://vision.example", fallback=Heads(), key=KEY)
    assert not caplog.records
    ServedReader("http://vision.example", fallback=Heads(), key=KEY)
    assert "unencrypted" in caplog.text and KEY not in caplog.text
