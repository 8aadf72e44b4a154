"""`bank list|show|import|export|encode|snapshot|restore|compare|undo|redo`: look after banks of one's own."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragdiffusion.commands.common import print_json

if TYPE_CHECKING:
    from ragdiffusion.bank import Bank, Edit
    from ragdiffusion.bank.making import EntryMaker

_BANK_HELP = "name of a bank in the workspace, `bundled`, a bank file or a database's URL"
_VERSION_HELP = "revision, snapshot or version such as studio-r12-3f2a9c"


def add_arguments(actions: Any) -> None:
    """Declare the actions."""
    _action(actions, "list", "the bundled bank and those of the workspace", bank=False)
    show = _action(actions, "show", "what a bank holds, its snapshots and latest edits, or some of its entries")
    show.add_argument("--entry", type=int, metavar="ID", help="one entry: its attributes, neighbours and history")
    show.add_argument("--where", nargs="+", metavar="k=v", help="entries with these attributes, such as collar=Polo")
    show.add_argument("--text", help="entries with these words in source, tags or attributes")
    show.add_argument("--tag", action="append", help="entries with this tag; may be given again")
    show.add_argument("--deleted", action="store_true", help="entries in the bin")
    show.add_argument("--limit", type=int, default=20, help="entries or edits to print (default %(default)s)")
    add = _action(actions, "import", "take entries from an exported bank, COCO annotations, or a folder of pictures")
    add.add_argument("source", type=Path, help="ZIP, folder (with masks or without) or COCO's JSON")
    _checkpoint(add)
    add.add_argument("--dry-run", action="store_true", help="read and report, and leave the bank as it is")
    _author(add)
    export = _action(actions, "export", "write entries as images, masks, outlines, JSON lines and embeddings")
    export.add_argument("out", type=Path, help="ZIP to write")
    export.add_argument("--ids", type=int, nargs="+", metavar="ID", help="entries (default: all but the bin)")
    encode = _action(actions, "encode", "embed all entries anew for another checkpoint; the bank serves meanwhile")
    _checkpoint(encode)
    _author(encode)
    snapshot = _action(actions, "snapshot", "give the bank's present version a name")
    snapshot.add_argument("name", help="of the snapshot")
    snapshot.add_argument("--note", default="", help="why it was taken")
    _author(snapshot)
    restore = _action(actions, "restore", "bring all entries back to an earlier version, in one edit")
    restore.add_argument("version", help=_VERSION_HELP)
    _author(restore)
    compare = _action(actions, "compare", "which entries came, went and changed between two versions")
    compare.add_argument("old", help=_VERSION_HELP)
    compare.add_argument("new", nargs="?", help="the same (default: the present one)")
    for name, purpose in (("undo", "take the latest edit back"), ("redo", "do again what was undone last")):
        _author(_action(actions, name, purpose))


def run(args: argparse.Namespace) -> int:
    """Do the action that was chosen."""
    return ACTIONS[args.action](args)


def _action(actions: Any, name: str, purpose: str, *, bank: bool = True) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=purpose)
    if bank:
        parser.add_argument("bank", metavar="BANK", help=_BANK_HELP)
    add_workspace(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")
    return parser


def add_workspace(parser: argparse.ArgumentParser) -> None:
    """Declare whose banks a name means."""
    parser.add_argument(
        "--workspace", type=Path, metavar="FOLDER", help="whose banks are meant (default: ~/.ragdiffusion-studio)"
    )


def _author(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--author", default="", metavar="NAME", help="who does it, for the log of edits")


def _checkpoint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint", metavar="FOLDER", help="whose StructureNet embeds pictures (default: the bundled one)"
    )


def _open(args: argparse.Namespace, *, read_only: bool) -> Bank:
    from ragdiffusion.bank import Bank
    from ragdiffusion.bank.library import location_of

    location = location_of(args.bank, args.workspace, to_change=not read_only)
    bank = Bank.open(location, read_only=read_only)
    if bank.read_only and not read_only:
        bank.close()
        raise RuntimeError(f"bank {args.bank} can't be changed: copy it to your workspace and change the copy")
    return bank


def _maker(checkpoint: str | None, fingerprint: str | None) -> tuple[EntryMaker, str]:
    """Who embeds entries for a bank, and the fingerprint of that encoder.

    Raises:
        ValueError: if the checkpoint isn't there, or its encoder isn't the one that is wanted.
    """
    from ragdiffusion.bank.making import EntryMaker
    from ragdiffusion.fingerprint import ENCODER_PARTS
    from ragdiffusion.fingerprint import fingerprint as fingerprint_of
    from ragdiffusion.generation.loading import locate_checkpoint
    from ragdiffusion.logs import quiet_libraries
    from ragdiffusion.structure.structure_net import StructureNet

    quiet_libraries()
    folder = locate_checkpoint(checkpoint, "studio")
    found = fingerprint_of(folder, ENCODER_PARTS)
    if fingerprint not in (None, found):
        raise ValueError(
            f"the bank belongs to encoder {fingerprint}, and {folder} has encoder {found}: give the checkpoint that "
            "made the bank, or encode the bank for this one (`bank encode`)"
        )
    net = StructureNet.from_pretrained(folder / "structure_net", low_cpu_mem_usage=False).eval()
    return EntryMaker(net), found


def _list(args: argparse.Namespace) -> int:
    from ragdiffusion.bank.library import workspace_library

    banks = workspace_library(args.workspace).list()
    if args.json:
        print_json({"banks": [{**asdict(info), "path": str(info.path)} for info in banks]})
        return 0
    for info in banks:
        state = info.problem or f"{info.entries} entries, {info.version}{', read-only' if info.read_only else ''}"
        print(f"{info.key}: {state}")
    return 0


def _show(args: argparse.Namespace) -> int:
    with _open(args, read_only=True) as bank:
        if args.entry is not None:
            shown = _entry(bank, args.entry)
        elif args.where or args.text or args.tag or args.deleted:
            shown = _entries(bank, args)
        else:
            shown = _summary(bank, args.limit)
    if args.json:
        print_json(shown)
        return 0
    for key, value in shown.items():
        if isinstance(value, list):
            print(f"{key}: {len(value)}" if value else f"{key}: none")
            for one in value:
                print("  " + ("; ".join(f"{k} {v}" for k, v in one.items()) if isinstance(one, Mapping) else str(one)))
        elif isinstance(value, Mapping):
            print(f"{key}: " + ", ".join(f"{name} {count}" for name, count in value.items()))
        else:
            print(f"{key}: {value}")
    return 0


def _summary(bank: Bank, limit: int) -> dict[str, Any]:
    from ragdiffusion.bank.browsing import facets
    from ragdiffusion.bank.versions import snapshots

    found = facets(bank)
    return {
        "name": bank.name,
        "version": bank.version,
        "encoder": bank.fingerprint,
        "entries": found.enabled,
        "disabled": found.disabled,
        "deleted": found.deleted,
        "categories": found.attributes["category"],
        "origins": found.origins,
        "snapshots": [{"name": s.name, "version": s.version, "by": s.author, "note": s.note} for s in snapshots(bank)],
        "edits": [_edit(edit) for edit in bank.edits(limit)],
    }


def _entry(bank: Bank, entry_id: int) -> dict[str, Any]:
    from ragdiffusion.attributes import UNKNOWN
    from ragdiffusion.bank.history import of_entry
    from ragdiffusion.bank.quality import findings_of

    entry = bank.entry(entry_id)
    pattern = bank.patterns([entry_id]).get(entry_id)
    return {
        "id": entry.id,
        "source": entry.source,
        "state": "deleted" if entry.deleted_at else "enabled" if entry.enabled else "disabled",
        "tags": list(entry.tags),
        "attributes": {key: value for key, value in entry.attributes.items() if value != UNKNOWN},
        "pattern": {} if pattern is None else {"kind": pattern.kind, **pattern.measures},
        "neighbours": [{"id": other, "similarity": round(alike, 4)} for other, alike in bank.neighbours(entry_id)],
        "findings": [finding.text for finding in findings_of(entry.silhouette, entry_id)],
        "history": [
            {**_edit(one.edit), "fields": ", ".join(change.field for change in one.changes)}
            for one in of_entry(bank, entry_id)
        ],
    }


def _entries(bank: Bank, args: argparse.Namespace) -> dict[str, Any]:
    from ragdiffusion.attributes import parse_assignments
    from ragdiffusion.bank.browsing import Filter, browse

    wanted = parse_assignments(args.where) if args.where else {}
    page = browse(
        bank,
        Filter(
            attributes={key: (value,) for key, value in wanted.items()},
            tags=args.tag or (),
            text=args.text or "",
            deleted=args.deleted,
        ),
        limit=args.limit,
    )
    rows = [{"id": row.id, "source": row.source, "category": row.attributes["category"]} for row in page.rows]
    return {"version": page.version, "found": len(page.ids), "entries": rows}


def _edit(edit: Edit) -> dict[str, Any]:
    return {
        "revision": edit.revision,
        "action": edit.action,
        "at": edit.at.isoformat(timespec="seconds"),
        "entries": edit.entries,
        "by": edit.author,
        "undone": edit.undone,
    }


def _import(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from ragdiffusion.bank.exchange.importing import plan_import

    with _open(args, read_only=args.dry_run) as bank, tqdm(unit="garment", desc="read") as bar:
        maker, _ = _maker(args.checkpoint, bank.fingerprint)
        plan = plan_import(bank, args.source, maker, on_progress=lambda _: bar.update())
        bar.close()
        report = plan.report if args.dry_run else plan.apply(bank, author=args.author)
    if args.json:
        print_json({**asdict(report), "dry_run": args.dry_run})
        return 0
    for what, named in (("left out", report.repeated), ("refused", report.refused)):
        for name, why in named.items():
            print(f"{what}: {name}: {why}")
    if report.foreign:
        print("fields left out: " + ", ".join(f"{name} ({count})" for name, count in report.foreign.items()))
    if report.embedded:
        print(f"embedded anew, as their embeddings are another encoder's: {report.embedded}")
    done = f"{report.new} would be added" if args.dry_run else f"{len(report.added)} added"
    print(
        f"{args.source}: {report.found} found, {done}, {len(report.repeated)} left out, {len(report.refused)} refused; "
        f"version {report.version}"
    )
    return 0


def _export(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from ragdiffusion.bank.exchange.archive import export_zip

    with _open(args, read_only=True) as bank, tqdm(unit="entry", desc="write") as bar:
        report = export_zip(bank, args.out, ids=args.ids, on_progress=_onto(bar))
    if args.json:
        print_json(asdict(report))
    else:
        print(f"{report.path}: {report.entries} entries of {report.version}, {report.size / 1e6:.1f} MB")
    return 0


def _encode(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from ragdiffusion.bank.reencoding import encode_again

    with _open(args, read_only=False) as bank:
        before, (maker, fingerprint) = bank.fingerprint, _maker(args.checkpoint, None)
        with tqdm(unit="entry", desc="encode") as bar:
            version = encode_again(bank, maker, fingerprint, author=args.author, on_progress=_onto(bar))
    if args.json:
        print_json({"version": version, "from": before, "to": fingerprint})
    else:
        print(f"{args.bank}: encoder {before} -> {fingerprint}, version {version}")
    return 0


def _snapshot(args: argparse.Namespace) -> int:
    from ragdiffusion.bank.versions import take_snapshot

    with _open(args, read_only=False) as bank:
        taken = take_snapshot(bank, args.name, note=args.note, author=args.author)
    if args.json:
        print_json({"name": taken.name, "version": taken.version, "revision": taken.revision})
    else:
        print(f"{args.bank}: {taken.version} is called {taken.name}")
    return 0


def _restore(args: argparse.Namespace) -> int:
    from ragdiffusion.bank.versions import restore_version

    with _open(args, read_only=False) as bank:
        edit = restore_version(bank, args.version, author=args.author)
        version = bank.version
    if args.json:
        print_json({"entries": 0 if edit is None else edit.entries, "version": version})
    else:
        print(f"{args.bank}: {0 if edit is None else edit.entries} entries brought back; version {version}")
    return 0


def _compare(args: argparse.Namespace) -> int:
    from ragdiffusion.bank.versions import compare

    with _open(args, read_only=True) as bank:
        found = compare(bank, args.old, args.new)
    if args.json:
        print_json(asdict(found))
        return 0
    for what, ids in (("added", found.added), ("removed", found.removed)):
        print(f"{what}: {len(ids)}{': ' if ids else ''}{', '.join(map(str, ids))}")
    print(f"changed: {len(found.changed)}")
    for entry_id, names in found.changed.items():
        print(f"  {entry_id}: {', '.join(names)}")
    return 0


def _undo(args: argparse.Namespace) -> int:
    with _open(args, read_only=False) as bank:
        edit = bank.undo(author=args.author) if args.action == "undo" else bank.redo(author=args.author)
        version = bank.version
    if args.json:
        print_json({**_edit(edit), "version": version})
    else:
        done = "undone" if args.action == "undo" else "done again"
        print(f"{args.bank}: {done}: {edit.action} of {edit.entries} entries (revision {edit.revision}); {version}")
    return 0


def _onto(bar: Any) -> Callable[[int, int], None]:
    """Show progress on a bar."""

    def show(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return show


ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": _list,
    "show": _show,
    "import": _import,
    "export": _export,
    "encode": _encode,
    "snapshot": _snapshot,
    "restore": _restore,
    "compare": _compare,
    "undo": _undo,
    "redo": _undo,
}
