"""Does retrieval find the right shape? Queries with known silhouettes, and what the bank answers (Table 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from ragdiffusion.api import RAGDiffusion
from ragdiffusion.attributes import GARMENT_KINDS, UNKNOWN, encode, known_of
from ragdiffusion.bank import Bank
from ragdiffusion.bank.building.sources import STANDARD_SYMMETRY
from ragdiffusion.garments import GarmentEngine
from ragdiffusion.garments.engine2d.wild import DISPLAYS
from ragdiffusion.garments.garment import load_garments
from ragdiffusion.images import decode_silhouettes, photo_to_tensor
from ragdiffusion.retrieval.guide import StructureGuide

SIDE = 128
"""Side at which silhouettes are compared, pixels."""
CLOSE = 0.85
"""IoU above which a retrieved silhouette counts as right, as in the paper."""
KS = (1, 2, 4, 8)
ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
_TELLING_NAME = 8  # letters
_DRAWN_SEEDS = 1 << 43  # neither a trainer nor a bank draws these
_OUTER = (
    "Windbreaker",
    "Down Jacket",
    "Jacket",
    "Suit",
    "Knitted Coat",
    "Leather Short Coat",
    "Leather Long Coat",
    "Denim Jacket",
    "Robe",
    "Sports Jacket",
    "Knitted Cardigan",
    "Leather Jacket",
)


@dataclass(frozen=True)
class Query:
    """A photo whose garment's true silhouette is known.

    Attributes:
        source: where it comes from, as a bank entry of the same garment names it: `collection:name`.
        category: one of the eight of `GARMENT_KINDS`.
        display: "laid", "hung" or "worn" for a drawn one, "real" for a photo.
        straight: whether it lies straight enough to stand for a standard.
        photo: a path, or the picture itself.
        standard: uint8 (N, N, 3), its flat-lay on white.
        silhouette: (SIDE, SIDE) bool, the flat-lay's.
        attributes: Table 6 values that are known of it.
    """

    source: str
    category: str
    display: str
    straight: bool
    photo: Path | Image.Image
    standard: np.ndarray
    silhouette: np.ndarray
    attributes: dict[str, str]


@dataclass(frozen=True, eq=False)
class Gallery:
    """A bank's enabled entries, laid out to be compared with many queries at once.

    Attributes:
        ids: N bank ids, ascending.
        embeddings: (N, D).
        silhouettes: (N, SIDE, SIDE) bool.
        categories: of each entry, one of the eight.
        sources: of each entry.
    """

    ids: tuple[int, ...]
    embeddings: torch.Tensor
    silhouettes: torch.Tensor
    categories: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class RetrievalAnswer:
    """What retrieval gave for one query, against the truth. All overlaps are IoU in [0, 1].

    Attributes:
        iou: of the landmark with the checkpoint's own K and α.
        nearest: of the first five neighbours (or as many as the bank has).
        oracle: of the best entry in the whole bank.
        by_k: of the landmark for each K that the bank allows.
        to_standard: for each α, cosine similarity of ê (Eq. 3) with the embedding of the garment's own flat-lay.
        outline: of the photo's own outline, centred and made symmetric; None without a flow to find it.
        expected: of the silhouette that SilhouetteNet draws; None without one.
        milliseconds: spent in retrieval.
        query: (D,), e of the photo.
        standard: (D,), e of the flat-lay.
        photo_outline: (SIDE, SIDE) bool, that outline; empty where no garment was found.
        drawn: (SIDE, SIDE) bool, that silhouette; empty likewise.
        guide: what the product returned.
    """

    iou: float
    nearest: tuple[float, ...]
    oracle: float
    by_k: dict[int, float]
    to_standard: dict[float, float]
    outline: float | None
    expected: float | None
    milliseconds: float
    query: torch.Tensor
    standard: torch.Tensor
    photo_outline: torch.Tensor
    drawn: torch.Tensor
    guide: StructureGuide

    @property
    def top1(self) -> bool:
        """Whether the nearest entry is right."""
        return self.nearest[0] > CLOSE

    @property
    def top5(self) -> bool:
        """Whether one of the five nearest is right."""
        return max(self.nearest) > CLOSE


def folder_queries(folder: Path, size: int, limit: int | None = None) -> list[Query]:
    """Queries from a folder of real photos with cut-outs, spread evenly over its list.

    Args:
        folder: `NAME/` with `CATEGORY/ID.jpg` and `.png` in it and `NAME.csv` beside it, or a folder with `val.csv`.
        size: side of the flat-lays, pixels.
        limit: at most so many.

    Raises:
        ValueError: if the list is missing, empty or not of this layout, or a file in it can't be read.
    """
    folder = folder.resolve()
    root, split = (folder, "val") if (folder / "val.csv").is_file() else (folder.parent, folder.name)
    if not (root / f"{split}.csv").is_file():
        raise ValueError(
            f"{folder}: no {folder.name}.csv beside it and no val.csv in it; a folder of photos holds "
            "CATEGORY/ID.jpg and ID.png, its list stands beside it"
        )
    try:
        garments = load_garments(root, split, size, limit=limit)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{root / f'{split}.csv'}: the columns category, id and symmetry are wanted ({error} is missing)"
        ) from error
    if not garments:
        raise ValueError(f"{root / f'{split}.csv'} lists no garment: one at least is wanted")
    return [
        Query(
            source=f"real:{g.name}",
            category=g.category,
            display="real",
            straight=g.symmetry >= STANDARD_SYMMETRY,
            photo=root / split / g.category / f"{g.name}.jpg",
            standard=g.standard,
            silhouette=_small(g.alpha),
            attributes=known_of(g.category),
        )
        for g in garments
    ]


def drawn_queries(size: int, limit: int) -> list[Query]:
    """Queries from the garment engine: laid, hung and worn in turn, of garments that no trainer and no bank draws."""
    engine, queries = GarmentEngine(size), []
    for index in range(limit):
        rng = np.random.default_rng([_DRAWN_SEEDS + index, 2026])
        structure = engine.structure(rng)
        flat = engine.flat_lay(structure, engine.texture(rng, structure))
        display = DISPLAYS[index % len(DISPLAYS)]
        photo = engine.photo(flat, rng, display=display)
        known = {key: value for key, value in flat.attributes.items() if value != UNKNOWN}
        queries.append(
            Query(
                source=f"drawn:{_DRAWN_SEEDS + index}",
                category=category_of((structure.kind,), known),
                display=display,
                straight=True,
                photo=Image.fromarray(photo.image),
                standard=flat.image,
                silhouette=_small(flat.silhouette),
                attributes=known,
            )
        )
    return queries


def category_of(tags: Sequence[str], attributes: dict[str, str]) -> str:
    """One of the eight categories of the real photos, for an entry or a drawn garment.

    Args:
        tags: an entry's, or a drawn structure's kind; one that names a category decides.
        attributes: Table 6 values.
    """
    named = [tag for tag in tags if tag in GARMENT_KINDS]
    if named:
        return named[0]
    category = attributes.get("category", UNKNOWN)
    if category in ("Dress", "Loungewear Dress"):
        return "dress"
    if category == "Skirt":
        return "skirt"
    if category in _OUTER:
        return "outwear"
    if category == "Shirt":
        return "shirt"
    return "longsleeve" if attributes.get("sleeve_length") in ("Long", "Extra Long") else "t-shirt"


def open_gallery(bank: Bank, queries: Sequence[Query]) -> Gallery:
    """Read a bank for comparison.

    Raises:
        ValueError: if the bank is empty, or a queried garment is in it.
    """
    entries = list(bank.entries(enabled=True))
    if not entries:
        raise ValueError("the bank holds no enabled entry: there is nothing to retrieve")
    held = {entry.source for entry in entries}
    every = "\n".join(held)

    def is_held(source: str) -> bool:
        """A shape made from a garment has its name within its own source; short names say nothing."""
        name = source.partition(":")[2]
        return source in held or (len(name) >= _TELLING_NAME and name in every)

    known = [query.source for query in queries if is_held(query.source)]
    if known:
        raise ValueError(
            f"{len(known)} of {len(queries)} queried garments are entries of this bank ({known[0]} for "
            "one): evaluate on garments that it was not built from"
        )
    parts = [
        decode_silhouettes([entry.silhouette for entry in entries[i : i + 256]], SIDE) > 0.5
        for i in range(0, len(entries), 256)
    ]
    return Gallery(
        ids=tuple(entry.id for entry in entries),
        embeddings=torch.stack([entry.embedding for entry in entries]),
        silhouettes=torch.cat(parts),
        categories=tuple(category_of(entry.tags, entry.attributes) for entry in entries),
        sources=tuple(entry.source for entry in entries),
    )


def overlaps(masks: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """IoU of every mask with every other: (Q, S, S) bool, (N, S, S) bool -> (Q, N); two empty ones agree in nothing."""
    first, second = masks.flatten(1).float(), others.flatten(1).float()
    common = first @ second.T
    union = first.sum(1)[:, None] + second.sum(1) - common
    return common / union.clamp(min=1)


def true_overlaps(queries: Sequence[Query], gallery: Gallery) -> torch.Tensor:
    """IoU of each query's true silhouette with each entry: (Q, N)."""
    truth = torch.from_numpy(np.stack([query.silhouette for query in queries]))
    return torch.cat([overlaps(truth, part) for part in gallery.silhouettes.split(512)], 1)


