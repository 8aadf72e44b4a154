"""Laying one silhouette over another by an affine map: where the appearance flow starts from.

The garment's mask in the photo is turned, scaled and shifted onto the landmark by Levenberg-Marquardt on blurred
masks, from several turns at once; the one that fits best with the least turning wins. No weights, a few milliseconds.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from ragdiffusion.layers import cell_centres

SIDE = 32  # of the masks that are compared
TURNS = (-50.0, -25.0, 0.0, 25.0, 50.0)  # degrees to start from
_STEPS = ((4, 7), (1, 5))  # rounds of blur, steps at it
_SHEAR_COST, _TURN_COST = 0.05, 0.08
_DAMPING = 1e-3


@torch.no_grad()
def align(landmark: torch.Tensor, garment: torch.Tensor) -> torch.Tensor:
    """Find the affine map that takes positions of a landmark to positions of a photo.

    Args:
        landmark: (B, 1, H, W) in [0, 1].
        garment: (1 or B, 1, h, w) in [0, 1], the garment in the photo.

    Returns:
        (B, 2, 3): (x, y, 1) in [-1, 1] of the landmark to (x, y) in [-1, 1] of the photo. Where either mask is empty,
        the identity.
    """
    batch, turns = len(landmark), len(TURNS)
    wanted, found = (F.interpolate(mask.float(), size=(SIDE, SIDE), mode="area") for mask in (landmark, garment))
    found = found.expand(batch, -1, -1, -1)
    grid = cell_centres(SIDE, like=found)[0].flatten(1)
    positions = torch.cat([grid, torch.ones_like(grid[:1])])  # (3, L)
    (centre, spread, mass), (there, reach, seen) = _moments(wanted, positions), _moments(found, positions)
    scale = reach / spread.clamp(min=1e-3)
    angles = torch.tensor(TURNS, device=landmark.device) * (math.pi / 180)
    turn = torch.stack(
        [torch.stack([angles.cos(), -angles.sin()], -1), torch.stack([angles.sin(), angles.cos()], -1)], -2
    )  # (T, 2, 2)
    linear = scale[:, None, None, None] * turn  # (B, T, 2, 2)
    shift = there[:, None] - (linear @ centre[:, None, :, None])[..., 0]
    maps = torch.cat([linear, shift[..., None]], -1).flatten(0, 1)  # (B * T, 2, 3)
    for blurs, steps in _STEPS:
        soft = [_blur(mask, blurs).repeat_interleave(turns, 0) for mask in (wanted, found)]
        for _ in range(steps):
            maps = _step(maps, soft[0], soft[1], positions)
    laid = _lay(soft[1], maps, positions)[:, 0]
    misfit = (laid - soft[0].flatten(1)).square().sum(1) / soft[0].flatten(1).square().sum(1).clamp(min=1e-6)
    angle = torch.atan2(maps[:, 1, 0] - maps[:, 0, 1], maps[:, 0, 0] + maps[:, 1, 1])
    cost = misfit + _TURN_COST * angle.square()
    best = torch.nan_to_num(cost, nan=math.inf).unflatten(0, (batch, turns)).argmin(1)
    chosen = maps.unflatten(0, (batch, turns))[torch.arange(batch, device=best.device), best]
    usable = (mass > 1e-3) & (seen > 1e-3) & chosen.isfinite().flatten(1).all(1)
    return torch.where(usable[:, None, None], chosen, torch.eye(2, 3, device=chosen.device))


def _moments(mask: torch.Tensor, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Centre (B, 2), spread (B,) and mean (B,) of masks."""
    weight = mask.flatten(1)
    share = weight / weight.sum(1, keepdim=True).clamp(min=1e-6)
    centre = share @ positions[:2].T
    spread = (share @ positions[:2].square().sum(0) - centre.square().sum(1)).clamp(min=0).sqrt()
    return centre, spread, weight.mean(1)


def _blur(mask: torch.Tensor, rounds: int) -> torch.Tensor:
    for _ in range(rounds):
        mask = F.avg_pool2d(mask, 3, stride=1, padding=1)
    return mask


def _lay(mask: torch.Tensor, maps: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Masks and their slopes where maps point: (N, 1, S, S), (N, 2, 3) -> (N, 3, L)."""
    step = 2 / SIDE
    padded = F.pad(mask, (1, 1, 1, 1))
    slope_x = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / (2 * step)
    slope_y = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / (2 * step)
    where = (maps @ positions).transpose(1, 2)[:, None]  # (N, 1, L, 2)
    return F.grid_sample(
        torch.cat([mask, slope_x, slope_y], 1), where, mode="bilinear", padding_mode="zeros", align_corners=False
    )[:, :, 0]


def _step(maps: torch.Tensor, wanted: torch.Tensor, found: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """One Levenberg-Marquardt step; unequal scales and shear cost, turning does not."""
    laid, slope_x, slope_y = _lay(found, maps, positions).unbind(1)
    jacobian = torch.cat([slope_x[:, None] * positions, slope_y[:, None] * positions], 1)  # (N, 6, L)
    count = positions.shape[1]
    square = jacobian @ jacobian.transpose(1, 2) / count
    towards = (jacobian @ (laid - wanted.flatten(1))[..., None])[..., 0] / count
    # Departure from a similarity: (a - d, b + c) of the linear part, over its size.
    a, b, c, d = maps[:, 0, 0], maps[:, 0, 1], maps[:, 1, 0], maps[:, 1, 1]
    size = (a.square() + b.square() + c.square() + d.square()).clamp(min=1e-4)
    bend = maps.new_tensor([[1, 0, 0, 0, -1, 0], [0, 1, 0, 1, 0, 0]])
    pull = _SHEAR_COST / size
    square = square + pull[:, None, None] * (bend.T @ bend)
    towards = towards + pull[:, None] * (torch.stack([a - d, b + c], 1) @ bend)
    damped = square + torch.diag_embed(_DAMPING + 0.01 * square.diagonal(dim1=1, dim2=2))
    return maps - torch.linalg.solve(damped, towards).unflatten(1, (2, 3))
