"""The studio page: layout and wiring. What the controls do is in `app.handlers`."""

from __future__ import annotations

import html
import inspect
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from app.bench import Bench, Services
from app.handlers import FIELDS, SAMPLING, Handlers, Views
from app.sampling import MAX_GUIDANCE, MAX_SEED, MAX_STEPS, MIN_STRENGTH
from app.theme import web_file
from app.views import Facts, status_view
from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN

MAX_K = 8
_GUIDE_VIEWS = ("canvas", "film", "status")
_WHOLE_VIEWS = ("photo", *_GUIDE_VIEWS, "k", "alpha", *FIELDS)
_RUN_VIEWS = ("result", "history", "status", "seed", "generate", "cancel")


def build_page(services: Services, *, examples: Path) -> gr.Blocks:
    """Lay the page out and wire it.

    Args:
        services: the engine, started, the log and the image store.
        examples: folder of example photos (`*.jpg`); it may be missing.
    """
    photos = {path.name: path for path in sorted(examples.glob("*.jpg"))}
    handlers = Handlers(services, photos)
    with gr.Blocks(
        title="RAGDiffusion Studio", analytics_enabled=False, fill_width=True, delete_cache=(600, 3600)
    ) as page:
        parts = _lay_out()
        bench = gr.State(None)
        wire = _Wiring(handlers, parts, bench)

        @page.load(outputs=[bench, *wire.outputs(_OPEN_VIEWS)], api_visibility="private")
        def open_page(request: gr.Request) -> Iterator[list]:
            mine = Bench(services, request.username or "")
            for views in handlers.open(mine):
                yield [mine, *wire.values(views, _OPEN_VIEWS)]

        photo, canvas, film = parts["photo"], parts["canvas"], parts["film"]
        guide, sampling = ("k", "alpha"), ("seed", "fresh", *SAMPLING, "preview")
        wire(parts["photo_file"].upload, handlers.place_photo, ("photo_file", *guide), _WHOLE_VIEWS)
        wire(photo.example, handlers.place_example, guide, _WHOLE_VIEWS, event=True)
        wire(parts["mask_file"].upload, handlers.outline, ("mask_file",), _GUIDE_VIEWS)
        wire(film.candidate, handlers.pick, (), _GUIDE_VIEWS, event=True)
        wire(film.consensus, handlers.reset, (), _GUIDE_VIEWS)
        wire(canvas.photo_outline, handlers.photo_outline, (), _GUIDE_VIEWS)
        wire(canvas.reset, handlers.reset, (), _GUIDE_VIEWS)
        for name in guide:
            wire(parts[name].input, handlers.retune, guide, _GUIDE_VIEWS)
        for name in FIELDS:
            wire(parts[name].input, handlers.describe, FIELDS, (*_GUIDE_VIEWS, *FIELDS))
        wire(parts["generate"].click, handlers.generate, sampling, _RUN_VIEWS)
        wire(parts["cancel"].click, handlers.cancel, (), ())
        wire(parts["history"].look, handlers.look, (), ("result", "history"), event=True)
        wire(parts["history"].refresh, handlers.refresh, ("history",), ("history",))
        restored = (*_WHOLE_VIEWS, "seed", "fresh", *SAMPLING)
        wire(parts["result"].restore, handlers.restore, (), restored, event=True)
    return page


_OPEN_VIEWS = ("photo", "history", "status", "k", "alpha", *SAMPLING)


def _lay_out() -> dict[str, gr.components.Component]:
    """All panels and controls by name; the style sheet puts them in their places by the same names."""
    parts: dict[str, gr.components.Component] = {}
    with gr.Column(elem_id="app"):
        _panel("masthead")
        with gr.Row(elem_id="workbench"):
            for name in ("photo", "canvas", "result"):
                parts[name] = _panel(name)
            with gr.Column(elem_id="settings"):
                parts |= _settings()
        for name in ("film", "history"):
            parts[name] = _panel(name)
        parts["status"] = _panel("status", status_view(Facts("loading", "Loading the model…")))
        for name in ("photo_file", "mask_file"):  # pressed and fed by the panels
            with gr.Column(elem_id=name, elem_classes="holder"):
                parts[name] = gr.UploadButton(name)
    return parts


def _panel(name: str, value: Any = None) -> gr.HTML:
    return gr.HTML(
        value,
        html_template=web_file(f"{name}.html"),
        js_on_load=web_file(f"{name}.js"),
        apply_default_css=False,
        elem_id=name,
    )


