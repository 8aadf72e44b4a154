"""What all pages share: the named components, the wiring of events to handlers, and the state of a browser."""

from __future__ import annotations

import html
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr

from app.errors import explain
from app.web import files
from app.web.browser import browser_of

Views = dict[str, Any]
"""From the name of a part to its new value; what is not named stays as it is."""
Handler = Callable[..., Views | Iterator[Views]]
Answer = Callable[[str, dict[str, Any]], dict[str, Any]]
"""From the login of the person, "" without one, and a question of the browser to its answer."""


class Site:
    """The components of all pages by name, and their events.

    A page is a module with `ID`, `TITLE`, `build(site)`, which lays it out inside its tab, and `wire(site, context)`,
    which connects it when all pages are laid out.

    Args:
        open_bench: makes what a browser works on, which handlers get; given the login of the person, "" without one,
            and which browser it is.
        refuse: says what went wrong in a handler, and what to show then.

    Attributes:
        parts: components by name; names are unique over all pages, and so are element ids.
        tabs: the tab of each page, by its ID.
    """

    def __init__(self, open_bench: Callable[[str, str], Any], refuse: Callable[[Exception], tuple[str, Views]]) -> None:
        self._open_bench = open_bench
        self._refuse = refuse
        self.parts: dict[str, gr.components.Component] = {}
        self.tabs: dict[str, gr.Tab] = {}
        self._bench = gr.State(None)
        self._openers: list[tuple[Handler, tuple[str, ...]]] = []
        self._served: dict[str, Answer] = {}

    def panel(self, name: str, value: Any = None, kind: type[gr.HTML] = gr.HTML, **properties: Any) -> gr.HTML:
        """A part drawn by `<name>.html` and `<name>.js` of its room, placed by the style sheet under its name.

        Args:
            name: of the part and of its files.
            value: what it shows first.
            kind: its class, where its value is another one in the browser than here.
            properties: more values that its script reads from `props`.
        """
        self.parts[name] = kind(
            value,
            html_template=files.template(name),
            js_on_load=files.loader(name),
            apply_default_css=False,
            elem_id=name,
            **properties,
        )
        return self.parts[name]

    def asking_panel(self, name: str) -> gr.HTML:
        """A part as of `panel`, whose script may call `server.ask(question)` and gets what `serve` was given to answer.

        Such a question passes the queue by and changes no part: it is for what a panel looks up and shows itself.
        """

        def ask(question: dict[str, Any], request: gr.Request) -> dict[str, Any]:
            try:
                if not isinstance(question, dict) or name not in self._served:
                    raise ValueError("the page is still opening: try again in a moment")
                return self._served[name](request.app.user(request) or "", question)
            except Exception as error:
                return {"refused": explain(error)}

        return self.panel(name, server_functions=[ask])

    def serve(self, name: str, answer: Answer) -> None:
        """Let `answer` answer what a panel of `asking_panel` asks. Its ValueError is what the person is told."""
        self._served[name] = answer

    def on_open(self, handler: Handler, views: Sequence[str]) -> None:
        """Run `handler(bench)` whenever a browser opens the site, in the order of these calls."""
        self._openers.append((handler, tuple(views)))

    def open_with(self, page: gr.Blocks) -> None:
        """Give every browser that opens the site a bench of its own, and run what `on_open` was given."""
        shown = [*dict.fromkeys(name for _, views in self._openers for name in views)]

        # Without a limit of their own, one browser would wait for the model of another.
        @page.load(
            outputs=[self._bench, *self._outputs(shown)],
            show_progress="hidden",
            concurrency_limit=None,
            api_visibility="private",
        )
        def open_site(request: gr.Request) -> Iterator[list]:
            bench = self._open_bench(request.username or "", browser_of(request.request))
            for handler, _ in self._openers:
                for views in _answers(handler, bench):
                    yield [bench, *self._values(views, shown)]

    def wire(
        self,
        listen: Callable,
        handler: Handler,
        inputs: Sequence[str],
        views: Sequence[str],
        *,
        event: bool = False,
    ) -> None:
        """Run a handler on an event with the bench, the event's data if wanted, and the values of parts.

        Args:
            listen: an event of a component.
            handler: called as `handler(bench, [data], *values)`; answers with views, once or several times. Its
                ValueError is shown as a message; any other error is logged whole and shown short.
            inputs: parts whose values it gets.
            views: parts that it may change.
            event: whether it gets the event's data. Then it runs for every event, several at once if need be; else
                one at a time, and after that for the newest that came meanwhile. (That one would get current values
                but the data of the first.)
        """
        shown = [*views, *(name for name in ("photo", "status") if name not in views)] if views else []

        def answers(data: gr.EventData, bench: Any, values: tuple) -> Iterator[list]:
            try:
                if bench is None:
                    raise ValueError(
                        "the page is still opening, or slept for too long: try again in a moment, else reload it"
                    )
                for views in _answers(handler, bench, *([data._data or {}] if event else []), *values):
                    yield self._values(views, shown)
            except Exception as error:
                message, views = self._refuse(error)
                gr.Warning(html.escape(message), title="That did not work", duration=12)
                yield self._values(views, shown)

        def once(data: gr.EventData, bench: Any, *values: Any) -> list:
            return next(answers(data, bench, values))

        def stream(data: gr.EventData, bench: Any, *values: Any) -> Iterator[list]:
            yield from answers(data, bench, values)

        # A generator's last answer is sent twice, so what answers once must not be one.
        respond = stream if inspect.isgeneratorfunction(handler) else once
        listen(
            respond,
            [self._bench, *self._outputs(inputs)],
            self._outputs(shown),
            show_progress="hidden",
            trigger_mode="multiple" if event else "always_last",
            concurrency_limit=None,
            api_visibility="private",
        )

    def _outputs(self, names: Sequence[str]) -> list[gr.components.Component]:
        return [self.parts[name] for name in names]

    def _values(self, views: Views, names: Sequence[str]) -> list[Any]:
        return [self._value(name, views) for name in names]

    def _value(self, name: str, views: Views) -> Any:
        if name not in views:
            return gr.skip()
        by_property = isinstance(self.parts[name], gr.Button | gr.Tabs | gr.Tab)
        return gr.update(**views[name]) if by_property else views[name]


def _answers(handler: Handler, *values: Any) -> Iterator[Views]:
    answer = handler(*values)
    yield from answer if inspect.isgenerator(answer) else [answer]
