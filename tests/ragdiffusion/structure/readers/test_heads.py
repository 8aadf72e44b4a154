"""What heads say, readings, and the memory of slow readers."""

from __future__ import annotations

import math
import time
from dataclasses import asdict

import pytest
import torch
from PIL import Image

from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN
from ragdiffusion.structure.readers.heads import head_probabilities, sure_reading, taught_attributes
from ragdiffusion.structure.readers.memory import RememberingReader
from ragdiffusion.structure.readers.reading import PHOTO_SIDE, AttributeReading, complete_reading, reduced
from ragdiffusion.structure.structure_net import StructureNet
from tests.ragdiffusion.conftest import tiny_preset

_INDEX = {attribute.key: index for index, attribute in enumerate(ATTRIBUTES)}


@pytest.fixture
def net() -> StructureNet:
    return StructureNet(**asdict(tiny_preset().structure)).eval()


def _teach(net: StructureNet, **logits: list[float]) -> None:
    """Give heads a constant answer."""
    for key, values in logits.items():
        net.attribute_heads[_INDEX[key]].bias.data.copy_(torch.tensor(values))


@torch.no_grad()
def _read(net: StructureNet, **kwargs: float) -> AttributeReading:
    started, logits = time.perf_counter(), net.read_attributes(net.tokens(torch.zeros(1, 3, 32, 32), "photo"))
    return sure_reading(head_probabilities(logits, taught_attributes(net.attribute_heads)), started=started, **kwargs)


def test_values_and_confidence_are_the_softmax_of_the_heads(net) -> None:
    _teach(
        net, fit=[math.log(1), math.log(2), math.log(7)], age=[math.log(4), math.log(6)], length=[0, 0, 0, 0, 0, 0.5]
    )
    reading = _read(net)
    assert (reading.values["fit"], reading.values["age"]) == ("Slim", "Child")
    assert reading.confidence["fit"] == pytest.approx(0.7) and reading.confidence["age"] == pytest.approx(0.6)
    assert reading.values["length"] == UNKNOWN and reading.confidence["length"] == 0, "0.25 is not sure"
    assert list(reading.values) == list(reading.confidence) == list(_INDEX)
    assert reading.reader == "heads" and reading.milliseconds > 0 and reading.note == ""


def test_an_untaught_head_reads_nothing_however_low_the_bar(net) -> None:
    _teach(net, age=[0.1, 0.0])
    assert taught_attributes(net.attribute_heads) == {"age"}
    known = {key: value for key, value in _read(net, sure=0.0).values.items() if value != UNKNOWN}
    assert known == {"age": "Adult"}


@pytest.mark.parametrize("sure", [-0.1, 1.0, float("nan")])
def test_sure_is_a_probability(net, sure: float) -> None:
    with pytest.raises(ValueError, match="just below 1 wanted"):
        _read(net, sure=sure)


# ---- readings


def test_a_reading_is_complete_and_checked() -> None:
    reading = complete_reading({"fit": "Slim", "age": UNKNOWN}, {"fit": 0.4, "age": 0.9}, reader="me", started=0.0)
    assert reading.values["fit"] == "Slim" and set(reading.values) == set(_INDEX)
    assert reading.confidence == {**dict.fromkeys(_INDEX, 0.0), "fit": 0.4}, "nothing is known of an Unknown"
    with pytest.raises(ValueError, match="fit cannot be 'Tight'"):
        AttributeReading({**reading.values, "fit": "Tight"}, reading.confidence, "me", 1.0)
    with pytest.raises(ValueError, match="all 14 attributes"):
        AttributeReading({"fit": "Slim"}, reading.confidence, "me", 1.0)
    for wrong in ({**reading.confidence, "fit": 1.01}, {**reading.confidence, "fit": math.nan}, {"fit": 0.4}):
        with pytest.raises(ValueError, match="a confidence in"):
            AttributeReading(reading.values, wrong, "me", 1.0)


def test_models_get_small_rgb_photos() -> None:
    small = reduced(Image.new("RGBA", (3000, 1500), "red"))
    assert small.mode == "RGB" and small.size == (PHOTO_SIDE, PHOTO_SIDE // 2)
    assert reduced(Image.new("RGB", (50, 40))).size == (50, 40)


# ---- memory


class _Counting:
    """A reader that counts its photos."""

    def __init__(self) -> None:
        self.asked, self.note = 0, ""

    def read(self, photo: Image.Image) -> AttributeReading:
        self.asked += 1
        return complete_reading({"fit": "Slim"}, {"fit": 0.5}, reader="count", started=0.0, note=self.note)


def test_each_photo_is_asked_for_once_and_the_oldest_is_forgotten() -> None:
    counting = _Counting()
    reader = RememberingReader(counting, kept=2)
    red, blue, wide = (
        Image.new("RGB", size, colour) for size, colour in (((8, 8), "red"), ((8, 8), "blue"), ((16, 4), "red"))
    )
    assert reader.read(red) == reader.read(red.copy()) and counting.asked == 1
    reader.read(wide), reader.read(red)
    assert counting.asked == 2, "the same pixels in another form are another photo"
    reader.read(blue), reader.read(red)
    assert counting.asked == 3, "red was used last, wide went"
    reader.read(wide)
    assert counting.asked == 4


def test_a_reading_that_failed_is_not_kept() -> None:
    counting = _Counting()
    reader, photo = RememberingReader(counting), Image.new("RGB", (8, 8))
    counting.note = "the server is gone"
    assert reader.read(photo).note and reader.read(photo).note
    counting.note = ""
    assert reader.read(photo).note == reader.read(photo).note == "" and counting.asked == 3