def _settings() -> dict[str, gr.components.Component]:
    controls: dict[str, gr.components.Component] = {}
    gr.HTML("<h2>Structure</h2>", elem_classes="heading")
    controls["k"] = gr.Slider(1, MAX_K, 4, step=1, label="Candidates (K)", elem_id="k", buttons=[])
    controls["alpha"] = gr.Slider(0, 1, 0.5, step=0.01, label="Share of the bank (α)", elem_id="alpha", buttons=[])
    with gr.Accordion("Attributes", open=False, elem_id="attributes"):
        for attribute in ATTRIBUTES:
            controls[attribute.key] = gr.Dropdown(
                [UNKNOWN, *attribute.values],
                value=UNKNOWN,
                label=attribute.name,
                elem_id=f"attribute-{attribute.key}",
            )
    gr.HTML("<h2>Picture</h2>", elem_classes="heading")
    with gr.Row(elem_id="seed-row"):
        controls["seed"] = gr.Number(
            0, precision=0, minimum=0, maximum=MAX_SEED, label="Seed", elem_id="seed", min_width=90
        )
        controls["fresh"] = gr.Checkbox(False, label="New each time", elem_id="fresh", min_width=90)
    controls["steps"] = gr.Slider(1, MAX_STEPS, 30, step=1, label="Steps", elem_id="steps", buttons=[])
    controls["strength"] = gr.Slider(
        MIN_STRENGTH, 1, 1, step=0.05, label="Strength of the redraw", elem_id="strength", buttons=[]
    )
    controls["guidance"] = gr.Slider(1, MAX_GUIDANCE, 1, step=0.1, label="Guidance", elem_id="guidance", buttons=[])
    controls["preview"] = gr.Checkbox(True, label="Show it while it is made", elem_id="preview")
    with gr.Row(elem_id="actions"):
        controls["generate"] = gr.Button("Generate", variant="primary", elem_id="generate", min_width=90)
        controls["cancel"] = gr.Button("Cancel", interactive=False, elem_id="cancel", min_width=60)
    return controls


class _Wiring:
    """Connects events to handlers: named views to components, refusals to messages."""

    def __init__(self, handlers: Handlers, parts: dict[str, gr.components.Component], bench: gr.State) -> None:
        self._handlers = handlers
        self._parts = parts
        self._bench = bench

    def __call__(
        self,
        listen: Callable,
        handler: Callable[..., Views | Iterator[Views]],
        inputs: Sequence[str],
        views: Sequence[str],
        *,
        event: bool = False,
    ) -> None:
        """Run a handler on an event with the bench, the event's data if wanted, and these controls."""
        shown = [*views, *(name for name in ("photo", "status") if name not in views)] if views else []

        def answers(data: gr.EventData, bench: Bench | None, values: tuple) -> Iterator[list]:
            try:
                if bench is None:
                    raise ValueError("the page is still opening: try again in a moment")
                answer = handler(bench, *([data._data or {}] if event else []), *values)
                for answered in answer if inspect.isgenerator(answer) else [answer]:
                    yield self.values(answered, shown)
            except Exception as error:
                message, answered = self._handlers.refuse(error)
                gr.Warning(html.escape(message), title="That did not work", duration=12)
                yield self.values(answered, shown)

        def once(data: gr.EventData, bench: Bench | None, *values: Any) -> list:
            return next(answers(data, bench, values))

        def stream(data: gr.EventData, bench: Bench | None, *values: Any) -> Iterator[list]:
            yield from answers(data, bench, values)

        # A generator's last answer is sent twice, so what answers once must not be one.
        respond = stream if inspect.isgeneratorfunction(handler) else once
        listen(
            respond,
            [self._bench, *(self._parts[name] for name in inputs)],
            self.outputs(shown),
            show_progress="hidden",
            trigger_mode="always_last",
            concurrency_limit=None,
            api_visibility="private",
        )

    def outputs(self, views: Sequence[str]) -> list[gr.components.Component]:
        """The components of these views."""
        return [self._parts[name] for name in views]

    def values(self, views: Views, names: Sequence[str]) -> list[Any]:
        """What Gradio is to show in the components of these names."""
        return [self._value(name, views) for name in names]

    def _value(self, name: str, views: Views) -> Any:
        if name not in views:
            return gr.skip()
        button = isinstance(self._parts[name], gr.Button)
        return gr.update(**views[name]) if button else views[name]
