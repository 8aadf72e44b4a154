"""The Bank page's answers over a small real model, without a browser."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.curation.progress import ProgressNotes
from app.landmark_editor.rle import encode
from app.pages.bank import page as bank_page
from app.pages.bank.add_handlers import AddHandlers
from app.pages.bank.change_handlers import ChangeHandlers
from app.pages.bank.exchange_handlers import plan_words
from app.pages.bank.report_handlers import QUALITY, ReportHandlers
from app.pages.bank.states import BankStates
from app.pages.shared.context import PageContext
from app.runs.bench import Bench
from app.runs.services import Services
from app.web import files
from ragdiffusion.api import RAGDiffusion
from ragdiffusion.attributes import ATTRIBUTES
from ragdiffusion.bank import EntryUpdate, browsing
from ragdiffusion.bank.exchange.importing import ImportReport
from ragdiffusion.bank.making import EntryMaker

ENTRIES = 12  # of the small bank in conftest.py
Ask = Callable[..., dict[str, Any]]


class Desk:
    """Takes what the page would serve and wire."""

    def __init__(self) -> None:
        self.parts = {
            name: Listener() for name in ("bank", "canvas", "result", "bank_photos", "bank_try", "bank_import")
        }
        self.answer: Callable[[str, dict[str, Any]], dict[str, Any]] | None = None

    def serve(self, name: str, answer: Callable[[str, dict[str, Any]], dict[str, Any]]) -> None:
        self.answer = answer

    def wire(self, *values: Any, **more: Any) -> None:
        """Nothing listens here."""


class Listener:
    """A component whose events nobody fires."""

    def __getattr__(self, name: str) -> str:
        return name


@pytest.fixture
def services(curated_services: Services) -> Services:
    return curated_services


@pytest.fixture
def ask(context: PageContext) -> Ask:
    """Asks as a browser does: what, and what goes along."""
    desk = Desk()
    bank_page.wire(desk, context)

    def question(what: str, login: str = "ana", **values: Any) -> dict[str, Any]:
        return desk.answer(login, {"what": what, **values})

    return question


def ids_of(answer: dict[str, Any]) -> list[int]:
    return np.frombuffer(base64.b64decode(answer["ids"]), "<i4").tolist()


def found(ask: Ask, **filters: Any) -> list[int]:
    return ids_of(ask("find", filter=filters))


def test_python_knows_every_question_that_the_browser_has_a_type_for(context: PageContext) -> None:
    text = files.modules()["pages/bank/types.js"].decode()
    asked, answered = (
        set(
            re.findall(r"@property \{.*\} (\w+)", text.partition(f"@typedef {{object}} {name}\n")[2].partition("*/")[0])
        )
        for name in ("Questions", "Answers")
    )
    assert len(asked) > 20 and asked == answered
    desk = Desk()
    bank_page.wire(desk, context)
    for name in asked:
        try:
            desk.answer("ana", {"what": name})
        except Exception as error:  # about what goes along
            assert "there is no question" not in str(error), f"{name} is typed in types.js, and nobody answers it"


def test_what_somebody_adds_while_a_page_searches_is_seen_at_its_next_look(
    ask: Ask, context: PageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask("change", action="tag", ids=[2], value="mine")  # which makes a bank of one's own
    browse = browsing.browse

    def overtaken(*args: Any, **more: Any) -> Any:
        page = browse(*args, **more)
        monkeypatch.setattr(browsing, "browse", browse)
        with context.curator.library.open(context.curator.key) as theirs:
            theirs.tag([1], add=["his"], author="Ben")
        return page

    monkeypatch.setattr(browsing, "browse", overtaken)
    answer = ask("find", filter={})
    assert answer["bank"]["version"] == answer["version"], "it is not told to be newer than what was found"
    assert ask("state", version=answer["bank"]["version"], encoding="")["bank"]["version"] != answer["version"]


def test_entries_are_found_by_what_they_are(ask: Ask) -> None:
    opened = ask("open")["bank"]
    assert opened["bundled"] and opened["entries"] == ENTRIES and opened["undo"] is None and opened["author"] == "ana"
    assert found(ask) == list(range(1, ENTRIES + 1)) and found(ask, sort="newest")[0] == ENTRIES
    assert found(ask, text="#3") == [3] and found(ask, source="drawn", ids=[2, 5]) == [2, 5]
    assert found(ask, source="real") == [] and found(ask, use="used") == [] and len(found(ask, use="unused")) == ENTRIES
    nearest = ids_of(ask("find", filter={"sort": "similar"}, near=4))
    assert nearest[0] == 4 and sorted(nearest) == list(range(1, ENTRIES + 1))
    facets = ask("find", filter={}, facets=True)["facets"]
    assert facets["sources"] == [("drawn", ENTRIES)] and len(facets["attributes"]) == len(ATTRIBUTES)
    cards = {card["id"]: card for card in ask("cards", ids=[7, 2])["cards"]}
    assert set(cards) == {2, 7} and cards[2]["state"] == "enabled" and cards[2]["shape"].startswith("data:image/png")
    for what, values, message in (
        ("find", {"filter": {"sort": "similar"}}, "click an entry first"),
        ("find", {"filter": {"ids": ["x"]}}, "'x' is no entry"),
        ("entry", {"id": True}, "True is no entry"),
        ("cards", {"ids": []}, "no entry is selected"),
        ("fly", {}, "no question 'fly'"),
    ):
        with pytest.raises(ValueError, match=message):
            ask(what, **values)


def test_changes_are_of_somebody_and_go_back_and_forth(ask: Ask) -> None:
    done = ask("change", action="attributes", ids=[2, 3], value={"category": "Dress"}, login="ana")
    assert "copy" in done["message"] and "2 entries changed" in done["message"] and not done["bank"]["bundled"]
    assert found(ask, attributes={"category": ["Dress"]}) == [2, 3]
    ask("change", action="tag", ids=[2], value=" spring  line ", login="", author="  Ben ")
    ask("change", action="disable", ids=[3])
    entry = ask("entry", id=2)["entry"]
    assert entry["tags"] == ["spring line"] and "by Ben" in entry["history"][0]["text"]
    assert "category Unknown → Dress" in entry["history"][1]["text"] and "by ana" in entry["history"][1]["text"]
    assert found(ask, state="disabled") == [3] and found(ask, tag="spring line") == [2]
    ask("change", action="delete", ids=[5])
    assert found(ask, state="bin") == [5] and 5 not in found(ask)
    assert [card["state"] for card in ask("cards", ids=[3, 5])["cards"]] == ["disabled", "bin"]
    undone = ask("undo")
    assert undone["message"].startswith("Undone: r5") and "delete" in undone["bank"]["redo"]["text"] and 5 in found(ask)
    redone = ask("redo")
    assert 5 not in found(ask) and redone["bank"]["redo"] is None and "delete" in redone["bank"]["undo"]["text"]
    ask("undo")
    with pytest.raises(RuntimeError, match="nothing to redo"):
        ask("change", action="enable", ids=[3])
        ask("redo")
    for action, value, message in (
        ("tag", "", "a tag has 1 to 60 letters"),
        ("attributes", {"wings": "two"}, "did not arrive whole"),
        ("paint", None, "cannot be changed by 'paint'"),
        ("measure", {"key": "chest", "by": "much"}, "a measure is moved by a number such as 5 or -2.5, got 'much'"),
        ("measure", {"key": "chest", "by": 5}, "entry 2 has no measure chest"),
        ("attributes", {"category": "Boat"}, "Boat"),
    ):
        with pytest.raises(ValueError, match=message):
            ask("change", action=action, ids=[2], value=value)


def test_a_long_change_tells_how_far_it_is(ask: Ask, context: PageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[dict[str, Any]] = []
    embed = EntryMaker.again

    def again(maker: EntryMaker, *given: Any) -> Any:
        heard.append(ask("progress", token="mine"))
        return embed(maker, *given)

    monkeypatch.setattr(EntryMaker, "BATCH", 5)
    monkeypatch.setattr(EntryMaker, "again", again)
    every = list(range(1, ENTRIES + 1))
    ask("change", action="attributes", ids=every, value={"category": "Dress"}, token="mine")
    assert heard == [{}, {"done": 5, "entries": ENTRIES}, {"done": 10, "entries": ENTRIES}]
    assert ask("progress", token="mine") == {} and found(ask, attributes={"category": ["Dress"]}) == every


def test_what_somebody_else_changed_is_shown_beside_ones_own(ask: Ask, context: PageContext) -> None:
    ask("change", action="tag", ids=[2], value="mine")  # into a bank of one's own
    seen = {"2": ask("entry", id=2)["entry"]["revision"], "3": ask("cards", ids=[3])["cards"][0]["revision"]}
    with context.curator.library.open(context.curator.key) as theirs:
        theirs.update([EntryUpdate(2, attributes={"category": "Skirt"})], author="Ben")
    change = {"action": "attributes", "ids": [2, 3], "value": {"category": "Dress", "fit": "Loose"}}
    clash = ask("change", seen=seen, **change)["conflict"]
    (entry,) = clash["entries"]
    assert (entry["id"], entry["by"], entry["gone"]) == (2, "Ben", False) and entry["theirs"] == entry["mine"]
    assert ["Category", "Skirt", "Dress"] in [[row[0].capitalize(), *row[1:]] for row in entry["rows"]]
    assert "update by Ben" in entry["edits"][-1] and "Nothing was changed" in clash["message"]
    assert found(ask, attributes={"category": ["Dress"]}) == [], "of the others neither"
    seen["2"] = entry["revision"]
    done = ask("change", seen=seen, **change)
    assert found(ask, attributes={"category": ["Dress"]}) == [2, 3]
    assert done["revisions"] == [
        {"id": number, "revision": ask("entry", id=number)["entry"]["revision"]} for number in (2, 3)
    ]
    again = ask("change", action="delete", ids=[2], seen=seen)["conflict"]["entries"][0]
    assert ["state", "in use", "in the bin"] in again["rows"] and again["by"] == "ana"


def test_an_outline_drawn_meanwhile_keeps_what_the_other_changed_of_all_else(ask: Ask, context: PageContext) -> None:
    ask("change", action="tag", ids=[2], value="mine")
    laid = ask("outline", id=2)
    draft = {
        "token": laid["proposal"]["token"],
        "mask": encode(np.pad(np.full((300, 200), 255, np.uint8), ((100, 112), (150, 162)))),
        "attributes": laid["proposal"]["attributes"],
        "tags": ["mine"],
        "entry": 2,
        "seen": {"2": laid["revision"]},
    }
    with context.curator.library.open(context.curator.key) as theirs:
        theirs.update([EntryUpdate(2, attributes={"category": "Skirt"})], author="Ben")
        theirs.tag([2], add=["his"], author="Ben")
    clash = ask("save", **draft)["conflict"]["entries"][0]
    assert clash["rows"] == [] and clash["redrawn"] and clash["theirs"] != clash["mine"]
    assert ["category Unknown → Skirt" in clash["edits"][0], "tags mine → mine, his" in clash["edits"][1]] == [True] * 2
    ask("save", **{**draft, "seen": {"2": clash["revision"]}})
    entry = context.curator.bank.entry(2)
    assert entry.attributes["category"] == "Skirt" and entry.tags == ("mine", "his"), "his stays"
    assert ask("entry", id=2)["entry"]["shape"] == clash["mine"]


def test_undo_takes_back_what_the_person_saw(ask: Ask, context: PageContext) -> None:
    state = ask("change", action="tag", ids=[2], value="mine")["bank"]
    with context.curator.library.open(context.curator.key) as theirs:
        theirs.delete([3], author="Ben")
    with pytest.raises(ValueError, match="delete by Ben.* came meanwhile"):
        ask("undo", expected=state["undo"]["revision"])
    ask("undo", expected=ask("state")["bank"]["undo"]["revision"])
    assert 3 in found(ask) and found(ask, tag="mine") == [2]


def test_entries_are_found_by_the_day_they_came(ask: Ask) -> None:
    today = datetime.now().astimezone().date()
    yesterday, tomorrow = (f"{today + timedelta(days=days)}" for days in (-1, 1))
    assert len(found(ask, since=f"{today}", until=f"{today}")) == ENTRIES
    assert found(ask, since=tomorrow) == [] and found(ask, until=yesterday) == []
    ask("change", action="tag", ids=[4], value="new")
    assert found(ask, sort="changed")[0] == 4
    with pytest.raises(ValueError, match="is no date: write it as 2026-12-31"):
        found(ask, since="tomorrow")


def test_a_garment_by_measures_is_drawn_assayed_saved_and_changed(ask: Ask) -> None:
    fields = ask("kind", kind="dress")["fields"]
    measures = {field["key"]: field["value"] for field in fields}
    drawing = ask("draw", kind="dress", measures=measures)["drawing"]
    assert drawing["outline"].startswith("M") and {name for name, _ in drawing["lines"]} >= {"neckline_front"}
    wrong = ask("draw", kind="dress", measures={**measures, "body_length": 3})
    assert wrong["drawing"] is None and wrong["measures"] == ["body_length"]
    draft = {"kind": "dress", "measures": measures, "attributes": {}, "tags": []}
    assay = ask("assay", **draft)
    assert assay["repeats"] is None and assay["proposed"]["category"] == "Dress"
    (number,) = ask("save", **draft)["ids"]
    entry = ask("entry", id=number)["entry"]
    assert entry["kind"] == "dress" and entry["drawing"]["outline"] == drawing["outline"]
    assert entry["attributes"]["category"] == "Dress" and {field["key"] for field in entry["measures"]} == set(measures)
    assert "already" in ask("assay", **draft)["repeats"]
    with pytest.raises(ValueError, match="already"):
        ask("save", **draft)
    longer = {**measures, "body_length": measures["body_length"] + 15}
    ask("save", **{**draft, "measures": longer, "entry": number})
    again = ask("entry", id=number)["entry"]
    assert again["drawing"]["outline"] != drawing["outline"] and len(found(ask)) == ENTRIES + 1
    assert {field["key"]: field["value"] for field in again["measures"]}["body_length"] == longer["body_length"]


def test_measures_are_read_off_an_outline(ask: Ask) -> None:
    fields = ask("kind", kind="dress")["fields"]
    measures = {field["key"]: field["value"] for field in fields} | {"body_length": 100.0}
    assert ask("read", id=2)["read"] is None, "nothing in this bank was drawn by measures"
    (number,) = ask("save", kind="dress", measures=measures, attributes={}, tags=[])["ids"]
    laid = ask("outline", id=number)["proposal"]
    draft = {"token": laid["token"], "mask": laid["mask"], "attributes": laid["attributes"], "tags": []}
    read = ask("read", **draft)["read"]
    assert read["kind"] == "dress" and read["overlap"] > 0.98
    sizes = {field["key"]: field["value"] for field in read["measures"]}
    assert set(sizes) == set(measures) and sizes["body_length"] == pytest.approx(100, abs=3)
    assert ask("read", id=number)["read"]["kind"] == "dress"


def test_pictures_are_proposed_corrected_and_found_by_the_next_retrieval(
    ask: Ask,
    context: PageContext,
    services: Services,
    flat_lay_bytes: Callable[..., bytes],
    curated: RAGDiffusion,
    tmp_path: Path,
) -> None:
    add, bench = AddHandlers(BankStates(context.curator), context), Bench(services.engine, "ana")
    (tmp_path / "dress.png").write_bytes(flat_lay_bytes())
    (tmp_path / "words.png").write_bytes(b"no picture")
    views = add.take_photos(bench, [str(tmp_path / "dress.png"), str(tmp_path / "words.png")])
    good, bad = views["bank"]["proposals"]
    assert views["bank"]["message"].startswith("1 of 2 pictures") and "words.png" in bad["error"]
    mask = context.tray.get(good["token"]).mask.copy()
    mask[: mask.shape[0] // 4] = 0  # the person erases the top
    about = {"token": good["token"], "attributes": {"category": "Skirt"}, "tags": ["mine"]}
    assert ask_after(context, about, mask, "assay")["repeats"] is None
    (number,) = ask_after(context, about, mask, "save")["ids"]
    sight = curated.see(flat_lay_bytes())
    assert number in curated.retrieve(sight, k=ENTRIES + 1).neighbours.ids
    entry = ask("entry", id=number)["entry"]
    assert entry["tags"] == ["mine"] and entry["source"] == "photo:dress.png"
    outline = ask("outline", id=number)["proposal"]
    assert outline["photo"].startswith("data:image/jpeg") and outline["size"] == mask.shape[0]
    with pytest.raises(ValueError, match="give the picture again"):
        ask("save", token="gone", mask=encode(mask), attributes={}, tags=[])


def ask_after(context: PageContext, about: dict[str, Any], mask: np.ndarray, what: str) -> dict[str, Any]:
    add = AddHandlers(BankStates(context.curator), context)
    return getattr(add, what)("ana", {**about, "mask": encode(mask)})


def test_a_drawn_landmark_becomes_an_entry(
    ask: Ask, context: PageContext, services: Services, placed: Callable[..., Bench]
) -> None:
    add, bench = AddHandlers(BankStates(context.curator), context), placed(Bench(services.engine, "ana"))
    with pytest.raises(ValueError, match="draw on it first"):
        add.take_landmark(bench, {}, None)
    size = bench.work.guide.landmark.shape[-1]
    mask = np.zeros((size, size), np.uint8)
    mask[size // 8 : -size // 8, size // 3 : -size // 3] = 255
    state = {"token": bench.work.token, "serial": 1, "k": 4, "alpha": 0.5, "source": "edited", "choice": None}
    views = add.take_landmark(bench, {"author": "Ben"}, {**state, "mask": encode(mask)})
    assert f"Entry {ENTRIES + 1} is in" in views["status"]["message"]
    entry = ask("entry", id=ENTRIES + 1)["entry"]
    assert entry["source"] == "drawn by hand:shirt.png" and "by ana" in entry["history"][0]["text"]


def test_banks_and_versions(ask: Ask) -> None:
    ask("bank_create", name="Spring")
    assert ask("state")["bank"]["name"] == "Spring" and found(ask) == []
    ask("bank_switch", id="bundled")
    ask("bank_copy", name="Summer")
    assert [each["name"] for each in ask("state")["bank"]["banks"]][1:] == ["Spring", "Summer"]
    version = ask("state")["bank"]["version"]
    assert ask("state", version=version) == {}, "nothing is sent where nothing changed"
    ask("snapshot", name="before")
    ask("change", action="delete", ids=[1, 2])
    ask("change", action="tag", ids=[4], value="kept")
    difference = ask("compare", old="before")["difference"]
    assert (difference["added"], difference["removed"], difference["changed"]) == ([], [1, 2], [4])
    assert ask("versions")["snapshots"][0]["name"] == "before"
    back = ask("go_back", old="before")
    assert len(found(ask)) == ENTRIES and "Undo takes that back" in back["message"]
    ask("undo")
    assert len(found(ask)) == ENTRIES - 2
    with pytest.raises(ValueError, match="a name has 1 to 60 letters"):
        ask("bank_rename", name="  ")


def test_an_import_is_told_line_by_line() -> None:
    about = {"repeated": {"a": "the bank has it"}, "refused": {"b": "no picture"}, "foreign": {"mood": 1}}
    assert plan_words(ImportReport("/tmp/x", "bank", 3, 1, embedded=1, **about), "x.zip") == [
        "x.zip: 3 garments found (bank), 1 of them can enter",
        "1 garment embedded anew for this encoder: the embeddings that came are another one's",
        "1 left out, as they are there already:",
        "a: the bank has it",
        "1 refused:",
        "b: no picture",
        "the field 'mood' of 1 garment has no place in a bank",
    ]


def test_reports_change_nothing(ask: Ask) -> None:
    version = ask("state")["bank"]["version"]
    lists = {name: ask("quality", list=name)["list"] for name in QUALITY}
    assert lists["exact"]["groups"] == [] and lists["near"]["title"] == "Near-duplicates"
    with pytest.raises(ValueError, match="no list 'rumours'"):
        ask("quality", list="rumours")
    assert set(ask("coverage")) == {"gaps", "more", "cells"}
    cloud = ask("map")["cloud"]
    assert len(np.frombuffer(base64.b64decode(cloud["xy"]), "<u2")) == 2 * ENTRIES
    assert ask("try_photos")["photos"] == [] and ask("state")["bank"]["version"] == version


def test_photos_that_were_tried_are_compared_between_versions(
    context: PageContext, services: Services, photo_bytes: Callable[..., bytes], tmp_path: Path
) -> None:
    curator, progress = context.curator, ProgressNotes()
    report = ReportHandlers(services.engine, curator, progress)
    change = ChangeHandlers(curator, BankStates(curator), progress)

    def upload(*names: str) -> list[str]:
        for i, name in enumerate(names):
            (tmp_path / name).write_bytes(photo_bytes(("#8c3b4a", "#2f4a6d")[i]))
        return [str(tmp_path / name) for name in names]

    change.snapshot("ana", {"name": "before"})
    told = report.take_photos(Bench(services.engine, "ana"), upload("red.png", "blue.png"))["bank"]["message"]
    assert told == "Looked for in the bank: red.png, blue.png"
    first = {each["name"]: [one["id"] for one in each["found"]] for each in report.try_photos("ana", {})["photos"]}
    assert set(first) == {"red.png", "blue.png"} and all(len(ids) == len(set(ids)) == 4 for ids in first.values())
    gone = first["red.png"][0]
    change.change("ana", {"action": "delete", "ids": [gone]})
    photos = report.compare("ana", {"old": "before"})["difference"]["photos"]
    assert {each["name"]: [one["id"] for one in each["then"]] for each in photos} == first
    now = {each["name"]: [one["id"] for one in each["now"]] for each in photos}
    found = {each["name"]: [one["id"] for one in each["found"]] for each in report.try_photos("ana", {})["photos"]}
    assert now == found != first and gone not in now["red.png"]
    assert report.compare("ben", {"old": "before"})["difference"]["photos"] == [], "each sees their own photos"
    with pytest.raises(ValueError, match="7 photos were given, at most 6"):
        report.take_photos(Bench(services.engine, "ana"), ["x.png"] * 7)
