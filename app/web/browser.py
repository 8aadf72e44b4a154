"""Which browser asks: a random number in a cookie, so that each finds its own bench again."""

from __future__ import annotations

import re
import secrets
from http.cookies import SimpleCookie

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAME = "studio-browser"
_LIFE = 365 * 86_400  # seconds
_NUMBER = re.compile(r"[0-9a-f]{32}")


def browser_of(connection: HTTPConnection) -> str:
    """Return the number of the browser that a request came from; "" where it brings none of ours."""
    number = connection.cookies.get(NAME, "")
    return number if _NUMBER.fullmatch(number) else ""


class BrowserCookie:
    """Gives each browser that opens a page its number.

    The number leads to nothing but the bench of whoever is logged in, and no script can read it.

    Args:
        app: that answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does, with a cookie where a page goes to a browser that has none."""
        if scope["type"] != "http" or browser_of(HTTPConnection(scope)):
            await self._app(scope, receive, send)
            return

        async def send_with_number(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers.append("set-cookie", _cookie(secrets.token_hex(16)))
            await send(message)

        await self._app(scope, receive, send_with_number)


def _cookie(number: str) -> str:
    made: SimpleCookie = SimpleCookie({NAME: number})
    made[NAME].update({"path": "/", "max-age": _LIFE, "httponly": True, "samesite": "Lax"})
    return made[NAME].OutputString()
