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
        (("c1", "b0"), "the bank changed since; made again, it is made from b0"),
        (("c0", "b0"), "the checkpoint and the bank changed since"),
        (("", ""), ""),
    ],
)
def test_what_is_another_one_now_is_named(then: tuple[str, str], expected: str) -> None:
    checkpoint, bank = then
    inputs = RunInputs("ana", "", "", "", Sampling(0, 1, 1.0, 1.0), 1, 0.5, checkpoint=checkpoint, bank_version=bank)
    assert changes_since(inputs, checkpoint="c1", bank_version="b1") == expected


def test_a_bank_that_is_gone_is_named_and_one_of_another_name_is_the_same() -> None:
    inputs = RunInputs("ana", "", "", "", Sampling(0, 1, 1.0, 1.0), 1, 0.5, checkpoint="c", bank_version="my-r2-abcdef")
    assert changes_since(inputs, checkpoint="c", bank_version="spring-r2-abcdef") == ""
    said = changes_since(inputs, checkpoint="c", bank_version="my-r3-123456", kept=False)
    assert said == (
        "the bank changed since, and my-r2-abcdef is gone: made again, it has its own outline, and candidates of "
        "my-r3-123456"
    )
