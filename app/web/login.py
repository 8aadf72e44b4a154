"""Who a request is from, where the web library itself does not say."""

from __future__ import annotations

from starlette.requests import Request


def login_of(request: Request) -> str:
    """Return the login of the person whose browser made a request; "" without logins.

    The web library tells it to handlers of events, but not to functions that a panel calls by itself; a request of a
    person who is not logged in does not come this far.
    """
    tokens = getattr(request.app, "tokens", {})
    names = (f"access-token-{request.app.cookie_id}", f"access-token-unsecure-{request.app.cookie_id}")
    return next((tokens[found] for name in names if (found := request.cookies.get(name)) in tokens), "")
