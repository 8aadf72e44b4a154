"""The editor as a part of the page."""

from __future__ import annotations

from pathlib import Path

from app.web.site import Site

_HERE = Path(__file__).parent
# In this order, as one script: each file may use what the ones before it define.
_SCRIPTS = ("mask.js", "outline.js", "svg.js", "guide.js", "model.js", "paint.js", "tools.js", "editor.js")


def build(site: Site) -> None:
    """Put the editor into the page under the name "canvas"."""
    script = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    site.draw("canvas", (_HERE / "editor.html").read_text(encoding="utf-8"), script)

