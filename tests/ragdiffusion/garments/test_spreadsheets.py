"""Tables as spreadsheets and other systems write them."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from PIL import Image

from ragdiffusion.garments.datasets.layouts import table
from ragdiffusion.garments.spreadsheets import numbered_rows, read_heading, read_text

ROWS = [
    ("Photo", "STANDARD", "Neckline Type", "caption"),
    ("photos/a b.jpg", "flats/ä.png", "", "one, two; three"),
    ("photos/c.jpg", "flats/d.png", "", ""),
]


def quoted(word: str, delimiter: str) -> str:
    return f'"{word}"' if delimiter in word else word


def written(delimiter: str, *, newline: str = "\n") -> str:
    return newline.join(delimiter.join(quoted(word, delimiter) for word in row) for row in ROWS) + newline


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_delimiters_encodings_and_line_ends(tmp_path: Path, delimiter: str, encoding: str, newline: str) -> None:
    path = tmp_path / "pairs.csv"
    path.write_bytes(written(delimiter, newline=newline).encode(encoding))
    rows = list(numbered_rows(path, ("photo", "standard", "caption")))
    assert [number for number, _ in rows] == [2, 3]
    assert rows[0][1] == {
        "photo": "photos/a b.jpg",
        "standard": "flats/ä.png",
        "neckline_type": "",
        "caption": "one, two; three",
    }
    assert list(rows[1][1].values()) == ["photos/c.jpg", "flats/d.png", "", ""]


def test_a_spreadsheets_note_and_empty_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("sep=;\r\nphoto;standard\r\n;\r\n\r\na.jpg;b.png;c\r\n", newline="")
    assert list(numbered_rows(path, ("photo",))) == [(5, {"photo": "a.jpg", "standard": "b.png", None: "c"})]
    path.write_text("\n;;\nphoto;standard\na.jpg;b.png\n")
    assert list(numbered_rows(path)) == [(4, {"photo": "a.jpg", "standard": "b.png"})]
    assert read_heading(path) == ["photo", "standard"]
    path.write_text(" \n")
    assert list(numbered_rows(path)) == [] and read_heading(path) == []


def test_what_cannot_be_read_is_named_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_bytes("photo,standard\nMüller.jpg,b.png\n".encode("cp1252"))
    with pytest.raises(ValueError, match=r'pairs\.csv can\'t be read as UTF-8 or UTF-16 text .*save it as "CSV UTF-8"'):
        list(numbered_rows(path))
    path.write_text("photo,Photo\na,b\n")
    with pytest.raises(ValueError, match="the heading names photo twice"):
        list(numbered_rows(path))
    path.write_bytes(b"photo,standard\n\0\0,x\n")
    with pytest.raises(ValueError, match="a zero byte at character 15.*save it as"):
        list(numbered_rows(path))
    with pytest.raises(ValueError, match="can't be read"):
        read_text(tmp_path / "none.csv")


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 20)).save(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pairs.csv", "Photo;Standard\nphotos\\sub\\a.jpg;flats\\a.png\n"),
        ("pairs.tsv", "PHOTO\tSTANDARD\nphotos\\sub\\a.jpg\t.\\flats\\a.png\n"),
        ("pairs.jsonl", '{"Photo": "photos\\\\sub\\\\a.jpg", "Standard": "flats/a.png"}\n'),
    ],
)
def test_pairs_are_found_whoever_wrote_the_paths(tmp_path: Path, name: str, content: str) -> None:
    picture(tmp_path / "photos" / "sub" / "a.jpg")
    picture(tmp_path / "flats" / "a.png")
    (tmp_path / name).write_text(content, encoding="utf-16")
    listing = table(tmp_path)
    assert listing.problems == []
    (record,) = listing.records
    assert (record.photo, record.standard, record.name) == ("photos/sub/a.jpg", "flats/a.png", "photos/sub/a")


@pytest.mark.parametrize("name", ["semicolon.csv", "windows-paths-bom.csv"])
def test_cases(cases: Path, tmp_path: Path, name: str) -> None:
    shutil.copy(cases / "tables" / name, tmp_path / "pairs.csv")
    for number in range(4):
        picture(tmp_path / "photos" / "sub" / f"shirt {number}.jpg")
        picture(tmp_path / "flats" / f"flat {number}.png")
    listing = table(tmp_path)
    assert listing.problems == [] and [record.photo for record in listing.records] == [
        f"photos/sub/shirt {number}.jpg" for number in range(4)
    ]


def test_tables_made_to_take_long_are_read_or_refused_at_once(tmp_path: Path) -> None:
    """Each was once read in a time that grows with the square of its length, or ended in csv's own error."""
    path = tmp_path / "a.csv"
    columns = ",".join(f"{number:x}" for number in range(26_000))
    started = time.process_time()
    for content, rows in (
        (f"{columns}\n1\n", 1),
        ("\n" * 2_000_000 + "photo,standard\na,b\n", 1),
        ("\n" * 2_000_000, 0),
    ):
        path.write_text(content, encoding="utf-8")
        assert len(list(numbered_rows(path))) == rows
    assert time.process_time() - started < 10
    path.write_text("photo," + "a" * 200_000 + "\n", encoding="utf-8")
    for read in (read_heading, lambda path: list(numbered_rows(path))):
        with pytest.raises(ValueError, match="a.csv, .*field larger than field limit"):
            read(path)
