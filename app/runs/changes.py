"""What became different since a run."""

from __future__ import annotations

from app.session_log.values import RunInputs


def changes_since(inputs: RunInputs, *, checkpoint: str, bank_version: str) -> str:
    """Say what is another one now than when a run was made.

    Args:
        inputs: of the run.
        checkpoint: fingerprint of the weights in use.
        bank_version: of the bank in use.

    Returns:
        Such as "the bank changed since"; "" if nothing did, or the run has not begun.
    """
    if not inputs.checkpoint:
        return ""
    compared = (("the checkpoint", inputs.checkpoint, checkpoint), ("the bank", inputs.bank_version, bank_version))
    changed = [label for label, then, now in compared if then != now]
    return f"{' and '.join(changed)} changed since" if changed else ""
