"""What is added to the bank from its page: looked at first, saved when the person says so."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from app.curation.drawing import drawn, known_kind, measures_of, proposed_attributes
from app.curation.measuring import pattern_read
from app.curation.proposals import SIDE, found_in
from app.errors import explain
from app.files.pictures import unit_mask
from app.files.uploads import read_upload
from app.landmark_editor.rle import decode
from app.pages.bank.conflict_views import conflict_view, seen_of, updated
from app.pages.bank.events import attributes_of, author_of, entry_number, entry_of, tag_of
from app.pages.bank.states import BankStates
from app.pages.bank.views import near_view, proposal_view, read_view, refused_view
from app.pages.shared.events import run_of
from app.runs.bench import Bench
from app.web.site import Views
from ragdiffusion.attributes import UNKNOWN
from ragdiffusion.images import decode_silhouettes

if TYPE_CHECKING:
    from app.pages.shared.context import PageContext
    from ragdiffusion.bank import EntryUpdate, NewEntry
    from ragdiffusion.garments.patterns import Pattern
    from ragdiffusion.retrieval.guide import StructureGuide

MOST_FILES = 200
_NEAR = {"similarity": 0.9, "overlap": 0.8, "limit": 6}


class AddHandlers:
    """Answers what is to be added, or given another outline.

    Args:
        states: tells how the bank stands afterwards.
        context: of the pages: the tray of what waits to be saved, runs and their pictures, the status line.
    """

    def __init__(self, states: BankStates, context: PageContext) -> None:
        self._engine = context.engine
        self._curator = context.curator
        self._states = states
        self._tray = context.tray
        self._runs = context.runs
        self._files = context.files
        self._status = context.status

    def take_photos(self, bench: Bench, paths: list[str]) -> Views:
        """Find the garment of each flat-lay picture that was given; one that fails stops none of the others."""
        if len(paths) > MOST_FILES:
            raise ValueError(f"{len(paths)} pictures were given at once, at most {MOST_FILES} wanted: give fewer")
        proposals = []
        for path in paths:
            data, name = read_upload(path)
            proposals.append(self._proposed(data, name))
        found = sum("error" not in proposal for proposal in proposals)
        message = f"{found} of {len(proposals)} pictures hold a garment: look at each outline, then save it"
        return {"bank": {"proposals": proposals, "message": message, "token": id(proposals)}}

    def _proposed(self, data: bytes, name: str) -> dict[str, Any]:
        try:
            proposal = self._engine.call(lambda model: found_in(model, data, name, self._tray))
            return proposal_view(proposal)
        except (ValueError, RuntimeError) as error:
            return refused_view(name, explain(error))

    def take_landmark(self, bench: Bench, event: dict[str, Any], canvas: Any) -> Views:
        """Add the outline that was drawn on the Design page, or the drafted shape with its measures, as it is now; the
        event names the author.

        Raises:
            ValueError: if there is no photo, the outline is an entry of the bank as it is, or the bank has one like it.
        """
        bench.settle(canvas)
        guide = bench.require().guide
        name = bench.require().photo.name
        if guide.pattern is not None:
            return self._added(bench, event, self._drafted(guide, guide.pattern, name))
        if guide.landmark_source != "edited":
            place = guide.consensus if guide.choice is None else guide.choice
            raise ValueError(f"this outline is entry {guide.candidates[place].id} of the bank: draw on it first")
        about: dict[str, Any] = {"attributes": _known(guide.attributes), "source": f"drawn by hand:{name}"}
        entry = self._curator.maker.from_outline(guide.landmark.numpy(), tags=("drawn by hand",), **about)
        return self._added(bench, event, entry)

    def _drafted(self, guide: StructureGuide, pattern: Pattern, name: str) -> NewEntry:
        known = {**_known(guide.attributes), **_known(proposed_attributes(pattern))}
        about: dict[str, Any] = {"attributes": known, "source": f"drafted:{name}"}
        return self._curator.maker.from_measures(pattern.kind, pattern.measures, tags=("drafted",), **about)

    def take_result(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Add the picture and the outline of the event's `run`.

        Raises:
            ValueError: if the run has no picture, or the bank has an entry like it.
        """
        run = self._runs.get(bench.owner, run_of(event))
        if run.result_path is None:
            raise ValueError(f"run {run.id} has no picture: it is {run.status}")
        with Image.open(io.BytesIO(self._files.picture(run.result_path))) as image:
            picture = image.convert("RGB")
        mask = unit_mask(self._files.picture(run.inputs.landmark_path)).numpy()
        if mask.shape[::-1] != picture.size:
            picture = picture.resize(mask.shape[::-1], Image.Resampling.LANCZOS)
        about: dict[str, Any] = {"attributes": _known(run.inputs.attributes), "source": f"generated:run {run.id}"}
        entry = self._curator.maker.from_picture(picture, mask=mask, tags=("generated",), **about)
        return self._added(bench, event, entry)

    def _added(self, bench: Bench, event: dict[str, Any], entry: NewEntry) -> Views:
        opened = self._curator.editing()
        (number,) = opened.bank.add([entry], author=author_of(bench.owner, event))
        message = f"Entry {number} is in {opened.bank.name}; Undo on the Bank page takes it back"
        message = ". ".join(filter(None, (opened.note.rstrip("."), message)))
        return {"status": self._status.view(message), "bank": {"changed": True, "token": number, "message": message}}

    def outline(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Lay the outline of an entry out, to be drawn anew."""
        entry = self._curator.bank.entry(entry_of(event))
        with Image.open(io.BytesIO(entry.silhouette)) as image:
            mask = np.asarray(image.convert("L"))
        picture = None
        if entry.thumbnail is not None:
            with Image.open(io.BytesIO(entry.thumbnail)) as image:
                picture = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        proposal = self._tray.put(
            f"entry {entry.id}", entry.source, mask, picture=picture, attributes=entry.attributes, tags=entry.tags
        )
        return {"proposal": proposal_view(proposal), "revision": entry.revision}

    def assay(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Tell what is odd about something that is about to be added, and what the bank holds that is like it."""
        from ragdiffusion.bank.quality import findings_of, similar_entries

        entry, own = self._made(event), event.get("entry")
        bank = self._curator.bank
        near = [found for found in similar_entries(bank, entry, **_NEAR) if found[0] != own]
        view = {
            "findings": [finding.text for finding in findings_of(entry.silhouette)],
            "repeats": None if own is not None else bank.duplicates([entry]).get(0),
            "near": near_view(near, bank.silhouettes([found[0] for found in near])),
        }
        return {**view, "proposed": dict(entry.attributes)} if "kind" in event else view

    def read(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Read measures off the outline of something that is about to be added, or of the entry that the event's `id`
        names.
        """
        bank = self._curator.bank
        entry = bank.entry(entry_of(event)) if "id" in event else self._made(event)
        silhouette = decode_silhouettes([entry.silhouette], SIDE)[0]
        return {"read": read_view(pattern_read(bank, silhouette, torch.as_tensor(entry.embedding)))}

    def save(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Add it, or give the event's `entry` its outline and what else was changed; the next retrieval uses it.

        If somebody else changed that entry since it was `seen`, nothing is changed and both versions come back.
        """
        from ragdiffusion.bank import ConflictError

        entry, own, author = self._made(event), event.get("entry"), author_of(login, event)
        opened = self._curator.editing()
        if own is None:
            ids = opened.bank.add([entry], author=author)
            message = f"Entry {ids[0]} is in {opened.bank.name}; the next retrieval can find it"
        else:
            ids, update = (entry_number(own),), self._update(entry_number(own), entry, event)
            try:
                opened.bank.update([update], author=author, expected=seen_of(event))
            except ConflictError as error:
                return {
                    "bank": self._states.view(login),
                    "conflict": conflict_view(error, updated(update), opened.bank),
                }
            message = f"Entry {ids[0]} has another outline"
        message = ". ".join(filter(None, (opened.note.rstrip("."), message)))
        return {"ids": list(ids), "bank": self._states.view(login), "message": message}

    def _update(self, number: int, entry: NewEntry, event: dict[str, Any]) -> EntryUpdate:
        """What a person changed of an entry: its outline, and attributes and tags if they touched these."""
        from ragdiffusion.bank import EntryUpdate

        update = EntryUpdate(
            number,
            embedding=entry.embedding,
            silhouette=entry.silhouette,
            attributes=entry.attributes,
            tags=entry.tags,
            thumbnail=entry.thumbnail,
            pattern=entry.pattern,
        )
        if "kind" in event:
            return update
        before = self._tray.get(event.get("token"))  # as it lay there when they began
        same = {"attributes": _known(before.attributes) == _known(attributes_of(event.get("attributes") or {}))}
        same["tags"] = tuple(before.tags) == tuple(entry.tags)
        return replace(update, **{name: None for name, kept in same.items() if kept})

    def _made(self, event: dict[str, Any]) -> NewEntry:
        """Make the entry that an event describes: by kind and measures, or a proposal's token and a mask."""
        given = attributes_of(event.get("attributes") or {})
        attributes = _known(given)
        tags = tuple(dict.fromkeys(tag_of(tag) for tag in event.get("tags") or ()))
        if "kind" in event:
            return self._by_measures(event, attributes, tags)
        proposal = self._tray.get(event.get("token"))
        if event.get("entry") is not None and attributes == _known(proposal.attributes):
            # Nobody touched them, so they stay as they are by now, and the embedding is to tell of those.
            attributes = _known(self._curator.bank.entry(entry_number(event["entry"])).attributes)
        mask = decode(str(event.get("mask")), SIDE).astype(np.float32) / 255
        about: dict[str, Any] = {"attributes": attributes, "source": proposal.source, "tags": tags}
        if proposal.picture is None:
            return self._curator.maker.from_outline(mask, **about)
        return self._curator.maker.from_picture(proposal.picture, mask=mask, **about)

    def _by_measures(self, event: dict[str, Any], attributes: dict[str, str], tags: tuple[str, ...]) -> NewEntry:
        kind = known_kind(event.get("kind"))
        found = drawn(kind, measures_of(kind, event.get("measures")))
        if found.pattern is None:
            raise ValueError(found.wrong)
        own = event.get("entry")
        held = {} if own is None else self._curator.bank.entry(entry_number(own)).attributes
        known = {**held, **_known(proposed_attributes(found.pattern)), **attributes}
        return self._curator.maker.from_measures(
            kind,
            found.pattern.measures,
            attributes=_known(known),
            source=f"measures:{kind}",
            tags=tags or (kind,),
        )


def _known(attributes: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in attributes.items() if value != UNKNOWN}
