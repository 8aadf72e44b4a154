"""Many photos: each is read once, whatever stops the work, and what it took is told."""

from __future__ import annotations

import pytest
from PIL import Image

from ragdiffusion.structure.readers.many import read_photos, time_per_photo
from ragdiffusion.structure.readers.reading import AttributeReading, complete_reading, photo_key
from ragdiffusion.structure.readers.store import ReadingStore


def _photo(level: int) -> Image.Image:
    return Image.new("RGB", (6, 4), (level, 0, 0))


class _Many:
    """Reads several at once, notes how many, and fails on the black ones."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def read_many(self, photos: list[Image.Image]) -> list[AttributeReading]:
        self.batches.append(len(photos))
        return [self._one(photo) for photo in photos]

    def _one(self, photo: Image.Image) -> AttributeReading:
        level = photo.getpixel((0, 0))[0]
        note = "" if level else "too dark"
        values = {"fit": "Slim" if level > 100 else "Loose"} if level else {}
        return complete_reading(values, {"fit": 0.75}, reader="qwen", started=0.0, note=note)


def test_equal_photos_are_read_once_and_in_batches(tmp_path):
    reader, store = _Many(), ReadingStore(tmp_path / "readings.jsonl", "qwen:A")
    photos = [(name, _photo(level)) for name, level in (("a", 200), ("b", 50), ("c", 200), ("d", 0), ("e", 50))]
    rows = list(read_photos(reader, photos, batch_size=3, store=store))
    assert [row.name for row in rows] == ["a", "b", "c", "d", "e"]
    assert [row.reading.values["fit"] for row in rows] == ["Slim", "Loose", "Slim", "Unknown", "Loose"]
    assert reader.batches == [2, 1] and [row.kept for row in rows] == [False, False, False, False, True]
    with pytest.raises(ValueError, match="batch size is 0"):
        next(read_photos(reader, photos, batch_size=0, store=None))


def test_a_stopped_reading_goes_on_and_a_failed_one_is_tried_again(tmp_path):
    path, photos = tmp_path / "readings.jsonl", [(level, _photo(level)) for level in (200, 50, 0)]
    first = _Many()
    begun = read_photos(first, photos, batch_size=1, store=ReadingStore(path, "qwen:A"))
    next(begun), begun.close()  # stopped after one
    path.write_bytes(path.read_bytes() + b'{"photo": "cut o')  # in the middle of a line
    second = _Many()
    rows = list(read_photos(second, photos, batch_size=8, store=ReadingStore(path, "qwen:A")))
    assert [row.kept for row in rows] == [True, False, False] and second.batches == [2]
    third = _Many()
    rows = list(read_photos(third, photos, batch_size=8, store=ReadingStore(path, "qwen:A")))
    assert [row.kept for row in rows] == [True, True, False] and third.batches == [1]
    kept = ReadingStore(path, "qwen:A").get(photo_key(photos[0][1]))
    assert kept.values["fit"] == "Slim" and kept.confidence["fit"] == 0.75 and kept.reader == "qwen"
    assert kept.milliseconds == pytest.approx(rows[0].reading.milliseconds, abs=0.1)
    assert not len(ReadingStore(path, "qwen:B")), "another reader reads otherwise"


def test_a_reader_of_single_photos_will_do():
    class One:
        def read(self, photo: Image.Image) -> AttributeReading:
            return complete_reading({}, {}, reader="one", started=0.0)

    rows = list(read_photos(One(), [(1, _photo(9)), (2, _photo(8))], batch_size=4, store=None))
    assert [row.reading.reader for row in rows] == ["one", "one"]


def test_a_store_that_cannot_be_written_is_named(tmp_path):
    store = ReadingStore(tmp_path / "missing" / "readings.jsonl", "heads")
    with pytest.raises(ValueError, match=r"readings\.jsonl can't be written \(No such file"):
        store.add([("key", complete_reading({}, {}, reader="heads", started=0.0))])
    with pytest.raises(ValueError, match="can't be read"):
        ReadingStore(tmp_path, "heads")


def test_the_time_of_a_photo():
    readings = [
        AttributeReading(r.values, r.confidence, "x", ms)
        for r, ms in ((complete_reading({}, {}, reader="x", started=0.0), ms) for ms in (100.0, 200.0, 600.0))
    ]
    assert time_per_photo(readings) == {"photos": 3, "mean_s": 0.3, "median_s": 0.2, "most_s": 0.6}
    assert time_per_photo([]) == {"photos": 0}
