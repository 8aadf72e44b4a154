"""The editor as a part of the page."""

from __future__ import annotations

from app.web.site import Site


def build(site: Site) -> None:
    """Put the editor into the page under the name "canvas"."""
    site.panel("canvas")
