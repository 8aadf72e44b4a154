"""What pages show of a bench, as plain values for the browser: texts, numbers and pictures as data URLs."""

from __future__ import annotations

import hashlib
from typing import Any

import cv2
import gradio as gr
import numpy as np
from torch import Tensor

from app.files.pictures import PHOTO_SIDE, jpeg_url, within
from app.landmark_editor.rle import encode
from app.pages.shared.status import Status
from app.runs.bench import Bench
from app.runs.garments import chosen, garment_map, map_size
from app.runs.photos import garment_on_photo
from app.runs.work import Unmarked, Work
from app.session_log.patterns import logged_pattern
from app.web.site import Views
from ragdiffusion.attributes import ATTRIBUTES
from ragdiffusion.retrieval.guide import StructureGuide

FIELDS = tuple(attribute.key for attribute in ATTRIBUTES)
GUIDE_VIEWS = ("canvas", "film", "status")
NOTHING_FOUND = "No garment was found in this photo: draw a box around it, paint it with the brush, or turn the photo"
BENCH_VIEWS = ("photo", *GUIDE_VIEWS, "k", "alpha", *FIELDS)


class BenchPresenter:
    """Makes the views of what lies on a bench.

    Args:
        status: the status line.
    """

    def __init__(self, status: Status) -> None:
        self._status = status

    def all(self, bench: Bench) -> Views:
        """Return every view of it, `BENCH_VIEWS`; of a photo without a garment, what there is.

        Raises:
            ValueError: if there is no photo.
        """
        if bench.unmarked is not None:
            return self.unmarked(bench.unmarked)
        work = bench.require()
        settings = {"k": work.guide.k, "alpha": work.guide.alpha, **attribute_views(work)}
        return {"photo": photo_view(work), **self.guide(work), **settings}

    def unmarked(self, shown: Unmarked) -> Views:
        """Return the views of a photo that waits for a garment to be marked; canvas and strip are empty."""
        film = {"token": shown.token, "photo": "", "neighbours": [], "drafts": [], "drafted": None}
        return {"photo": photo_view(shown), "film": film, "status": self._status.view(NOTHING_FOUND)}

    def guide(self, work: Work) -> Views:
        """Return the views of its guide, `GUIDE_VIEWS`."""
        return {"film": film_view(work), **self.landmark(work)}

    def landmark(self, work: Work) -> Views:
        """Return the views of its landmark."""
        return {"canvas": canvas_view(work), "status": self.timings(work)}

    def timings(self, work: Work) -> dict[str, Any]:
        """Return the status line after a change of the guide: what is to be said of its garment."""
        return self._status.of_work("", work)


def photo_view(shown: Work | Unmarked) -> dict[str, Any]:
    """Return the photo pane; places are shares of the turned photo's sides, the garments' of what is left of it."""
    photo = shown.photo
    across, down = photo.whole.size
    box = photo.framing.box
    return {
        "image": jpeg_url(within(photo.whole, PHOTO_SIDE)),
        "name": photo.name,
        "size": f"{photo.image.width} × {photo.image.height}",
        "sha256": photo.sha256,
        "ratio": across / down,
        "turns": photo.framing.turns,
        "mirrored": photo.framing.mirrored,
        "box": box and [box[0] / across, box[1] / down, box[2] / across, box[3] / down],
        "garments": garments_view(shown),
        **garment_view(shown),
    }


def garments_view(shown: Work | Unmarked) -> dict[str, Any] | None:
    """Return the garments of the photo: an index map as run lengths, their names, and where each name is to stand."""
    if shown.parse is None:
        return None
    found = garment_map(shown.parse)
    height, width = found.indices.shape
    named = [{"title": title, "x": x, "y": y} for title, (x, y) in zip(found.titles, found.centres, strict=True)]
    return {"width": width, "height": height, "map": encode(found.indices), "found": named}


