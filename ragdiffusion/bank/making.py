"""Entries from a flat-lay picture, an outline alone or garment makers' measures, embedded on the way."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ragdiffusion.attributes import encode
from ragdiffusion.bank.building.drafted import flat_lay
from ragdiffusion.bank.building.shapes import Lay, refit
from ragdiffusion.bank.building.sources import PICTURE_SIZE, FlatLay, lay_of_picture, picture_of
from ragdiffusion.bank.entries import BankEntry, NewEntry, check_silhouette
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.cutouts import cloth_of
from ragdiffusion.garments.patterns import MeasureError, draft
from ragdiffusion.images import (
    SILHOUETTE_SIZE,
    decode_silhouettes,
    encode_silhouette,
    load_mask,
    load_photo,
    load_photo_and_alpha,
    silhouette_pixels,
    square_array,
)
from ragdiffusion.structure.structure_net import StructureNet

_CLOTH = 150  # grey of a garment of which only the outline is known
_QUALITY = 90  # of a thumbnail
_OF_CLOTH = ("print", "surface_texture")  # of the cloth that measures are drawn in, and none of the garment's own


class EntryMaker:
    """Makes entries that a bank of this encoder takes.

    Args:
        net: in eval mode, on its device.
    """

    BATCH = 64
    """Entries that are best embedded together, where there are many."""

    def __init__(self, net: StructureNet) -> None:
        self._net = net

    def from_picture(
        self,
        photo: str | Path | bytes | Image.Image,
        *,
        mask: np.ndarray | None = None,
        attributes: Mapping[str, str] | None = None,
        source: str = "",
        tags: Sequence[str] = (),
    ) -> NewEntry:
        """An entry of a flat-lay picture.

        Args:
            photo: the picture.
            mask: where the garment is, float (H, W) in [0, 1] of the picture's own size; None: what is opaque where
                it is cut out, or else what stands out from its plain ground.
            attributes: Table 6 values that are known.
            source: where it comes from; the file's name if it is empty.
            tags: words to find it by.

        Raises:
            ValueError: if the picture can't be read, no garment is found, or an argument is not as described.
        """
        image, opacity = load_photo_and_alpha(photo)
        label = source or (Path(photo).name if isinstance(photo, str | Path) else "the picture")
        if mask is None and opacity is not None:
            mask = cloth_of(opacity)
        lay = lay_of_picture(image, label, mask=mask)
        return self.embed([FlatLay(picture_of(lay), lay.alpha, dict(attributes or {}), label, tuple(tags))])[0]

    def from_outline(
        self,
        outline: np.ndarray,
        *,
        attributes: Mapping[str, str] | None = None,
        source: str = "",
        tags: Sequence[str] = (),
        fit: bool = False,
    ) -> NewEntry:
        """An entry of an outline alone, drawn, edited or generated; it is embedded as a garment of plain grey cloth.

        Args:
            outline: float (S, S) in [0, 1] in the canonical frame.
            attributes, source, tags: as for `from_picture`.
            fit: centre it in the frame first.

        Raises:
            ValueError: if the outline is empty, or an argument is not as described.
        """
        if outline.ndim != 2 or outline.shape[0] != outline.shape[1]:
            raise ValueError(f"a square outline (S, S) was wanted, got {outline.shape}")
        if not (outline > 0.5).any():
            raise ValueError("the outline is empty: no pixel is garment")
        alpha = np.rint(np.clip(outline, 0, 1) * 255).astype(np.uint8)
        lay = plain_lay(alpha, fit=fit)
        flat = FlatLay(picture_of(lay), lay.alpha, dict(attributes or {}), source or "outline", tuple(tags))
        return self.embed([flat])[0]

    def from_measures(
        self,
        kind: str,
        measures: Mapping[str, float],
        *,
        attributes: Mapping[str, str] | None = None,
        source: str = "",
        tags: Sequence[str] = (),
    ) -> NewEntry:
        """An entry drawn from garment makers' measures, which it keeps.

        Args:
            kind: a key of `garments.patterns.kinds()`.
            measures: by key; those that are missing are the kind's defaults.
            attributes: values that override what the pattern says.
            source, tags: as for `from_picture`.

        Raises:
            MeasureError: if a measure is unknown, out of range, or contradicts another.
            ValueError: if another argument is not as described.
        """
        return self.embed([measured_lay(kind, measures, attributes=attributes, source=source, tags=tags)])[0]

    def from_files(
        self,
        image: bytes | None,
        mask: bytes | None,
        *,
        attributes: Mapping[str, str] | None = None,
        source: str = "",
        tags: Sequence[str] = (),
    ) -> NewEntry:
        """An entry of a picture file, a mask file, or both.

        A mask that is a stored silhouette stays as it is, and the picture beside it is taken as its flat-lay; any
        other is taken as one of the picture's own size.

        Args:
            image, mask: one of them at least.
            attributes, source, tags: as for `from_picture`.

        Raises:
            ValueError: if a file can't be read, no garment is found, or they don't fit each other.
        """
        described = {"attributes": dict(attributes or {}), "source": source, "tags": tuple(tags)}
        if mask is None:
            if image is None:
                raise ValueError("an entry needs a picture or a mask")
            return self.from_picture(image, **described)
        try:
            silhouette = silhouette_pixels(mask) * np.uint8(255)
        except ValueError:
            plane = load_mask(mask, name=f"the mask of {source or 'the picture'}")
            if image is None:
                return self.from_outline(np.asarray(square_array(plane, "constant")), fit=True, **described)
            return self.from_picture(image, mask=plane, **described)
        seen = picture_of(plain_lay(silhouette)) if image is None else _picture(image)
        assert seen is not None  # it was given
        check_silhouette(mask)
        made = self.embed([FlatLay(seen, silhouette, described["attributes"], source, described["tags"])])[0]
        return replace(made, silhouette=mask)

    def again(self, entries: Sequence[BankEntry], patterns: Mapping[int, PatternSpec]) -> Tensor:
        """Embed entries of a bank by this encoder: from their thumbnail, their pattern, or their outline alone.

        Args:
            entries: N of them, at least one.
            patterns: what some of them were drawn from, by id.

        Returns:
            (N, D) float32 of unit length, on the CPU.

        Raises:
            ValueError: if a silhouette can't be decoded.
        """
        return _embeddings(self._net, [_seen(entry, patterns.get(entry.id)) for entry in entries])

    def embed(self, flats: Sequence[FlatLay], *, thumbnails: bool = True) -> list[NewEntry]:
        """Flat-lays as entries, all in one batch."""
        return embed_flat_lays(self._net, flats, thumbnails=thumbnails)


def embed_flat_lays(net: StructureNet, flats: Sequence[FlatLay], *, thumbnails: bool = False) -> list[NewEntry]:
    """Embed flat-lays by the standard tower, all in one batch.

    Args:
        net: in eval mode.
        flats: N of them, at least one.
        thumbnails: whether entries keep the picture that was embedded.

    Raises:
        ValueError: if an attribute is none of Table 6, or the encoder gives embeddings that are not finite.
    """
    found = _embeddings(net, flats)
    return [
        NewEntry(
            embedding=embedding,
            silhouette=encode_silhouette(torch.from_numpy(flat.silhouette).float() / 255),
            attributes=flat.attributes,
            source=flat.source,
            tags=flat.tags,
            thumbnail=_thumbnail(flat.image) if thumbnails else None,
            pattern=flat.pattern,
        )
        for flat, embedding in zip(flats, found, strict=True)
    ]


@torch.no_grad()
def _embeddings(net: StructureNet, flats: Sequence[FlatLay]) -> Tensor:
    """What `embed_flat_lays` says, without the entries about them: (N, D) float32 on the CPU."""
    size, device = net.image_size, next(net.parameters()).device
    images = torch.stack([torch.from_numpy(flat.image).permute(2, 0, 1) for flat in flats])
    images = torch.nn.functional.interpolate(images.float() / 127.5 - 1, size=(size, size), mode="area")
    codes = torch.tensor([encode(flat.attributes) for flat in flats])
    found = net(images.to(device), codes.to(device), "standard").float().cpu()
    if not torch.isfinite(found).all():
        raise ValueError(
            "the encoder gives embeddings that hold NaN or infinite values: take another checkpoint, "
            "its training went wrong"
        )
    return found


def measured_lay(
    kind: str,
    measures: Mapping[str, float],
    *,
    attributes: Mapping[str, str] | None = None,
    source: str = "",
    tags: Sequence[str] = (),
) -> FlatLay:
    """What `EntryMaker.from_measures` embeds: a garment drawn from measures, with all that is known of it.

    Args, Raises:
        as for `EntryMaker.from_measures`.
    """
    pattern = draft(kind, {key: round(float(value), 2) for key, value in measures.items()})
    flat = flat_lay(pattern, np.random.default_rng(0), source or f"measures:{kind}", "measures")
    drawn = {key: value for key, value in flat.attributes.items() if key not in _OF_CLOTH}
    known = {**drawn, **(attributes or {})}
    words = tuple(dict.fromkeys([*flat.tags, *tags]))
    return FlatLay(flat.image, flat.silhouette, known, flat.source, words, flat.pattern)


def plain_lay(alpha: np.ndarray, *, fit: bool = False) -> Lay:
    """A silhouette as a garment of plain cloth.

    Args:
        alpha: uint8 (S, S), not empty.
        fit: centre it in the frame.
    """
    cloth = np.full((PICTURE_SIZE, PICTURE_SIZE, 3), _CLOTH, np.uint8)
    if fit or alpha.shape[0] != SILHOUETTE_SIZE:
        mask = decode_silhouettes([encode_silhouette(torch.from_numpy(alpha).float() / 255)], SILHOUETTE_SIZE)[0]
        alpha = (mask.numpy() * 255).astype(np.uint8)
    return refit(Lay(cloth, alpha), alpha_size=SILHOUETTE_SIZE) if fit else Lay(cloth, alpha)


def _seen(entry: BankEntry, pattern: PatternSpec | None) -> FlatLay:
    """An entry as a flat-lay picture, as near to what it was made from as the bank knows."""
    silhouette = (decode_silhouettes([entry.silhouette], SILHOUETTE_SIZE)[0].numpy() * 255).astype(np.uint8)
    image = _picture(entry.thumbnail)
    if image is None and pattern is not None:
        try:
            drawn = draft(pattern.kind, pattern.measures)
            image = flat_lay(drawn, np.random.default_rng(entry.id), entry.source, "").image
        except MeasureError:  # of a version that knew other measures
            image = None
    if image is None:
        image = picture_of(plain_lay(silhouette))
    return FlatLay(image, silhouette, dict(entry.attributes), entry.source, entry.tags)


def _picture(file: bytes | None) -> np.ndarray | None:
    """A flat-lay's picture file as the encoder sees it: uint8 (P, P, 3)."""
    if file is None:
        return None
    return np.asarray(load_photo(file, name="the picture of an entry").resize((PICTURE_SIZE, PICTURE_SIZE)))


def _thumbnail(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="WEBP", quality=_QUALITY)
    return buffer.getvalue()
