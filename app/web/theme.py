"""How the studio looks: neutral surfaces, one accent, the system's own fonts."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

_WEB = Path(__file__).parent
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


def css() -> str:
    """The style sheets of all pages, the site's own first."""
    files = sorted(_WEB.glob("*.css"), key=lambda path: (path.name != "studio.css", path.name))
    files.append(_WEB.parent / "landmark_editor" / "editor.css")
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def icon() -> Path:
    """The picture that browsers show beside the page's title."""
    return _WEB / "icon.svg"


def web_file(name: str) -> str:
    """The text of a file that the browser runs or applies."""
    return (_WEB / name).read_text(encoding="utf-8")
