#!/usr/bin/env python3
"""A bank under death and haste: writers that are killed in the middle of edits, and two that write at once.

    python tools/stress_bank.py kill BANK.sqlite3 --kills 50
    python tools/stress_bank.py race BANK.sqlite3 --edits 1000
    python tools/stress_bank.py race postgresql+psycopg://USER@HOST/EMPTY_DATABASE --edits 1000

The bank is made anew. After each kill every edit that the writer saw confirmed must be in the log with the very hash
that it had, no edit may be half there, and an index that followed all along must equal one that is built from nothing.
Of two writers that count up one number and hang up tags, none may undo what the other did. Exit code 1 if one does.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from sqlalchemy import func, select

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ragdiffusion.bank import Bank, ConflictError, EntryUpdate, NewEntry
from ragdiffusion.bank.check import check_bank
from ragdiffusion.bank.tables import ChangeRow, EditRow
from ragdiffusion.bank.versions import has_version
from ragdiffusion.images import encode_silhouette

ROOT = Path(__file__).resolve().parent.parent
_DIMENSION = 16
_ABOUT = {"fingerprint": "stress", "dimension": _DIMENSION, "name": "stress"}
_IMPORTED = 40  # entries of one import
_SHARED = 10  # entries that writers in a race hang their tags on


@dataclass(frozen=True)
class Deaths:
    """What came of killing.

    Attributes:
        kills: of writers.
        confirmed: edits that a writer was told of before it died.
        kept: edits in the log.
        unseen: edits that are in the log whole, though their writer died before it could tell.
        problems: what is wrong, a line each.
    """

    kills: int
    confirmed: int
    kept: int
    unseen: int
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Race:
    """What came of two writers at once.

    Attributes:
        edits: that were confirmed.
        conflicts: times that an edit was refused, as the other one was quicker, and made again.
        seconds: it took.
        problems: what is wrong, a line each.
    """

    edits: int
    conflicts: int
    seconds: float
    problems: tuple[str, ...]


# ---- writers, in processes of their own


def write_anything(location: str, seed: int) -> None:
    """Edit and import until killed; a line for each edit that is done."""
    dice = random.Random(seed)
    with Bank.open(location) as bank:
        while True:
            before = bank.version
            with suppress(ValueError, RuntimeError):  # a deleted entry, nothing to undo: the next one will do
                _any_edit(bank, dice)
            if bank.version != before:
                print(json.dumps({"version": bank.version}), flush=True)


def _any_edit(bank: Bank, dice: random.Random) -> None:
    ids, number = [dice.randint(1, 20) for _ in range(3)], dice.randrange(1 << 30)
    what = dice.randrange(9)
    if what == 0:
        bank.add(_entries(_IMPORTED, number), action="import", author="writer")
    elif what == 1:
        bank.add(_entries(1, number), author="writer")
    elif what == 2:
        bank.tag(ids, add=[f"tag {number}"], author="writer")
    elif what == 3:
        new = {"fit": "Loose", "collar": dice.choice(["Polo", "Hooded", "Unknown"])}
        bank.update([EntryUpdate(each, attributes=new) for each in {*ids}], author="writer")
    elif what == 4:
        (new,) = _entries(1, number)
        bank.update([EntryUpdate(ids[0], embedding=new.embedding, silhouette=new.silhouette)], author="writer")
    elif what == 5:
        bank.set_enabled(ids, dice.random() < 0.7, author="writer")
    elif what == 6:
        bank.delete(ids[:1], author="writer")
    elif what == 7:
        bank.restore(ids[:1], author="writer")
    else:
        dice.choice([bank.undo, bank.redo])(author="writer")


def write_counting(location: str, name: str, edits: int) -> None:
    """Count one number up and hang up tags, in turn; says at the end how often the other one was quicker."""
    refused = 0
    with Bank.open(location) as bank:
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(edits):
            while not _done(bank, name, number):
                refused += 1
    print(refused, flush=True)


def _done(bank: Bank, name: str, number: int) -> bool:
    """Make an edit, or tell that it was refused whole: the other one was quicker, or kept the lock too long."""
    try:
        if number % 2:
            seen = bank.entry(1)
            bank.update([EntryUpdate(1, source=str(int(seen.source) + 1))], author=name, expected={1: seen.revision})
        else:
            bank.tag([number // 2 % _SHARED + 2], add=[f"{name}{number}"], author=name)
    except ConflictError:
        return False
    except RuntimeError as error:
        if "locked" not in str(error):
            raise
        return False
    return True


# ---- who starts them, and judges


def kill_writers(location: str, kills: int, *, seed: int = 0) -> Deaths:
    """Kill writers in the middle of edits, one after the other, and look the bank over after each."""
    dice = random.Random(seed)
    confirmed, problems = 0, []
    with Bank.create(location, **_ABOUT) as bank:
        bank.add(_entries(20, 1))
        for number in range(kills):
            versions = _one_death(location, number, dice)
            confirmed += len(versions)
            found = [f"{version} was confirmed and is gone" for version in versions if not has_version(bank, version)]
            found += [*_half_edits(bank), *_other_index(bank, location)]
            problems += [f"kill {number}: {line}" for line in found]
        problems += check_bank(location).problems
        revision = bank.revision
    return Deaths(kills, confirmed, revision, revision - 1 - confirmed, tuple(problems))


def _one_death(location: str, number: int, dice: random.Random) -> list[str]:
    """Versions that a writer said were reached before it was killed at some moment of an edit."""
    with _writer("writer", location, str(number)) as writer:
        assert writer.stdout is not None  # it is a pipe
        versions = [_version(writer.stdout.readline()) for _ in range(dice.randint(1, 12))]
        time.sleep(dice.random() * 0.03)
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().splitlines(keepends=True)
        writer.wait()
    return versions + [_version(line) for line in rest if line.endswith("}\n")]


def _version(line: str) -> str:
    return str(json.loads(line)["version"])


def _half_edits(bank: Bank) -> Iterator[str]:
    """Edits whose number of entries is not that of what they changed, and gaps in the log."""
    with bank.access.reading() as session:
        counts = select(ChangeRow.revision, func.count(ChangeRow.entry_id.distinct())).group_by(ChangeRow.revision)
        changed = {revision: count for revision, count in session.execute(counts)}
        edits = {row.revision: row.entries for row in session.scalars(select(EditRow))}
    if sorted(edits) != list(range(1, len(edits) + 1)) or len(edits) != bank.revision:
        yield f"the log has {len(edits)} edits, and the bank is at revision {bank.revision}"
    for revision, entries in edits.items():
        if changed.get(revision, 0) != entries:
            yield f"edit {revision} says {entries} entries and changed {changed.get(revision, 0)}"


def _other_index(bank: Bank, location: str) -> Iterator[str]:
    """What differs between the index that followed all along and one that is built now."""
    with Bank.open(location, read_only=True) as fresh:
        (ids, vectors), (built_ids, built) = bank.embeddings(), fresh.embeddings()
        if ids != built_ids or not torch.equal(vectors, built):
            yield "the index that followed is not the one that is built from nothing"
        query = torch.nn.functional.normalize(torch.ones(_DIMENSION), dim=0)
        if bank.search(query, 8).ids != fresh.search(query, 8).ids:
            yield "a search finds other entries than after a rebuild"


def race(location: str, edits: int) -> Race:
    """Let two processes edit one bank at once."""
    with Bank.create(location, **_ABOUT) as bank:
        first, *others = _entries(_SHARED + 1, 1)
        bank.add([NewEntry(first.embedding, first.silhouette, {}, source="0"), *others])
        with _writer("counter", location, "a", str(edits)) as one, _writer("counter", location, "b", str(edits)) as two:
            for writer in (one, two):
                assert writer.stdout is not None  # it is a pipe
                writer.stdout.readline()
            begun = time.perf_counter()
            said = []
            for writer in (one, two):
                assert writer.stdin is not None  # it is a pipe
                writer.stdin.write("go\n")
                writer.stdin.flush()
            for writer in (one, two):
                said.append(writer.stdout.readline() if writer.stdout else "")
                writer.wait()
        seconds = time.perf_counter() - begun
        problems = [] if all(said) else ["a writer ended before it was through"]
        counted, wanted = int(bank.entry(1).source), 2 * (edits // 2)
        if counted != wanted:
            problems.append(f"{wanted} times counted up, and the number is {counted}")
        tags = {tag for number in range(2, _SHARED + 2) for tag in bank.entry(number).tags}
        lost = {f"{name}{number}" for name in "ab" for number in range(0, edits, 2)} - tags
        problems += [f"tag {tag} is lost" for tag in sorted(lost)]
        made = bank.revision - 1
        if made != 2 * edits:
            problems.append(f"{2 * edits} edits were confirmed, and the log has {made}")
        problems += [*_half_edits(bank), *_other_index(bank, location)]
    problems += check_bank(location).problems
    return Race(2 * edits, sum(int(line) for line in said if line), round(seconds, 1), tuple(problems))


@contextmanager
def _writer(*words: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    call = [sys.executable, __file__, *words]
    with subprocess.Popen(
        call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    ) as writer:
        try:
            yield writer
        finally:
            writer.kill()


def _entries(count: int, seed: int) -> list[NewEntry]:
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.nn.functional.normalize(torch.randn(count, _DIMENSION, generator=generator), dim=-1)
    masks = torch.zeros(count, 64, 64)
    for i, mask in enumerate(masks):
        mask[8 : 40 + (seed + i) % 16, 16 : 40 + (seed >> 4) % 12] = 1.0
    return [
        NewEntry(vector, encode_silhouette(mask), {"fit": "Loose"}, source=f"drawn:{seed}-{i}")
        for i, (vector, mask) in enumerate(zip(vectors, masks, strict=True))
    ]


def main(argv: list[str] | None = None) -> int:
    """Run one of both, or be one of its writers."""
    torch.set_num_threads(1)
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["writer"]:
        write_anything(words[1], int(words[2]))
    if words[:1] == ["counter"]:
        write_counting(words[1], words[2], int(words[3]))
        return 0
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("kill", "race"))
    parser.add_argument("bank", help="new file or URL of an empty database")
    parser.add_argument("--kills", type=int, default=50, help="of writers (default %(default)s)")
    parser.add_argument("--edits", type=int, default=1000, help="of each of two writers (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of death (default %(default)s)")
    args = parser.parse_args(words)
    found = kill_writers(args.bank, args.kills, seed=args.seed) if args.what == "kill" else race(args.bank, args.edits)
    print(json.dumps(asdict(found), indent=1))
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
