"""One label a region: what a network says pixel by pixel, settled garment by garment."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ragdiffusion.parsing.body import body_in, is_worn
from ragdiffusion.parsing.labels import GARMENTS, LABEL, likeliest

_MINORITY = 0.4  # a reading that is outvoted holds less of a region than this,
_OUTVOTED = 0.75  # and its mean probability there is below this: a top under dungarees is no misread dress
_FRAGMENT, _UNSURE = 0.12, 0.65  # parts with less of a region's area and of probability join what they lie on;
_LAID_FRAGMENT, _LAID_UNSURE = 0.35, 0.9  # without a person more so: what hangs together there is one garment
_SPECK = 0.0008  # of the picture: smaller parts that lie alone are no garments
_STRAY = 0.1  # of the largest region of garments: smaller ones that nobody wears are ground that looks like cloth
_PIECE = 0.02  # of the largest garment of its kind in reach: smaller pieces are no garments of their own
_COVERED, _CLOTHED = 0.9, 0.25  # of what lies between two parts of one garment: something, and cloth under a jacket
_BESIDE, _WIDE = 0.3, 1.5  # least height that halves of a jacket share, of the lower one's; and gap over the wider one
_UNDER_JACKET = [LABEL[name] for name in ("inner", "upper", "dress")]
_GARMENTS = np.array([LABEL[name] for name in GARMENTS])


def settled(probabilities: np.ndarray) -> np.ndarray:
    """Make garments agree with themselves.

    Within each connected region of garments: a dress that the network reads as a top and a skirt in places, or the
    other way round, becomes what is likelier of the region as a whole; so do a top, and a jacket over another top.
    Small parts that the network is unsure of join the garment they lie on, larger ones too where nobody wears it.
    Specks become ground.

    Args:
        probabilities: float32 (9, H, W) that sum to 1.

    Returns:
        The same with probability moved between labels; still sums to 1.
    """
    settled = probabilities.copy()
    labels = likeliest(settled)
    worn = _worn(labels)
    for region in components(np.isin(labels, _GARMENTS)):
        _vote(settled, region, one=("dress",), several=("upper", "inner", "lower"))
        _vote(settled, region, one=("upper",), several=("outer", "inner"))
        _join_fragments(settled, region, worn=bool(worn[region].any()))
    return _without_specks(settled, worn)


def top_below_jacket(probabilities: np.ndarray) -> np.ndarray:
    """Tops that touch a jacket are the tops under it, for models that know jackets but no layers.

    Args:
        probabilities: float32 (9, H, W) that sum to 1.
    """
    told = probabilities.copy()
    labels = likeliest(told)
    upper, inner = LABEL["upper"], LABEL["inner"]
    for region in components(np.isin(labels, [upper, LABEL["outer"]])):
        if (labels[region] == LABEL["outer"]).any():
            told[inner][region] += told[upper][region]
            told[upper][region] = 0
    return told


def components(mask: np.ndarray, *, least: int = 1) -> list[np.ndarray]:
    """The connected parts of a bool (H, W) mask, largest first, of `least` pixels at least: bool (H, W) each."""
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    order = sorted(range(1, count), key=lambda number: -stats[number, cv2.CC_STAT_AREA])
    return [numbers == number for number in order if stats[number, cv2.CC_STAT_AREA] >= least]


def _vote(probabilities: np.ndarray, region: np.ndarray, *, one: Sequence[str], several: Sequence[str]) -> None:
    """Let a region that mixes two readings be the likelier one throughout, in place."""
    first, second = ([LABEL[name] for name in names] for names in (one, several))
    labels = np.where(region, likeliest(probabilities), 0)
    mixed = np.isin(labels, first + second)
    shares = [int(np.isin(labels, part).sum()) for part in (first, second)]
    lesser = np.isin(labels, second if shares[0] >= shares[1] else first)
    if not min(shares) or min(shares) > _MINORITY * sum(shares) or probabilities.max(0)[lesser].mean() > _OUTVOTED:
        return  # nothing to vote on, or two garments rather than one misread
    likely = [probabilities[part][:, mixed].max(0).sum() for part in (first, second)]
    winner, loser = (first, second) if likely[0] >= likely[1] else (second, first)
    near = cv2.dilate(mixed.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    within = probabilities[:, near]
    takes = np.array(winner)[within[winner].argmax(0)]
    within[takes, np.arange(takes.size)] += within[loser].sum(0)
    within[loser] = 0
    probabilities[:, near] = within


def _worn(labels: np.ndarray) -> np.ndarray:
    """Where somebody is: bool (H, W), the connected figures that are worn."""
    body = body_in(labels)
    worn = np.zeros(labels.shape, bool)
    for figure in components(labels > 0):
        if is_worn(figure, body):
            worn |= figure
    return worn


def _join_fragments(probabilities: np.ndarray, region: np.ndarray, *, worn: bool) -> None:
    """Small parts of a region that the network is unsure of take the label around them, in place."""
    small, unsure = (_FRAGMENT, _UNSURE) if worn else (_LAID_FRAGMENT, _LAID_UNSURE)
    labels = np.where(region, likeliest(probabilities), 0)
    whole = int(region.sum())
    for number in np.unique(labels[region]):
        for part in components(labels == number):
            area = int(part.sum())
            if area > small * whole or probabilities[number][part].mean() > unsure:
                continue
            ring = (cv2.dilate(part.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0) & region & ~part
            around = labels[ring]
            if around.size:
                other = np.bincount(around).argmax()
                probabilities[other][part] += probabilities[number][part]
                probabilities[number][part] = 0
                labels[part] = other


def _without_specks(probabilities: np.ndarray, worn: np.ndarray) -> np.ndarray:
    """Regions of garments that are too small, or that nobody wears and are small beside the largest, become ground."""
    parts = components(np.isin(likeliest(probabilities), _GARMENTS))
    for part in parts:
        area = int(part.sum())
        if area < _SPECK * part.size or (area < _STRAY * parts[0].sum() and not worn[part].any()):
            probabilities[0][part] += probabilities[_GARMENTS][:, part].sum(0)
            probabilities[_GARMENTS[:, None], part] = 0
    return probabilities


def pieces(labels: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The garments of a label map, each with its region: one name and bool (H, W) each, largest first.

    Parts of one label that lie near each other, as where a strap or an arm crosses, are one garment. So are the halves
    of an open jacket, and what lies above and below a hand.

    Args:
        labels: uint8 (H, W), settled.
    """
    found = []
    reach = max(3, round(max(labels.shape) * 0.03)) | 1
    for name in GARMENTS:
        own = labels == LABEL[name]
        if not own.any():
            continue
        joined = cv2.morphologyEx(
            own.astype(np.uint8), cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
        )
        parts = [part & own for part in components(joined > 0)]
        parts = _reunited([part for part in parts if part.sum() >= _SPECK * part.size], labels, name)
        found += [(name, part) for part in parts if part.sum() >= _PIECE * parts[0].sum()]
    return sorted(found, key=lambda piece: -int(piece[1].sum()))


