"""The address of a server that reads attributes."""

from __future__ import annotations

from urllib.parse import urlsplit

KEY_VARIABLE = "RAGDIFFUSION_READER_KEY"
"""Environment variable of a server's key."""


def check_server(url: str) -> str:
    """A server's address in the form requests are made from, /v1 added where there is no path.

    Raises:
        ValueError: if it is no http(s) address with a host, holds a login, or more than a path. The message does not
            repeat the address, which may hold a secret.
    """
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_fits = urlsplit(""), False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits or not url.isprintable():
        raise ValueError("the reader's address is not usable: write it as http://127.0.0.1:8000/v1")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"the reader's address may hold no login and no query: put the key into {KEY_VARIABLE}")
    path = parts.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
    return f"{parts.scheme}://{parts.netloc}{path}"
