"""Which photos a batch has, and where the picture of each goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragdiffusion.decoding import SUFFIXES
from ragdiffusion.picture_files import pictures_in

_LANDMARK = ".landmark"


@dataclass(frozen=True)
class Task:
    """One photo and where its picture goes.

    Attributes:
        photo: to be read.
        picture: to be written; the landmark goes beside it.
    """

    photo: Path
    picture: Path

    @property
    def landmark(self) -> Path:
        """Where the landmark goes."""
        return self.picture.with_name(f"{self.picture.stem}{_LANDMARK}.png")

    def of_garment(self, name: str) -> Task:
        """The task of one garment of the photo: PHOTO.upper.png. As no garment's name has a dot, none meets another."""
        return Task(self.photo, self.picture.with_name(f"{self.picture.stem}.{name}.png"))


@dataclass(frozen=True)
class FoundTasks:
    """What a batch has to do.

    Attributes:
        tasks: in the order of the photos.
        left_out: other files that lie in the folders.
    """

    tasks: tuple[Task, ...]
    left_out: tuple[Path, ...]


def find_tasks(sources: Sequence[Path], destination: Path, *, recursive: bool = True) -> FoundTasks:
    """Name every photo and its picture; no two files that a batch writes have one name.

    Photos of one name in one folder keep their ending in the picture's, as do photos whose picture would be taken for
    another's landmark.

    Args:
        sources: folders and photos.
        destination: where the pictures go; what lies in it is no photo.
        recursive: whether folders inside folders are looked into; the pictures keep their folders.

    Raises:
        ValueError: a source is missing, there is no photo, or the destination is a file or a source.
    """
    if destination.exists() and not destination.is_dir():
        raise ValueError(f"{destination} is a file: the last argument is the folder for the pictures")
    found: list[tuple[Path, Path]] = []
    left_out: list[Path] = []
    own = destination.resolve()
    for source in sources:
        if source.is_dir():
            if source.resolve() == own:
                raise ValueError(f"{destination} holds the photos: give another folder for the pictures")
            inside = pictures_in(source, recursive=recursive)
            found += [(path, path.relative_to(source)) for path in inside.pictures if own not in path.resolve().parents]
            left_out += [path for path in inside.left_out if own not in path.resolve().parents]
        elif source.is_file():
            found.append((source, Path(source.name)))
        else:
            raise ValueError(f"{source} is not there: give folders with photos, or photos")
    if not found:
        raise ValueError(f"there is no photo in {', '.join(map(str, sources))} ({', '.join(SUFFIXES)} are taken)")
    return FoundTasks(tuple(_named(list(dict.fromkeys(found)), destination)), tuple(left_out))


def _named(photos: list[tuple[Path, Path]], destination: Path) -> Iterator[Task]:
    taken: set[str] = set()
    # A file system may not tell upper from lower case.
    wanted = {str(relative.with_suffix(".png")).lower() for _, relative in photos}
    for photo, stored in photos:
        relative = Path(*map(_readable, stored.parts))
        for stem in _stems(relative, len(photos)):
            task = Task(photo, destination / relative.with_name(f"{stem}.png"))
            names = {str(path).lower() for path in (task.picture, task.landmark)}
            if not names & taken and not _shadows(relative, stem, wanted):
                taken |= names
                yield task
                break


def _stems(relative: Path, count: int) -> Iterator[str]:
    """Names that a picture may have, the plainest first."""
    stem = relative.stem
    yield stem
    yield f"{stem}-{relative.suffix[1:]}"
    yield from (f"{stem}-{relative.suffix[1:]}-{number}" for number in range(2, 2 * count + 3))


def _shadows(relative: Path, stem: str, wanted: set[str]) -> bool:
    """Whether a picture's name is what another photo's landmark will be called."""
    if not stem.lower().endswith(_LANDMARK):
        return False
    other = relative.with_name(f"{stem[: -len(_LANDMARK)]}.png")
    return str(other).lower() in wanted


def _readable(name: str) -> str:
    """A file name whose bytes are not UTF-8 as one that every program can write down: such bytes become `%E9`."""
    return "".join(f"%{ord(letter) - 0xDC00:02X}" if 0xDC80 <= ord(letter) <= 0xDCFF else letter for letter in name)
