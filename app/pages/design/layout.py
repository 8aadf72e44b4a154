"""The layout of the Design page's parts that make and show runs."""

from __future__ import annotations

import gradio as gr

from app.runs.runs import MAX_SEEDS
from app.session_log.sampling import MAX_GUIDANCE, MAX_STEPS, MIN_STRENGTH
from app.web.seed_field import SeedField
from app.web.site import Site


def build_settings(site: Site) -> None:
    """Lay out the section "Picture" of the settings column."""
    parts = site.parts
    gr.HTML("<h2>Picture</h2>", elem_classes="heading")
    with gr.Row(elem_id="seed-row"):
        site.panel("seed", 0, SeedField)
        parts["seeds"] = gr.Number(
            1, precision=0, minimum=1, maximum=MAX_SEEDS, label="Seeds", elem_id="seeds", min_width=56
        )
        parts["fresh"] = gr.Checkbox(False, label="New each time", elem_id="fresh", min_width=90)
    parts["steps"] = gr.Slider(1, MAX_STEPS, 30, step=1, label="Steps", elem_id="steps", buttons=[])
    parts["strength"] = gr.Slider(
        MIN_STRENGTH, 1, 1, step=0.05, label="Redraw strength", elem_id="strength", buttons=[]
    )
    parts["guidance"] = gr.Slider(1, MAX_GUIDANCE, 1, step=0.1, label="Guidance", elem_id="guidance", buttons=[])
    parts["background"] = gr.Dropdown(
        [("White", "white"), ("Transparent", "transparent"), ("Warm white #f4f1ea", "#f4f1ea"), ("Grey", "#e5e5e5")],
        value="white",
        allow_custom_value=True,
        label="Saved on",
        elem_id="background",
    )
    parts["colour_match"] = gr.Checkbox(False, label="Match colours", elem_id="colour-match")
    parts["preview"] = gr.Checkbox(True, label="Live preview", elem_id="preview")
    with gr.Row(elem_id="more-settings"):
        with gr.Accordion("Own presets", open=False, elem_id="own-presets"):
            parts["own_preset"] = gr.Dropdown(
                [], value=None, allow_custom_value=True, label="Preset (type a name to keep one)", elem_id="own-preset"
            )
            with gr.Row():
                parts["keep_preset"] = gr.Button("Keep settings", size="sm", elem_id="keep-preset", min_width=60)
                parts["forget_preset"] = gr.Button("Forget", size="sm", elem_id="forget-preset", min_width=60)
        with gr.Accordion("Contact sheet", open=False, elem_id="contact-sheet"):
            parts["sheet_alpha"] = gr.Textbox("0, 0.5, 1", label="α", max_lines=1, elem_id="sheet-alpha")
            parts["sheet_k"] = gr.Textbox("4", label="K", max_lines=1, elem_id="sheet-k")
            parts["sheet_candidates"] = gr.Textbox(
                "consensus, 1, 2", label="Candidates", max_lines=1, elem_id="sheet-candidates"
            )
            parts["make_sheet"] = gr.Button("Make the sheet", size="sm", elem_id="make-sheet", min_width=60)


def build_actions(site: Site) -> None:
    """Lay out the buttons below the settings column."""
    with gr.Row(elem_id="actions"):
        site.parts["generate"] = gr.Button("Generate", variant="primary", elem_id="generate", min_width=90)
        site.parts["cancel"] = gr.Button("Cancel", interactive=False, elem_id="cancel", min_width=60)


def build_result(site: Site) -> None:
    """Lay out the pane right of the canvas."""
    site.panel("result")


def build_strip(site: Site) -> None:
    """Lay out the strip below the candidates: the latest runs, and the queue beside them."""
    with gr.Row(elem_id="strip"):
        site.panel("history")
        site.panel("queue")
    with gr.Column(elem_id="batch_files", elem_classes="holder"):  # pressed and fed by the queue's panel
        site.parts["batch_files"] = gr.UploadButton("batch_files", file_count="multiple")
