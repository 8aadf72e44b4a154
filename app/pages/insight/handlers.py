"""What the Insight page shows, without the page: values in, named views out."""

from __future__ import annotations

import base64
import io
import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from app.pages.insight.numbers import histogram, landmark_by_k, likeness_by_alpha
from app.pages.shared.plane import Plane, categories_of, principal_plane, steps_of
from app.runs.bench import Bench
from app.runs.engine import Engine
from app.runs.work import Work
from app.session_log.search import Search
from app.web.site import Views
from ragdiffusion.attributes import UNKNOWN
from ragdiffusion.config import KEPT_NEIGHBOURS

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion

_BINS = 48
_ALPHAS = tuple(i / 20 for i in range(21))
_RUNS = 200
_THUMBNAIL = 128
_RETRIEVE = ("encode", "search", "slle", "fuse")


@dataclass(frozen=True, eq=False)
class _Cloud:
    """A bank as the map shows it: ids, embeddings (N, D), their plane, and the category of each."""

    version: str
    ids: list[int]
    vectors: np.ndarray
    plane: Plane
    categories: list[str]


class InsightHandlers:
    """The handlers of the Insight page.

    Args:
        engine: whose model and bank are measured.
        search: finds how long runs took.
    """

    def __init__(self, engine: Engine, search: Search) -> None:
        self._engine = engine
        self._search = search
        self._lock = threading.Lock()
        self._cloud: _Cloud | None = None
        self._tokens = itertools.count(1)

    def open(self, bench: Bench) -> Iterator[Views]:
        """Measure what lies on the bench against the bank; the page was opened."""
        timings = self._timings(bench.owner)
        if not self._engine.ready:
            yield {"insight": {"state": "loading", "timings": timings, "token": next(self._tokens)}}
        model = self._engine.model()
        yield {
            "insight": {
                "state": "ready",
                "timings": timings,
                **self._measured(model, bench.work),
                "token": next(self._tokens),
            }
        }

    def look(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Show an entry of the map; the event holds its `id`."""
        number = event.get("id")
        if isinstance(number, bool) or not isinstance(number, int):
            raise ValueError(f"{number!r} is no entry of the bank: reload the page")
        entry = self._engine.model().bank.entry(number)
        with Image.open(io.BytesIO(entry.silhouette)) as image:
            picture = _shape(image.convert("L"))
        read = [value for value in entry.attributes.values() if value != UNKNOWN]
        return {"insight_entry": {"id": entry.id, "shape": picture, "source": entry.source, "attributes": read}}

    def _measured(self, model: RAGDiffusion, work: Work | None) -> dict[str, Any]:
        cloud = self._whole(model)
        points = cloud.plane.place(cloud.vectors)
        if work is None:
            return {"map": _map(cloud, points)}
        guide = work.guide
        query, fused = (vector.double().numpy() for vector in (guide.query, guide.embedding))
        own = cloud.plane.place(np.stack([query, fused]))
        similarity = cloud.vectors @ query
        counts, low, high = histogram(similarity, bins=_BINS)
        nearest = [
            {
                "id": candidate.id,
                "similarity": candidate.similarity,
                "weight": candidate.weight,
                "shape": _shape(Image.fromarray((candidate.silhouette.numpy() * 255).astype(np.uint8))),
            }
            for candidate in guide.candidates
        ]
        return {
            "map": _map(cloud, points, own),
            "photo": work.photo.name,
            "nearest": nearest,
            "similarity": {"counts": counts, "low": low, "high": high, "mean": float(similarity.mean())},
            "by_k": landmark_by_k(guide, most=KEPT_NEIGHBOURS),
            "k": guide.k,
            "source": guide.landmark_source,
            "by_alpha": [list(pair) for pair in zip(_ALPHAS, likeness_by_alpha(guide, _ALPHAS), strict=True)],
            "alpha": guide.alpha,
        }

    def _whole(self, model: RAGDiffusion) -> _Cloud:
        bank = model.bank
        with self._lock:
            if self._cloud is None or self._cloud.version != bank.version:
                version = bank.version
                ids, vectors = bank.embeddings()
                known = bank.attributes_by_id()
                categories = [known.get(number, {}).get("category", UNKNOWN) for number in ids]
                plane = principal_plane(vectors.numpy())
                self._cloud = _Cloud(version, ids, vectors.numpy(), plane, categories)
            return self._cloud

    def _timings(self, owner: str) -> list[dict[str, Any]]:
        """Return the latest runs: ms of `retrieve`, `prepare` (draft and reference), `denoise`, `decode`, of all
        `other` work such as finding the garment, and in `total`."""
        rows = []
        for run in self._search.timings(owner=owner, count=_RUNS):
            spent = run.timings_ms
            stages = {
                "retrieve": sum(spent.get(name, 0.0) for name in _RETRIEVE),
                "prepare": spent.get("reference", 0.0),
                "denoise": spent.get("denoise", 0.0),
                "decode": spent.get("decode", 0.0),
            }
            named = sum(stages.values())
            total = max(spent.get("total", named), named)
            when = f"{run.created_at.astimezone():%d %b %H:%M}"
            stages |= {"other": total - named, "total": total}
            rows.append({"run": run.id, "when": when, "steps": run.steps, **stages})
        return rows


def _map(cloud: _Cloud, points: np.ndarray, own: np.ndarray | None = None) -> dict[str, Any]:
    """Return the points (N, 2) of a bank, and those (2, 2) of e and ê, in whole steps from the lower left corner."""
    place, extent = steps_of(points if own is None else np.concatenate([points, own]))
    kinds, names = categories_of(cloud.categories)
    counts = Counter(cloud.categories)
    return {
        "ids": cloud.ids,
        "xy": place[: len(points)].ravel().tolist(),
        "kinds": kinds,
        "names": names,
        "counts": [counts[name] for name in names],
        "share": cloud.plane.share.tolist(),
        "extent": extent,
        "own": None if own is None else place[len(points) :].tolist(),
    }


def _shape(mask: Image.Image) -> str:
    """Return a silhouette as a small picture whose alpha is the garment, so that the page gives it its own colour."""
    small = mask.resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BOX)
    picture = Image.new("LA", small.size)
    picture.putalpha(small)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
