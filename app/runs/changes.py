"""What became different since a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.session_log.values import RunInputs
    from ragdiffusion.retrieval.guide import StructureGuide


def changes_since(inputs: RunInputs, *, checkpoint: str, bank_version: str, kept: bool = True) -> str:
    """Say what is another one now than when a run was made, and what it would be made from.

    Args:
        inputs: of the run.
        checkpoint: fingerprint of the weights in use.
        bank_version: of the bank in use.
        kept: whether the bank of the run can still be opened as it was.

    Returns:
        Such as "the bank changed since; it is made again from studio-r12-3f2a9c"; "" if nothing did, or the run has
        not begun.
    """
    if not inputs.checkpoint:
        return ""
    weights, then = inputs.checkpoint != checkpoint, inputs.bank_version
    bank = not same_version(then, bank_version)
    changed = [label for label, moved in (("the checkpoint", weights), ("the bank", bank)) if moved]
    if not changed:
        return ""
    said = f"{' and '.join(changed)} changed since"
    if weights or not bank:  # another encoder's bank is of no use to these weights
        return said
    if kept:
        return f"{said}; made again, it is made from {then}"
    return f"{said}, and {then} is gone: made again, it has its own outline, and candidates of {bank_version}"


def same_version(one: str, other: str) -> bool:
    """Tell whether two versions of a bank are of one content, whatever it is called now."""
    return one.rpartition("-r")[2] == other.rpartition("-r")[2]


def same_candidates(inputs: RunInputs, guide: StructureGuide) -> bool:
    """Tell whether a guide is of the bank and has the candidates of a run."""
    then = [candidate["id"] for candidate in inputs.candidates]
    same = then == [found.id for found in guide.candidates]
    return same and same_version(inputs.bank_version, guide.bank_version)
