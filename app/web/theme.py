"""How the studio looks: neutral surfaces, one accent, the system's own fonts."""

from __future__ import annotations

import gradio as gr

_SANS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif"]
_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]


def theme() -> gr.themes.Base:
    """Gradio's base theme in the studio's colours; nothing is fetched from outside."""
    return gr.themes.Base(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="zinc",
        text_size="sm",
        spacing_size="sm",
        radius_size="md",
        font=_SANS,
        font_mono=_MONO,
    ).set(
        body_background_fill="#f4f4f2",
        body_background_fill_dark="#161617",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#1f1f21",
        background_fill_secondary="#f4f4f2",
        background_fill_secondary_dark="#19191b",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_label_background_fill="transparent",
        block_title_text_weight="500",
        button_primary_background_fill="#0f766e",
        button_primary_background_fill_hover="#115e59",
        button_primary_background_fill_dark="#0d9488",
        button_primary_background_fill_hover_dark="#0f766e",
        button_primary_text_color="#ffffff",
        slider_color="#0f766e",
        slider_color_dark="#2dd4bf",
    )
