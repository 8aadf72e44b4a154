"""A vision-language model behind an OpenAI-compatible server as attribute reader (9.2 deploys Qwen2-VL so).

Photos leave this machine here, reduced and without their metadata; so a server is asked only when a person has
named it.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import logging
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from PIL import Image

from ragdiffusion.structure.readers.address import check_server
from ragdiffusion.structure.readers.dialogue import MAX_ANSWER_TOKENS, Reply, Turn, answer_schema, converse
from ragdiffusion.structure.readers.reading import (
    AttributeReader,
    AttributeReading,
    ReadingFailed,
    complete_reading,
    reduced,
)

T = TypeVar("T")
TIMEOUT = 30.0
"""Seconds that one photo may take, both attempts together."""
REST = 30.0
"""Seconds that a server which fails is left alone, so that a folder of photos is not held up by each."""
_LARGEST = 2_000_000  # bytes of an answer
_JPEG_QUALITY = 90
_LOCAL = ("localhost", "127.0.0.1", "::1")
_LOG = logging.getLogger(__name__)


class _Refused(ReadingFailed):
    """The server does not take the request as it is put."""


class _Unavailable(ReadingFailed):
    """The server does not serve at the moment."""


class ServedReader:
    """Asks a server; whenever it fails, another reader stands in and the reading's note says why.

    Args:
        url: of the server, such as http://127.0.0.1:8000/v1; /v1 is added where there is no path.
        fallback: reads what the server does not.
        model: name of the model; None takes the first that the server lists.
        key: sent as bearer token; None sends none.
        timeout: seconds for one photo, above 0.
        rest: seconds without questions after the server failed.

    Raises:
        ValueError: for an address, key or timeout that can't be used. The message does not repeat the key.
    """

    def __init__(
        self,
        url: str,
        *,
        fallback: AttributeReader,
        model: str | None = None,
        key: str | None = None,
        timeout: float = TIMEOUT,
        rest: float = REST,
    ) -> None:
        self._base = check_server(url)
        if not timeout > 0:
            raise ValueError(f"timeout is {timeout} seconds, more than 0 wanted")
        if key is not None and not (key.isascii() and key.isprintable() and key and " " not in key):
            raise ValueError("the reader's key holds blanks or odd characters: give it as the service printed it")
        self._fallback, self._model, self._key = fallback, model, key
        self._timeout, self._rest = timeout, rest
        self._plain = False  # the server knows only the barest request
        self._rests_until, self._problem = 0.0, ""
        parts = urlsplit(self._base)
        self._host, local = parts.netloc, parts.hostname in _LOCAL
        if key and parts.scheme == "http" and not local:
            _LOG.warning("photos and key travel to %s unencrypted: use https if the server has it", self._host)
        proxies = [urllib.request.ProxyHandler({})] if local else []
        self._opener = urllib.request.build_opener(_NoRedirect, *proxies)

    def read(self, photo: Image.Image) -> AttributeReading:
        """Read a photo."""
        started = time.perf_counter()
        if time.monotonic() < self._rests_until:
            return self._stand_in(photo, started, self._problem)
        deadline = time.monotonic() + self._timeout
        address = _data_url(photo)
        try:
            outcome = converse(lambda turns: self._answer(turns, address, deadline))
        except ReadingFailed as error:
            if isinstance(error, _Unavailable):
                self._rests_until, self._problem = time.monotonic() + self._rest, str(error)
            return self._stand_in(photo, started, str(error))
        return complete_reading(outcome.values, outcome.confidence, reader=self._host, started=started)

    def _stand_in(self, photo: Image.Image, started: float, problem: str) -> AttributeReading:
        other = self._fallback.read(photo)
        note = f"{self._host}: {problem}; the attributes were read by the {other.reader} instead"
        return complete_reading(other.values, other.confidence, reader=other.reader, started=started, note=note)

    def _answer(self, turns: list[Turn], address: str, deadline: float) -> Reply:
        if self._model is None:
            self._model = self._first_model(deadline)
        messages: list[dict[str, Any]] = [{"role": turn.role, "content": turn.text} for turn in turns]
        messages[0]["content"] = [
            {"type": "image_url", "image_url": {"url": address}},
            {"type": "text", "text": turns[0].text},
        ]
        bare = {"model": self._model, "messages": messages}
        schema = {"name": "attributes", "strict": True, "schema": answer_schema()}
        full = {
            **bare,
            "temperature": 0,
            "max_tokens": MAX_ANSWER_TOKENS,
            "logprobs": True,
            "response_format": {"type": "json_schema", "json_schema": schema},
        }
        if not self._plain:
            try:
                return _reply_of(self._fetch("/chat/completions", full, deadline))
            except _Refused:  # not every server knows every option
                pass
        reply = _reply_of(self._fetch("/chat/completions", bare, deadline))
        self._plain = True
        return reply

    def _first_model(self, deadline: float) -> str:
        listed = self._fetch("/models", None, deadline)
        try:
            name = listed["data"][0]["id"]
        except (KeyError, IndexError, TypeError):
            name = None
        if not isinstance(name, str):
            raise ReadingFailed("it lists no model: name one after the address, as in URL#MODEL")
        return name

    def _fetch(self, path: str, body: dict[str, Any] | None, deadline: float) -> Any:
        """One request, JSON in and out; every failure is a `ReadingFailed` of one line without the key."""
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "ragdiffusion"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data=data, headers=headers)
        left = deadline - time.monotonic()
        try:
            status, raw = _within(left, lambda: self._exchange(request, left))
        except (OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            if isinstance(reason, TimeoutError):
                raise _Unavailable(f"no answer within {self._timeout:g} s") from error
            raise _Unavailable(self._one_line(f"it can't be reached: {reason}")) from error
        if status != 200:
            kind = _Refused if status in (400, 422) else _Unavailable
            raise kind(self._one_line(f"it answered {status}: {raw.decode(errors='replace')}"))
        if len(raw) > _LARGEST:
            raise ReadingFailed(f"its answer is longer than {_LARGEST} bytes")
        try:
            return json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise ReadingFailed("its answer is no JSON: is this an OpenAI-compatible server?") from error

    def _exchange(self, request: urllib.request.Request, timeout: float) -> tuple[int, bytes]:
        try:
            with self._opener.open(request, timeout=timeout) as response:
                return response.status, response.read(_LARGEST + 1)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(2000)

    def _one_line(self, text: str) -> str:
        if self._key:
            text = text.replace(self._key, "…")
        line = " ".join(text.split())
        return line if len(line) <= 200 else f"{line[:200]} …"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Takes a redirect for an error: it could carry photo and key to a host that nobody named."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _within(seconds: float, call: Callable[[], T]) -> T:
    """The result of a call, or TimeoutError: a socket's own timeout starts anew with every byte that trickles in."""
    results: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()

    def work() -> None:
        try:
            results.put((True, call()))
        except Exception as error:  # handed to the caller's thread
            results.put((False, error))

    if seconds <= 0:
        raise TimeoutError
    threading.Thread(target=work, daemon=True, name="served reader").start()
    try:
        done, result = results.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if not done:
        raise result
    return result


def _data_url(photo: Image.Image) -> str:
    buffer = io.BytesIO()
    reduced(photo).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _reply_of(answer: Any) -> Reply:
    """The first choice of a chat completion, with its log probabilities where the server gives them."""
    try:
        choice = answer["choices"][0]
        text = choice["message"]["content"]
    except (KeyError, IndexError, TypeError):
        text = None
    if not isinstance(text, str):
        raise ReadingFailed("its answer holds no message: is this an OpenAI-compatible server?")
    try:
        tokens = tuple((str(t["token"]), min(0.0, float(t["logprob"]))) for t in choice["logprobs"]["content"])
    except (KeyError, TypeError, ValueError):
        tokens = ()
    return Reply(text, tokens)
