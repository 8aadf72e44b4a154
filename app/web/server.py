"""The web server behind its gate: Gradio's own, with errors that say what a person would be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.exceptions import ComponentProcessingError, InvalidPathError
from gradio.route_utils import FnIndexInferError
from gradio.routes import App, ORJSONResponse
from pydantic import ValidationError
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response

from app.errors import explain
from app.web import files
from app.web.browser import BrowserCookie
from app.web.gate import Gate, Receive, Scope, Send

NOT_SENT = "that file was never sent to this studio: send it first, with gradio_client as handle_file(path)"


class StudioServer(App):
    """Gradio's server with a gate in front of all its parts, mounted ones too.

    Args:
        gate: decides what is answered.
    """

    def __init__(self, gate: Gate) -> None:
        super().__init__(
            default_response_class=ORJSONResponse, routes=[files.route()], middleware=[Middleware(BrowserCookie)]
        )
        self._gate = gate
        self.add_exception_handler(FnIndexInferError, _no_endpoint)
        self.add_exception_handler(Exception, _unexpected)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._gate.answer(super().__call__, self, self.root_path, scope, receive, send)

    def user(self, connection: HTTPConnection) -> str | None:
        """Return the name that a request is logged in as; None without a login."""
        return next((self.tokens[token] for token in self._tokens_of(connection) if token in self.tokens), None)

    def log_out(self, connection: HTTPConnection) -> Response:
        """Forget the login of a request."""
        for token in self._tokens_of(connection):
            self.tokens.pop(token, None)
        answer = JSONResponse({"success": True})
        for name in self._cookies:
            answer.delete_cookie(name)
        return answer

    @property
    def _cookies(self) -> tuple[str, str]:
        return f"access-token-{self.cookie_id}", f"access-token-unsecure-{self.cookie_id}"

    def _tokens_of(self, connection: HTTPConnection) -> list[str]:
        return [connection.cookies[name] for name in self._cookies if name in connection.cookies]


class StudioBlocks(gr.Blocks):
    """Gradio's page; what goes wrong in a call is told as on the page, whoever calls, and never as nothing."""

    async def process_api(self, *arguments: Any, **named: Any) -> Any:
        """Run one call.

        Raises:
            gr.Error: whatever went wrong, in one line for a person.
        """
        try:
            return await super().process_api(*arguments, **named)
        except gr.Error as error:
            if error.message:
                raise
            raise gr.Error("that did not work, and why is not known", print_exception=False) from error
        except Exception as error:
            raise gr.Error(told(error), print_exception=False) from error


def told(error: Exception) -> str:
    """Return one line for whoever called, without a path of this machine where the web library would name one."""
    if isinstance(error, InvalidPathError):
        return NOT_SENT
    if isinstance(error, FileNotFoundError):
        return f"{Path(error.filename or 'the file').name} was received too long ago: send it again"
    if isinstance(error, ValidationError):
        return (
            "a value is not of the kind that was wanted: a file is sent first, with gradio_client as handle_file(path)"
        )
    if isinstance(error, ComponentProcessingError):
        cause = error.__cause__
        return f"a value cannot be used: {_first_line(cause) or type(cause).__name__}"
    return _first_line(ValueError(explain(error))) or f"{type(error).__name__} (the whole of it is in the terminal)"


def _first_line(error: BaseException | None) -> str:
    return next((line.strip()[:300] for line in str(error or "").splitlines() if line.strip()), "")


async def _no_endpoint(_: Request, error: Exception) -> Response:
    message = "there is no endpoint of that name: see /gradio_api/info"
    return JSONResponse({"error": message, "detail": message}, 404)


async def _unexpected(_: Request, error: Exception) -> Response:
    message = told(error)
    return JSONResponse({"error": message, "detail": message}, 500)
