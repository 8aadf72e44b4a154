"""What is said to have changed since a run."""

from __future__ import annotations

import pytest

from app.runs.changes import changes_since
from app.session_log.sampling import Sampling
from app.session_log.values import RunInputs


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        (("c1", "b1"), ""),
        (("c0", "b1"), "the checkpoint changed since"),
        (("c1", "b0"), "the bank changed since"),
        (("c0", "b0"), "the checkpoint and the bank changed since"),
        (("", ""), ""),
    ],
)
def test_what_is_another_one_now_is_named(then: tuple[str, str], expected: str) -> None:
    checkpoint, bank = then
    inputs = RunInputs("ana", "", "", "", Sampling(0, 1, 1.0, 1.0), 1, 0.5, checkpoint=checkpoint, bank_version=bank)
    assert changes_since(inputs, checkpoint="c1", bank_version="b1") == expected
