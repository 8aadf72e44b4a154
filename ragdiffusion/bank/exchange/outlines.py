"""A silhouette's outline as SVG: one path, holes cut out of it."""

from __future__ import annotations

import cv2

from ragdiffusion.images import SILHOUETTE_SIZE, silhouette_pixels

_TOLERANCE = 0.6  # pixels that the outline may leave the rim by


def outline_svg(silhouette: bytes) -> str:
    """Draw the outline of a stored silhouette, in its pixels.

    Raises:
        ValueError: if it can't be decoded.
    """
    mask = silhouette_pixels(silhouette)
    contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    # A pixel's centre is half a pixel inside its square.
    parts = []
    for contour in contours:
        points = cv2.approxPolyDP(contour, _TOLERANCE, closed=True)[:, 0] + 0.5
        parts.append("M" + " L".join(f"{x:g},{y:g}" for x, y in points) + " Z")
    size = SILHOUETTE_SIZE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" width="{size}" height="{size}">'
        f'<path fill="black" fill-rule="evenodd" d="{" ".join(parts)}"/></svg>\n'
    )
