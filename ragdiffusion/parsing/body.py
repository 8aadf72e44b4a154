"""Whether somebody is seen in a parse: all that is asked of skin and hair, and by which measure."""

from __future__ import annotations

import numpy as np

from ragdiffusion.parsing.labels import LABEL

_BODY = [LABEL["skin"], LABEL["hair"]]
_ON_TOP = [LABEL[name] for name in ("upper", "outer", "inner", "dress")]
_WEARING = 0.01  # of a figure that is skin or hair where somebody wears its garments
_PERSON = 200  # of so many pixels that are no ground one is skin or hair where there is a person at all
_HEAD = 0.05  # of the square of the clothes' width that a head covers at least
_FACE, _CHIN = 0.06, 0.75  # share of skin in a head from which a face is seen, of that part of its height, from above
_ASIDE = 0.1  # of the clothes' width at each side over which no head is looked for
_SURELY, _SOMEBODY = 0.8, 0.1  # probability of sure skin or hair; share of it that is sure where it is no mistake
_WORN = 0.6  # that share where a garment is worn: 120 rendered people have 0.73 or more, 405 of 406 laid ones less


def body_in(labels: np.ndarray) -> np.ndarray:
    """Where skin or hair is the likeliest label: bool (H, W) of labels (H, W)."""
    return np.isin(labels, _BODY)


def body_probability(probabilities: np.ndarray) -> np.ndarray:
    """Probability of skin or hair: float (H, W) of probabilities (9, H, W)."""
    return probabilities[_BODY].sum(0)


def surely_body(probabilities: np.ndarray) -> np.ndarray:
    """Where skin or hair is sure: bool (H, W) of probabilities (9, H, W)."""
    return body_probability(probabilities) > _SURELY


def is_worn(figure: np.ndarray, body: np.ndarray) -> bool:
    """Whether somebody wears the garments of a figure.

    Args:
        figure: bool (H, W), a connected part that is no ground.
        body: bool (H, W), `body_in` the labels.
    """
    return bool(body[figure].mean() > _WEARING)


def has_person(probabilities: np.ndarray, labels: np.ndarray) -> bool:
    """Whether a two-hundredth of what is no ground is skin or hair, most of it surely.

    Args:
        probabilities: float (9, H, W) that sum to 1.
        labels: (H, W), the likeliest of each pixel.
    """
    body = body_in(labels)
    enough = _PERSON * body.sum() > (labels > 0).sum()
    return bool(enough) and _sure_share(probabilities, body) > _WORN


def shows_somebody(probabilities: np.ndarray, labels: np.ndarray) -> bool:
    """Whether skin or hair is seen, and some of it surely: brown wood is like skin, but no part of it quite.

    Args:
        probabilities: float (9, H, W) that sum to 1.
        labels: (H, W), the likeliest of each pixel.
    """
    body = body_in(labels)
    return bool(body.any()) and _sure_share(probabilities, body) > _SOMEBODY


def is_from_behind(labels: np.ndarray) -> bool:
    """Whether a head is seen over the clothes, and it is hair without a face.

    Of 60 rendered people who turn their backs 32 are told so; those whose heads are bald, covered or beyond the frame
    are not. Of 200 who don't, none is.

    Args:
        labels: (H, W), the likeliest of each pixel.
    """
    cloth = np.isin(labels, _ON_TOP)
    rows, columns = np.flatnonzero(cloth.mean(1) > _WEARING), np.flatnonzero(cloth.any(0))
    if not len(rows):
        return False
    left, right = columns[0], columns[-1] + 1
    aside = round(_ASIDE * (right - left))
    over = labels[: rows[0], left + aside : right - aside]
    head = body_in(over)
    if head.sum() <= _HEAD * (right - left) ** 2:
        return False
    high = np.flatnonzero(head.any(1))
    head[round(high[0] + _CHIN * (high[-1] - high[0])) :] = False
    return bool((over[head] == LABEL["skin"]).mean() < _FACE)


def _sure_share(probabilities: np.ndarray, body: np.ndarray) -> float:
    """The share of what looks like skin or hair, bool (H, W) and not empty, that surely is."""
    return float(surely_body(probabilities)[body].mean())
