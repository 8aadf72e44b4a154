"""Which files of a folder are pictures: one list, the decoder's own."""

from __future__ import annotations

from pathlib import Path

from ragdiffusion.decoding import SUFFIXES
from ragdiffusion.picture_files import name_left_out, pictures_in


def test_pictures_are_listed_and_the_rest_is_named(tmp_path: Path) -> None:
    names = [
        "b.JPG",
        "a.jfif",
        "sub/c.HEIC",
        "sub/deep/d.gif",
        "._a.jpg",
        "sub/._c.heic",
        ".cache/e.png",
        "Thumbs.db",
        ".DS_Store",
        "notes.txt",
        "raw.cr2",
        "sub/f.pdf",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    shown = lambda paths: [path.relative_to(tmp_path).as_posix() for path in paths]  # noqa: E731
    found = pictures_in(tmp_path)
    assert shown(found.pictures) == ["a.jfif", "b.JPG"] and shown(found.left_out) == ["notes.txt", "raw.cr2"]
    found = pictures_in(tmp_path, recursive=True)
    assert shown(found.pictures) == ["a.jfif", "b.JPG", "sub/c.HEIC", "sub/deep/d.gif"]
    assert name_left_out(found.left_out, tmp_path, most=2) == (
        "left out, as they are no pictures that can be read: notes.txt, raw.cr2 and 1 more"
    )
    assert name_left_out((), tmp_path) == ""


def test_the_list_is_the_decoders() -> None:
    for suffix in (".jpg", ".jpeg", ".jpe", ".jfif", ".heic", ".gif", ".avif", ".tiff"):
        assert suffix in SUFFIXES
