"""What pages show of a bench, as plain values for the browser: texts, numbers and pictures as data URLs."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np
from torch import Tensor

from app.files.pictures import PHOTO_SIDE, jpeg_url, within
from app.landmark_editor.rle import encode
from app.pages.shared.status import Status
from app.runs.bench import Bench
from app.runs.garments import chosen, garment_map
from app.runs.work import Work
from app.web.site import Views
from ragdiffusion.attributes import ATTRIBUTES

FIELDS = tuple(attribute.key for attribute in ATTRIBUTES)
GUIDE_VIEWS = ("canvas", "film", "status")
BENCH_VIEWS = ("photo", *GUIDE_VIEWS, "k", "alpha", *FIELDS)


class BenchPresenter:
    """Makes the views of what lies on a bench.

    Args:
        status: the status line.
    """

    def __init__(self, status: Status) -> None:
        self._status = status

    def all(self, bench: Bench) -> Views:
        """Return every view of it, `BENCH_VIEWS`.

        Raises:
            ValueError: if there is no photo.
        """
        work = bench.require()
        settings = {"k": work.guide.k, "alpha": work.guide.alpha, **attribute_views(work)}
        return {"photo": photo_view(work), **self.guide(work), **settings}

    def guide(self, work: Work) -> Views:
        """Return the views of its guide, `GUIDE_VIEWS`."""
        return {"film": film_view(work), **self.landmark(work)}

    def landmark(self, work: Work) -> Views:
        """Return the views of its landmark."""
        return {"canvas": canvas_view(work), "status": self.timings(work)}

    def timings(self, work: Work) -> dict[str, Any]:
        """Return the status line after a change of the guide."""
        return self._status.view("", work.guide.timings_ms)


def photo_view(work: Work) -> dict[str, Any]:
    """Return the photo pane."""
    image = work.photo.image
    return {
        "image": jpeg_url(within(image, PHOTO_SIDE)),
        "name": work.photo.name,
        "size": f"{image.width} × {image.height}",
        "sha256": work.photo.sha256,
        "garments": garments_view(work),
        "chosen": chosen_garment(work),
    }


def garments_view(work: Work) -> dict[str, Any] | None:
    """Return the garments of the photo: an index map as run lengths, their names, and where each name is to stand."""
    if work.parse is None:
        return None
    found = garment_map(work.parse)
    height, width = found.indices.shape
    named = [{"title": title, "x": x, "y": y} for title, (x, y) in zip(found.titles, found.centres, strict=True)]
    return {"width": width, "height": height, "map": encode(found.indices), "found": named}


def chosen_garment(work: Work) -> int | None:
    """Return the index of the garment that the work is about; None where it is none that was found."""
    return None if work.parse is None else chosen(work.parse, work.garment)


def canvas_view(work: Work) -> dict[str, Any]:
    """Return what the editor is to agree with: the landmark, and the draft of an edited one."""
    guide = work.guide
    edited = guide.landmark_source == "edited"
    return {
        "token": work.token,
        "revision": work.revision,
        "settled": work.serial,
        "pushed": work.pushed,
        "k": guide.k,
        "alpha": guide.alpha,
        "source": guide.landmark_source,
        "choice": guide.choice,
        "mask": encode(_eight_bit(guide.landmark)) if edited else None,
        "draft": jpeg_url(work.draft, 90) if edited and work.draft else None,
    }


def film_view(work: Work) -> dict[str, Any]:
    """Return all neighbours with what the browser needs to weigh and fuse them itself, for every K and α."""
    guide, neighbours = work.guide, work.guide.neighbours
    query = guide.query.double()
    offsets = neighbours.embeddings.double() - query  # (M, D)
    return {
        "token": work.token,
        "size": guide.landmark.shape[-1],
        "photo": work.photo.sha256,
        "neighbours": [
            {"id": int(id_), "similarity": float(similarity), "mask": encode(_eight_bit(silhouette))}
            for id_, similarity, silhouette in zip(
                neighbours.ids, neighbours.similarity, neighbours.silhouettes, strict=True
            )
        ],
        "drafts": [jpeg_url(draft, 90) if draft else None for draft in work.drafts],
        "gram": (offsets @ offsets.mT).tolist(),
        "along": (offsets @ query).tolist(),
        "length": float(query.square().sum()),
        "support": None if guide.support is None else guide.support.double().tolist(),
    }


def attribute_views(work: Work) -> Views:
    """Return the attributes with how sure their reader was, or that the person set them."""
    confidence = work.guide.attribute_confidence
    fields = {}
    for attribute in ATTRIBUTES:
        key, label = attribute.key, attribute.name
        if key in work.corrected:
            label += " · yours"
        elif key in confidence:
            label += f" · {confidence[key]:.0%}"
        fields[key] = gr.update(value=work.guide.attributes[key], label=label)
    return fields


def _eight_bit(mask: Tensor) -> np.ndarray:
    return (mask.detach().float().cpu().numpy() * 255).round().astype(np.uint8)