@torch.no_grad()
def measure(
    model: RAGDiffusion, queries: Sequence[Query], gallery: Gallery, truth: torch.Tensor
) -> Iterator[RetrievalAnswer]:
    """Retrieve for every query as the product does, and compare.

    Args:
        model: over the bank that `gallery` was read from.
        queries: what to ask.
        gallery: the bank's entries.
        truth: (Q, N) from `true_overlaps`.
    """
    place = {entry: index for index, entry in enumerate(gallery.ids)}
    for query, row in zip(queries, truth, strict=True):
        guide = model.retrieve(query.photo)
        kept = len(guide.neighbours.ids)
        tuned = {k: guide.retune(k=k) for k in KS if k <= kept}
        standard = embed_standard(model, query)
        mixed = {alpha: guide.retune(alpha=alpha).embedding for alpha in ALPHAS}
        own = _shown(model.photo_outline, query, possible=model.pipeline.appearance_flow is not None)
        drawn = _shown(model.expected_silhouette, query, possible=model.pipeline.silhouette_net is not None)
        mask = torch.from_numpy(query.silhouette)
        yield RetrievalAnswer(
            iou=_iou(small_mask(guide.landmark), mask),
            nearest=tuple(float(row[place[entry]]) for entry in guide.neighbours.ids[:5]),
            oracle=float(row.max()),
            by_k={k: _iou(small_mask(one.landmark), mask) for k, one in tuned.items()},
            to_standard={alpha: float(F.cosine_similarity(e.cpu(), standard, dim=0)) for alpha, e in mixed.items()},
            outline=None if model.pipeline.appearance_flow is None else _iou(own, mask),
            expected=None if model.pipeline.silhouette_net is None else _iou(drawn, mask),
            milliseconds=sum(guide.timings_ms.values()),
            query=guide.query.cpu(),
            standard=standard,
            photo_outline=own,
            drawn=drawn,
            guide=guide,
        )


