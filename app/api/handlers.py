"""What the API's endpoints do, without the web library: a program's wishes in, plain values and PNG files out.

Each call has a bench of its own, so no program ever touches what lies before a person at the page; engine, queue and
log are the page's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.files.pictures import mask_png
from app.files.uploads import read_upload
from app.runs.bench import Bench
from app.runs.request import as_logged
from app.runs.run_files import RunFiles
from app.runs.runs import Runs, Started
from app.runs.services import Services
from app.runs.unsaved import UnsavedRun
from app.session_log.framing import Framing
from app.session_log.patterns import check_pattern, logged_pattern
from app.session_log.sampling import MODEL_SETTINGS, Sampling
from app.session_log.search import RunFilter
from app.session_log.values import FINAL, Run
from ragdiffusion.attributes import UNKNOWN, validate
from ragdiffusion.images import load_mask
from ragdiffusion.parsing.choice import name_or_point, one_garment
from ragdiffusion.parsing.choosing import NoGarmentError
from ragdiffusion.parsing.found import GarmentChoice
from ragdiffusion.retrieval.guide import StructureGuide
from ragdiffusion.turned_photo import Look, choice_on, looked_at, parse_turn

if TYPE_CHECKING:
    from ragdiffusion.bank import Bank

MAX_COUNT = 100


@dataclass(frozen=True)
class GuideRequest:
    """What a program wants a structure guide of.

    Args:
        photo: path of the received file.
        k: number of candidates; None takes the model's own.
        alpha: share of the reconstruction in Eq. 3, in [0, 1]; None takes the model's own.
        attributes: that override what is read from the photo.
        candidate: index of the candidate whose silhouette is the landmark, from 0; None takes the consensus.
        mask: path of a received mask that is the landmark instead.
        garment: which garment of the photo is meant: its name, or "X,Y" in pixels of the photo; None leaves it to the
            model.
        garment_mask: path of a received mask that marks the garment instead.
        drafted: whether the drafted shape is the landmark.
        measures: of the drafted shape that are to be others than predicted; some ask for that shape by themselves.
        mirror: whether the photo is mirrored before it is looked at; `garment` and `garment_mask` count in that one.
        bank: name of the bank that is searched; None takes the one in use.
        turn: degrees clockwise by which it is turned after that, and with it what `garment` and the masks mark; "auto"
            where it looks turned; None: not, but it is told where it looks turned.
    """

    photo: str | None
    k: int | None = None
    alpha: float | None = None
    attributes: dict[str, str] | None = None
    candidate: int | None = None
    mask: str | None = None
    garment: str | None = None
    garment_mask: str | None = None
    drafted: bool = False
    measures: dict[str, float] | None = None
    mirror: bool = False
    bank: str | None = None
    turn: str | None = None


class ApiHandlers:
    """The endpoints' work.

    Args:
        services: the engine, the log, the image store and the queue.
    """

    def __init__(self, services: Services) -> None:
        self._engine, self._log, self._queue = services.engine, services.log, services.queue
        self._past = services.past
        self._runs = Runs(services.engine, services.log, services.images, services.queue, services.past)
        self._files = RunFiles(services.engine, services.log, services.images)

    def retrieve(self, owner: str, ask: GuideRequest) -> tuple[dict[str, Any], bytes]:
        """Find a photo's structure (Sec. 3.2, 9.3).

        Returns:
            The guide as plain values, and its landmark as PNG.

        Raises:
            ValueError: if a file or a value cannot be used.
        """
        with self._searched(ask) as bank:
            bench, look = self._bench(owner, ask, bank)
            guide = as_logged(bench.require().guide)
            return {**_guide(guide, bank), **_looked(look)}, mask_png(guide.landmark)

    def start(
        self, owner: str, ask: GuideRequest, settings: dict[str, Any], *, seeds: int
    ) -> tuple[Started, dict[str, int]]:
        """Log runs of a photo and queue them.

        Args:
            owner: login of the caller.
            ask: of the guide.
            settings: fields of `Sampling`; what is None is the model's own.
            seeds: 1 to 16.

        Returns:
            The runs, and how the photo was turned.

        Raises:
            ValueError: if a file or a value cannot be used; nothing is logged then.
        """
        defaults = self._engine.model().defaults
        own = {name: getattr(defaults, name) for name in MODEL_SETTINGS}
        sampling = Sampling(**{**own, **{name: value for name, value in settings.items() if value is not None}})
        with self._searched(ask) as bank:
            bench, look = self._bench(owner, ask, bank)
            return self._runs.start(bench, sampling, seeds=seeds), _looked(look)

    def runs(self, owner: str, run_ids: Sequence[int]) -> tuple[list[dict[str, Any]], list[tuple[str, bytes]]]:
        """Return runs as they stand now, and the pictures of those that are done, by file name.

        One that has ended and cannot be written yet is told as it ended, with `unsaved` saying why.

        Raises:
            ValueError: if there is no such run of theirs, or its picture is gone.
        """
        # What is in memory first: it may be written, and let go of, in between.
        kept = {run_id: self._queue.unsaved(run_id, owner) for run_id in run_ids}
        runs = [self._runs.get(owner, run_id) for run_id in run_ids]
        pictures = [self._picture(run, kept[run.id]) for run in runs]
        return [run_values(run, kept[run.id]) for run in runs], [picture for picture in pictures if picture]

    def landmark(self, owner: str, run_id: int) -> bytes | None:
        """Return the landmark that a run obeys, as PNG; None where it was not found yet.

        Raises:
            ValueError: if there is no such run of theirs, or the picture is gone.
        """
        path = self._runs.get(owner, run_id).inputs.landmark_path
        return self._runs.picture(path) if path else None

    def history(self, owner: str, fields: dict[str, Any], *, count: int, before: int | None) -> dict[str, Any]:
        """Return some of the caller's runs, newest first.

        Args:
            owner: login of the caller.
            fields: of the filter, as the History page has them.
            count: at most so many, 1 to 100.
            before: only runs with a smaller number.

        Raises:
            ValueError: if a field cannot be used, or the count is out of range.
        """
        if not 1 <= count <= MAX_COUNT:
            raise ValueError(f"count must be a whole number from 1 to {MAX_COUNT}, got {count}: use before to go on")
        found = self._log.search.find(RunFilter.read(fields), owner=owner, count=count, before=before)
        kept = {card.id: self._queue.unsaved(card.id, owner) for card in found.cards}
        runs = [run_values(self._runs.get(owner, run_id), each) for run_id, each in kept.items()]
        return {"total": found.total, "runs": runs}

    def _picture(self, run: Run, kept: UnsavedRun | None) -> tuple[str, bytes] | None:
        wish = {"background": run.inputs.sampling.background, "with_settings": True}
        if run.result_path is not None:
            return f"run-{run.id}.png", self._files.exported(run, **wish)
        if kept is not None and kept.progress.result is not None:
            return f"run-{run.id}.png", self._files.exported_unsaved(kept, **wish)
        return None

    @contextmanager
    def _searched(self, ask: GuideRequest) -> Iterator[Bank]:
        model = self._engine.model()
        if not ask.bank:
            yield model.bank
            return
        with self._past.named(model, ask.bank) as bank:
            yield bank

    def _bench(self, owner: str, ask: GuideRequest, bank: Bank) -> tuple[Bench, Look]:
        if not ask.photo:
            raise ValueError("a photo is needed: send one, with gradio_client as handle_file(path)")
        measures = _measures(ask.measures)
        named = {"candidate": ask.candidate is not None, "mask": bool(ask.mask), "drafted": ask.drafted or measures}
        if len(said := [name for name, is_given in named.items() if is_given]) > 1:
            raise ValueError(f"{' and '.join(said)} both name a landmark: send one of them")
        mask = read_upload(ask.mask) if ask.mask else None
        bench, look = self._placed(owner, ask, bank)
        if mask is not None:
            bench.outline(*mask)
        elif ask.candidate is not None:
            bench.pick(ask.candidate)
        elif named["drafted"]:
            bench.take_drafted(measures)
        return bench, look

    def _placed(self, owner: str, ask: GuideRequest, bank: Bank) -> tuple[Bench, Look]:
        """Put the photo on a bench, turned as is asked for, or as it looks."""
        attributes, garment = _attributes(ask.attributes), _garment(ask)
        turn = parse_turn(str(ask.turn)) if ask.turn else None
        data, name = read_upload(ask.photo)
        defaults = self._engine.model().defaults
        tuned: dict[str, Any] = {
            "k": defaults.k if ask.k is None else ask.k,
            "alpha": defaults.alpha if ask.alpha is None else ask.alpha,
        }
        benches: dict[int, Bench] = {}

        def see(degrees: int) -> Look:
            benches[degrees] = bench = Bench(self._engine, owner)
            meant = choice_on(data, garment, degrees, name=name)
            framing = Framing(degrees // 90, mirrored=ask.mirror)
            try:
                work = bench.place(
                    data, name, **tuned, garment=meant, framing=framing, bank=bank, attributes=attributes
                )
            except NoGarmentError as error:
                return Look(degrees, None, error)
            return Look(degrees, work.sight)

        def quarters(look: Look) -> int:
            seen = look.sight or benches[look.turned].shown().photo.image
            return self._engine.call(lambda model: model.looks_turned(seen))

        look = looked_at(see, quarters, turn)
        if look.sight is None and look.looks_turned:
            raise ValueError(f"{look.why}; the photo looks turned: turn={look.looks_turned} turns it")
        look.require()
        return benches[look.turned], look


def _guide(guide: StructureGuide, bank: Bank) -> dict[str, Any]:
    found = guide.summary()
    for candidate in found["candidates"]:
        entry = bank.entry(candidate["id"])
        candidate |= {"attributes": dict(entry.attributes), "source": entry.source}
    return {
        **found,
        "landmark_source": guide.landmark_source,
        "choice": guide.choice,
        "pattern": logged_pattern(guide.pattern),
        "attributes": dict(guide.attributes),
        "attribute_confidence": dict(guide.attribute_confidence),
        "drafted": None if guide.drafted is None else guide.drafted.summary(),
    }


def _looked(look: Look) -> dict[str, Any]:
    notes = look.require().notes
    return {"turned": look.turned, "looks_turned": look.looks_turned, "notes": list(notes)}


def _garment(ask: GuideRequest) -> GarmentChoice | None:
    """Return which garment of the photo is meant; what is written is never taken for a file of this machine."""
    if ask.garment and ask.garment_mask:
        raise ValueError("garment and garment_mask both say which garment is meant: send one of them")
    if ask.garment_mask:
        data, name = read_upload(ask.garment_mask)
        return load_mask(data, name=name)
    return one_garment(name_or_point(ask.garment)) if ask.garment else None


def _measures(given: Any) -> dict[str, float]:
    """Return the measures that a program moves; none where it sends none."""
    if given is None or given == {}:
        return {}
    if not isinstance(given, dict):
        raise ValueError(f'measures must be an object such as {{"sleeve_length": 62}}, got {str(given)[:80]}')
    pattern = check_pattern({"kind": "any", "measures": given})
    return {} if pattern is None else pattern["measures"]


def _attributes(given: Any) -> dict[str, str]:
    """Return those that override what is read, in Table 6's spelling."""
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise ValueError(f'attributes must be an object such as {{"category": "Dress"}}, got {str(given)[:80]}')
    return {key: value for key, value in validate(given).items() if value != UNKNOWN}


def run_values(run: Run, kept: UnsavedRun | None = None) -> dict[str, Any]:
    """Return a run as plain values: all that made it and what became of it, but no path and no name of a person.

    Args:
        run: of the log.
        kept: the same where it has ended and cannot be written yet.
    """
    plain = ("status", "error", "timings_ms", "starred", "rejected", "note", "colour", "reproduces", "same_pixels")
    hidden = ("owner", "photo_path", "landmark_path", "embedding")
    if kept is not None and run.status not in FINAL:
        run = kept.as_ended()
    return {
        "run": run.id,
        "created_at": run.created_at.isoformat(timespec="seconds"),
        "unsaved": kept.why if kept is not None else None,
        **{name: getattr(run, name) for name in plain},
        **{name: value for name, value in run.inputs.flat().items() if name not in hidden},
    }
