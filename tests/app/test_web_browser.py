"""The cookie by which a browser finds its bench again."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.web.browser import NAME, BrowserCookie, browser_of


@pytest.fixture
def client() -> TestClient:
    async def page(request: Request) -> HTMLResponse:
        return HTMLResponse(browser_of(request) or "nobody")

    async def data(request: Request) -> JSONResponse:
        return JSONResponse(browser_of(request))

    app = Starlette(routes=[Route("/", page), Route("/data", data)], middleware=[Middleware(BrowserCookie)])
    return TestClient(app)


def test_a_browser_is_given_its_number_with_its_first_page(client: TestClient) -> None:
    assert client.get("/data").json() == "" and NAME not in client.cookies, "only pages give one"
    first = client.get("/")
    assert first.text == "nobody"
    header = first.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(header.split("; ")) and "Max-Age=" in header
    number = client.cookies[NAME]
    second = client.get("/")
    assert second.text == client.get("/data").json() == number and "set-cookie" not in second.headers
    assert len(number) == 32 and number != client.__class__(client.app).get("/").cookies[NAME]


def test_what_is_no_number_of_ours_is_replaced(client: TestClient) -> None:
    client.cookies.set(NAME, "../../etc")
    answer = client.get("/")
    assert answer.text == "nobody" and "set-cookie" in answer.headers