def embed_standard(model: RAGDiffusion, query: Query) -> torch.Tensor:
    """The embedding that the query's own flat-lay would have in the bank: (D,)."""
    net = model.pipeline.structure_net
    image = photo_to_tensor(Image.fromarray(query.standard), net.image_size).to(model.device)
    codes = torch.tensor([encode(query.attributes)], device=image.device)
    return net(image, codes, "standard")[0].float().cpu()


def small_mask(mask: torch.Tensor) -> torch.Tensor:
    """(H, W) in [0, 1] -> (SIDE, SIDE) bool, averaged over areas."""
    return F.interpolate(mask[None, None].float().cpu(), size=(SIDE, SIDE), mode="area")[0, 0] > 0.5


def _shown(read: Callable[[Path | Image.Image], torch.Tensor], query: Query, *, possible: bool) -> torch.Tensor:
    if possible:
        try:
            return small_mask(read(query.photo))
        except ValueError:  # no garment was found: an empty outline overlaps with nothing
            pass
    return torch.zeros(SIDE, SIDE, dtype=torch.bool)


def _iou(first: torch.Tensor, second: torch.Tensor) -> float:
    return float(overlaps(first[None], second[None]))


def _small(alpha: np.ndarray) -> np.ndarray:
    """uint8 (N, N) -> (SIDE, SIDE) bool."""
    return cv2.resize(alpha, (SIDE, SIDE), interpolation=cv2.INTER_AREA) > 127
