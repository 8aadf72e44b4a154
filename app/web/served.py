"""Who may ask: the names that the studio is served under, and pages of its own.

A page of another site cannot be let in by its visitor's browser: neither under a name of its own that leads here (DNS
rebinding), nor by sending forms, files or scripts from there (cross-site requests), nor by showing the studio inside
itself (clickjacking).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers

LOCAL_NAMES = ("127.0.0.1", "localhost")
PROTECTION = {
    "content-security-policy": "frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}
"""Headers of every answer."""
_DEFAULT_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True)
class Refusal:
    """Why a request is not answered: an HTTP status and a line for a person."""

    status: int
    message: str


class ServedNames:
    """The names that requests must ask for.

    Args:
        names: beside `LOCAL_NAMES`, in any case, without a port; of a proxy in front of the studio, too.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._given = {_plain(name) for name in names}

    def refusal(self, scope: Mapping[str, Any]) -> Refusal | None:
        """Return why an ASGI request is refused; None if it is not."""
        headers = Headers(scope=scope)
        hosts = [*headers.getlist("host"), *headers.getlist("x-forwarded-host")]
        if len(headers.getlist("host")) != 1 or not all(self._serves(_name(host), scope) for host in hosts):
            return Refusal(421, "this studio is not served under that name: start it with --host NAME to add one")
        if not self._own_page(headers, scope):
            return Refusal(403, "pages of other sites may not ask this studio")
        return None

    def _serves(self, name: str | None, scope: Mapping[str, Any]) -> bool:
        if name is None:
            return False
        # The address that a connection came in at is no name that others could point here.
        address = (scope.get("server") or ("",))[0]
        return name in LOCAL_NAMES or name in self._given or (_is_address(name) and name == _plain(address))

    def _own_page(self, headers: Headers, scope: Mapping[str, Any]) -> bool:
        """Tell whether a browser asks for a page of the studio's own; programs say nothing of pages."""
        origins = headers.getlist("origin")
        if origins:
            return len(origins) == 1 and self._own_origin(origins[0], headers)
        site = headers.get("sec-fetch-site", "none")
        reads = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        # A link of another site may lead here; what it brings into itself may not come from here.
        followed = reads and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        return site in ("none", "same-origin") or followed

    def _own_origin(self, origin: str, headers: Headers) -> bool:
        scheme, mark, place = origin.lower().partition("://")
        if not mark or scheme not in _DEFAULT_PORTS:
            return False
        named = {_with_port(headers["host"], scheme)}
        named |= {_with_port(host, scheme) for host in headers.getlist("x-forwarded-host")}
        # A proxy that does not pass the name on is met at a default port.
        named |= {_with_port(name, scheme) for name in self._given}
        return _with_port(place, scheme) in named


def _name(host: str) -> str | None:
    """Return the name in a Host header; None where it is none."""
    host = host.strip()
    if host.startswith("["):
        name, bracket, port = host[1:].partition("]")
        return _plain(name) if bracket and (not port or _is_port(port)) else None
    name, colon, port = host.partition(":")
    return _plain(name) if name and (not colon or _is_port(f":{port}")) else None


def _is_port(text: str) -> bool:
    return text.startswith(":") and text[1:].isascii() and text[1:].isdigit()


def _plain(name: str) -> str:
    return name.lower().strip("[]").removesuffix(".")


def _with_port(place: str, scheme: str) -> str:
    """Return name and port, the port of the scheme where none is said."""
    place = place.lower().strip()
    tail = place.rpartition("]")[2]
    name, colon, port = place.rpartition(":") if ":" in tail else (place, "", "")
    return f"{_plain(name)}:{port if colon else _DEFAULT_PORTS[scheme]}"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
