"""The Design page: photo, canvas, result, settings and candidates on one screen. Layout and wiring."""

from __future__ import annotations

import gradio as gr

from app.landmark_editor import panel
from app.pages.design import layout
from app.pages.design.browse_handlers import BrowseHandlers
from app.pages.design.handlers import DesignHandlers
from app.pages.design.kept_handlers import KeptHandlers
from app.pages.design.measure_handlers import MeasureHandlers
from app.pages.design.preset_handlers import PRESET_SETTINGS, PresetHandlers
from app.pages.design.run_handlers import START_SETTINGS, RunHandlers
from app.pages.shared.bench_views import BENCH_VIEWS, FIELDS, GUIDE_VIEWS
from app.pages.shared.context import PageContext
from app.pages.shared.run_actions import RESTORED, RunActions
from app.pages.shared.run_presenter import RUN_VIEWS
from app.runs.kept_benches import PAGE_SETTINGS
from app.session_log.sampling import MODEL_SETTINGS
from app.web.site import Site
from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN
from ragdiffusion.config import KEPT_NEIGHBOURS, assets_folder

ID = "design"
TITLE = "Design"
_LISTS = ("history", "queue")


def build(site: Site) -> None:
    """Lay the page out; the style sheet puts the parts in their places by their names."""
    with gr.Column(elem_id="design", elem_classes="page"):
        with gr.Row(elem_id="workbench"):
            site.panel("photo")
            panel.build(site)
            site.asking_panel("measures")
            layout.build_result(site)
            with gr.Column(elem_id="settings"):
                _structure(site)
                layout.build_settings(site)
                layout.build_actions(site)
        site.panel("film")
        layout.build_strip(site)
        for name in ("photo_file", "mask_file"):  # pressed and fed by the panels
            with gr.Column(elem_id=name, elem_classes="holder"):
                site.parts[name] = gr.UploadButton(name)


def wire(site: Site, context: PageContext) -> None:
    """Connect the page, when all pages are built."""
    _wire_bench(site, context)
    _wire_runs(site, context)
    _wire_presets(site, context)
    _wire_kept(site, context)


def _wire_bench(site: Site, context: PageContext) -> None:
    """Connect photo, guide and outline."""
    examples = sorted((assets_folder() / "examples").glob("*.jpg"))  # the folder may be missing
    named = {path.name: path for path in examples}
    handlers = DesignHandlers(context.engine, context.bench_presenter, context.status, named)
    parts, wire = site.parts, site.wire
    photo, canvas, guide = parts["photo"], parts["canvas"], ("k", "alpha")
    landmark = ("canvas", "status")
    site.on_open(handlers.open, ("photo", "status", *guide))
    wire(parts["photo_file"].upload, handlers.place_photo, ("photo_file", *guide), BENCH_VIEWS)
    wire(photo.example, handlers.place_example, guide, BENCH_VIEWS, event=True)
    wire(photo.choose, handlers.choose, (), BENCH_VIEWS, event=True)
    wire(photo.frame, handlers.frame, (), BENCH_VIEWS, event=True)
    wire(photo.turned, handlers.turned, (), ("photo",), event=True)
    wire(photo.mark, handlers.mark, (), BENCH_VIEWS, event=True)
    wire(photo.mend, handlers.mend, (), BENCH_VIEWS, event=True)
    wire(photo.say, handlers.say, (), ("status",), event=True)
    wire(parts["mask_file"].upload, handlers.outline, ("mask_file",), landmark)
    wire(canvas.doubted, handlers.doubted, (), landmark, event=True)
    wire(canvas.settle, handlers.settle, (), landmark, event=True)
    wire(canvas.draft, handlers.draft, (), landmark)
    wire(canvas.drafts, handlers.drafts, (), ("film", "status"))
    wire(canvas.photo_outline, handlers.photo_outline, (), landmark)
    site.serve("measures", MeasureHandlers(context.engine).answer)
    wire(canvas.ghost, handlers.ghost, (), ("canvas",))
    wire(canvas.say, handlers.say, (), ("status",), event=True)
    more, film = BrowseHandlers(context.engine, context.bench_presenter, context.status), parts["film"]
    wire(film.browse, more.browse, (), ("film", "status"), event=True)
    wire(film.leave, more.leave, (), ())
    wire(film.take, more.take, (), landmark, event=True)
    for name in FIELDS:
        wire(parts[name].input, handlers.describe, FIELDS, (*GUIDE_VIEWS, *FIELDS))