def _reunited(parts: list[np.ndarray], labels: np.ndarray, name: str) -> list[np.ndarray]:
    """Parts of one label, largest first, those that are one garment made one."""
    whole: list[np.ndarray] = []
    for part in parts:
        for index, other in enumerate(whole):
            beside = name == "outer" and _is_one_across(other, part, labels, under=_UNDER_JACKET)
            if beside or _is_one_across(other.T, part.T, labels.T):
                whole[index] = other | part
                break
        else:
            whole.append(part)
    return sorted(whole, key=lambda part: -int(part.sum()))


def _is_one_across(one: np.ndarray, other: np.ndarray, labels: np.ndarray, under: Sequence[int] = ()) -> bool:
    """Tell whether two parts lie side by side in rows of a label map with hardly any ground between them.

    Args:
        one: bool (H, W).
        other: bool (H, W).
        labels: (H, W).
        under: labels of which there has to be some between them; none: anything will do.
    """
    rows = np.flatnonzero(one.any(1) & other.any(1))
    if len(rows) < _BESIDE * min(one.any(1).sum(), other.any(1).sum()):
        return False
    ends = [(part[rows].argmax(1), part.shape[1] - part[rows][:, ::-1].argmax(1)) for part in (one, other)]
    (left, left_end), (right, right_end) = sorted(ends, key=lambda end: float(np.median(end[0])))
    gap = right - left_end
    if np.median(gap) > _WIDE * max(np.median(left_end - left), np.median(right_end - right)):
        return False
    columns = np.arange(labels.shape[1])
    between = labels[rows][(columns >= left_end[:, None]) & (columns < right[:, None])]
    if not between.size:
        return False
    return bool((between > 0).mean() >= _COVERED and (not under or np.isin(between, under).mean() >= _CLOTHED))