def garment_view(shown: Work | Unmarked) -> dict[str, Any]:
    """Return which garment the work is about: the one that was chosen, or whose mask it is, and that mask.

    The token makes each answer another one, as the page is not told of a value that stays the same.
    """
    token = shown.token
    size = map_size(shown.photo.image.size)
    if isinstance(shown, Unmarked):
        nothing = encode(np.zeros(size[::-1], np.uint8))
        mask = {"width": size[0], "height": size[1], "mask": nothing}
        return {"unmarked": NOTHING_FOUND, "chosen": None, "own": None, "mask": mask, "token": token}
    whose = {"chosen": chosen_garment(shown), "own": own_garment(shown)}
    return {"unmarked": None, **whose, "mask": mask_view(shown), "token": token}


def mask_view(work: Work) -> dict[str, Any] | None:
    """Return where the garment lies, as run lengths over the photo; None where nobody was asked."""
    mask = work.garment if isinstance(work.garment, np.ndarray) else garment_on_photo(work.sight)
    if mask is None:
        return None
    width, height = map_size(work.photo.image.size)
    small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
    return {"width": width, "height": height, "mask": encode(np.rint(small * 255).astype(np.uint8))}


def chosen_garment(work: Work) -> int | None:
    """Return the index of the garment that the work is about; None where it is none that was found."""
    if work.parse is None or own_garment(work) is not None:
        return None
    return chosen(work.parse, work.garment)


def own_garment(work: Work) -> str | None:
    """Return whose mask the garment has, in words; None where it was found in the photo."""
    source = work.sight.garment.source if work.sight.garment else ""
    return {"given": "marked by you", "alpha": "cut out"}.get(source)


def landmark_key(work: Work) -> str:
    """Return what the outlines on the canvas belong to: another garment mask or framing begins them anew."""
    meant = hashlib.sha256(work.garment.tobytes()).hexdigest() if isinstance(work.garment, np.ndarray) else ""
    return f"{work.photo.sha256} {work.photo.framing.logged()} {meant}"


def canvas_view(work: Work) -> dict[str, Any]:
    """Return what the editor is to agree with: the landmark, and the draft of one that the person made."""
    guide = work.guide
    return {
        "token": work.token,
        "revision": work.revision,
        "settled": work.serial,
        "pushed": work.pushed,
        "k": guide.k,
        "alpha": guide.alpha,
        "source": guide.landmark_source,
        "choice": guide.choice,
        "mask": encode(_eight_bit(guide.landmark)) if work.is_own else None,
        "pattern": logged_pattern(guide.pattern),
        "draft": jpeg_url(work.draft, 90) if work.is_own and work.draft else None,
    }


def film_view(work: Work) -> dict[str, Any]:
    """Return all neighbours with what the browser needs to weigh and fuse them itself, for every K and α."""
    guide, neighbours = work.guide, work.guide.neighbours
    query = guide.query.double()
    offsets = neighbours.embeddings.double() - query  # (M, D)
    return {
        "token": work.token,
        "size": guide.landmark.shape[-1],
        "photo": landmark_key(work),
        "neighbours": [
            {"id": int(id_), "similarity": float(similarity), "mask": encode(_eight_bit(silhouette))}
            for id_, similarity, silhouette in zip(
                neighbours.ids, neighbours.similarity, neighbours.silhouettes, strict=True
            )
        ],
        "drafts": [jpeg_url(draft, 90) if draft else None for draft in work.drafts],
        "drafted": drafted_view(guide),
        "gram": (offsets @ offsets.mT).tolist(),
        "along": (offsets @ query).tolist(),
        "length": float(query.square().sum()),
        "support": None if guide.support is None else guide.support.double().tolist(),
    }


def drafted_view(guide: StructureGuide) -> dict[str, Any] | None:
    """Return the drafted shape as it is predicted: its measures, how sure they are, and its silhouette."""
    if guide.drafted is None:
        return None
    return {**guide.drafted.summary(), "mask": encode(_eight_bit(guide.draft().landmark))}


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