def _wire_runs(site: Site, context: PageContext) -> None:
    """Connect Generate, sheets, batches, the result pane, the history strip and the queue."""
    runs, presenter = context.runs, context.run_presenter
    actions = RunActions(runs, presenter, context.bench_presenter, context.status)
    handlers = RunHandlers(runs, context.queue, presenter, context.status)
    parts, wire = site.parts, site.wire
    started = (*RUN_VIEWS, "seed")
    site.on_open(handlers.open, (*_LISTS, *MODEL_SETTINGS))
    wire(parts["generate"].click, handlers.generate, ("canvas", "seeds", *START_SETTINGS), started)
    wire(parts["cancel"].click, handlers.cancel, (), ())
    wire(parts["preview"].input, handlers.show_preview, ("preview",), ())
    axes = ("sheet_alpha", "sheet_k", "sheet_candidates")
    wire(parts["make_sheet"].click, handlers.sheet, ("canvas", *axes, *START_SETTINGS), started)
    wire(parts["batch_files"].upload, handlers.batch, ("batch_files", "k", "alpha", *START_SETTINGS), started)
    wire(parts["history"].look, handlers.look, (), ("result", "history", "cancel"), event=True)
    wire(parts["history"].refresh, handlers.refresh, ("history",), _LISTS)
    wire(parts["queue"].arrange, handlers.arrange, (), _LISTS, event=True)
    result = parts["result"]
    wire(result.follow, handlers.follow, (), RUN_VIEWS)
    wire(result.restore, actions.restore, (), (*BENCH_VIEWS, *RESTORED), event=True)
    wire(result.repeat, actions.repeat, (), RUN_VIEWS, event=True)
    wire(result.export, handlers.export, (), ("result",), event=True)
    wire(result.arrange, handlers.arrange, (), _LISTS, event=True)


def _wire_kept(site: Site, context: PageContext) -> None:
    """Put back what the browser left here, when all else is opened; keep the page's settings with it."""
    handlers = KeptHandlers(context.benches, context.bench_presenter, context.status)
    site.on_open(handlers.put_back, (*BENCH_VIEWS, *PAGE_SETTINGS))
    for name in PAGE_SETTINGS:
        part = site.parts[name]
        listen = part.keep if name == "seed" else part.input
        site.wire(listen, handlers.keep, PAGE_SETTINGS, ())


def _wire_presets(site: Site, context: PageContext) -> None:
    """Connect the person's own presets."""
    handlers = PresetHandlers(context.log.library, context.runs, context.bench_presenter, context.status)
    parts, wire = site.parts, site.wire
    kept = ("own_preset", "status")
    site.on_open(handlers.open, ("own_preset",))
    taken = tuple(dict.fromkeys((*BENCH_VIEWS, *PRESET_SETTINGS)))
    wire(parts["own_preset"].select, handlers.take, ("own_preset",), taken)
    wire(parts["keep_preset"].click, handlers.keep, ("own_preset", *PRESET_SETTINGS), kept)
    wire(parts["forget_preset"].click, handlers.forget, ("own_preset",), kept)


def _structure(site: Site) -> None:
    gr.HTML("<h2>Structure</h2>", elem_classes="heading")
    site.parts["k"] = gr.Slider(1, KEPT_NEIGHBOURS, 4, step=1, label="Candidates (K)", elem_id="k", buttons=[])
    site.parts["alpha"] = gr.Slider(0, 1, 0.5, step=0.01, label="Share of the bank (α)", elem_id="alpha", buttons=[])
    site.panel("mix")
    with gr.Accordion("Attributes", open=False, elem_id="attributes"):
        for attribute in ATTRIBUTES:
            site.parts[attribute.key] = gr.Dropdown(
                [UNKNOWN, *attribute.values],
                value=UNKNOWN,
                label=attribute.name,
                elem_id=f"attribute-{attribute.key}",
            )
