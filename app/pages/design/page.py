"""The Design page: photo, canvas, result, settings and candidates on one screen. Layout and wiring."""

from __future__ import annotations

import gradio as gr

from app.landmark_editor import panel
from app.pages.design import run_controls
from app.pages.design.handlers import FIELDS, DesignHandlers
from app.web.site import Site
from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN
from ragdiffusion.config import assets_folder

ID = "design"
TITLE = "Design"
MAX_K = 8
GUIDE_VIEWS = ("canvas", "film", "status")
WHOLE_VIEWS = ("photo", *GUIDE_VIEWS, "k", "alpha", *FIELDS)


def build(site: Site) -> None:
    """Lay the page out; the style sheet puts the parts in their places by their names."""
    with gr.Column(elem_id="design", elem_classes="page"):
        with gr.Row(elem_id="workbench"):
            site.panel("photo")
            panel.build(site)
            run_controls.build_result(site)
            with gr.Column(elem_id="settings"):
                _structure(site)
                run_controls.build_settings(site)
                run_controls.build_actions(site)
        site.panel("film")
        run_controls.build_strip(site)
        for name in ("photo_file", "mask_file"):  # pressed and fed by the panels
            with gr.Column(elem_id=name, elem_classes="holder"):
                site.parts[name] = gr.UploadButton(name)


def wire(site: Site) -> None:
    """Connect the page, when all pages are built."""
    examples = sorted((assets_folder() / "examples").glob("*.jpg"))  # the folder may be missing
    handlers = DesignHandlers(site.services, site.status, {path.name: path for path in examples})
    parts, wire = site.parts, site.wire
    photo, canvas, guide = parts["photo"], parts["canvas"], ("k", "alpha")
    landmark = ("canvas", "status")
    site.on_open(handlers.open, ("photo", "status", *guide))
    wire(parts["photo_file"].upload, handlers.place_photo, ("photo_file", *guide), WHOLE_VIEWS)
    wire(photo.example, handlers.place_example, guide, WHOLE_VIEWS, event=True)
    wire(parts["mask_file"].upload, handlers.outline, ("mask_file",), landmark)
    wire(canvas.settle, handlers.settle, (), landmark, event=True)
    wire(canvas.draft, handlers.draft, (), landmark)
    wire(canvas.drafts, handlers.drafts, (), ("film", "status"))
    wire(canvas.photo_outline, handlers.photo_outline, (), landmark)
    wire(canvas.ghost, handlers.ghost, (), ("canvas",))
    wire(canvas.say, handlers.say, (), ("status",), event=True)
    for name in FIELDS:
        wire(parts[name].input, handlers.describe, FIELDS, (*GUIDE_VIEWS, *FIELDS))
    run_controls.wire(site, handlers.whole, WHOLE_VIEWS)


def _structure(site: Site) -> None:
    gr.HTML("<h2>Structure</h2>", elem_classes="heading")
    site.parts["k"] = gr.Slider(1, MAX_K, 4, step=1, label="Candidates (K)", elem_id="k", buttons=[])
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
