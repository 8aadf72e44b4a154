"""A person's bench: the photo at work, its guide and its drafts."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import Tensor

from app.drafts import in_eight_bits, in_landmark_frame, lay
from app.engine import Engine, Job
from app.image_store import ImageStore
from app.landmark_editor.state import EditorState
from app.pictures import unit_mask
from app.run_queue import RunQueue
from app.session_log import RunInputs, SessionLog
from ragdiffusion.attributes import UNKNOWN
from ragdiffusion.images import load_mask, load_photo, photo_to_tensor, tensor_to_images
from ragdiffusion.retrieval.guide import StructureGuide

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion


@dataclass(frozen=True)
class Services:
    """What all benches share; the queue is made of the other three."""

    engine: Engine
    log: SessionLog
    images: ImageStore
    queue: RunQueue = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "queue", RunQueue(self.engine, self.log, self.images))


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo as given and as decoded."""

    name: str
    data: bytes
    sha256: str
    image: Image.Image


@dataclass(frozen=True, eq=False)
class Work:
    """What lies on the bench.

    Args:
        photo: the photo at work.
        seen: the photo as the model sees it, square, to make drafts from.
        guide: its guide as the person left it; its silhouettes and its landmark are whole 255ths, so that what is
            drawn in the browser, used and logged is one and the same.
        drafts: the garment laid into each neighbour's silhouette, in the guide's order; None where not yet made.
        draft: the garment laid into an edited landmark; None for any other, and where not yet made.
        corrected: attributes that the person set.
        token: of the retrieval; grows with each.
        serial: of the newest change in the browser that is in it.
        pushed: how often the landmark was changed from here rather than in the browser.
        revision: grows with every action on this bench.
    """

    photo: Photo
    seen: Image.Image
    guide: StructureGuide
    drafts: tuple[Image.Image | None, ...]
    draft: Image.Image | None = None
    corrected: dict[str, str] = field(default_factory=dict)
    token: int = 0
    serial: int = 0
    pushed: int = 0
    revision: int = 0


class Bench:
    """One person's bench. Its methods may be called from any thread; each is one action.

    Args:
        services: the engine, the log and the image store.
        owner: login of the person, "" without logins.

    Attributes:
        lock: to be held by whoever needs several actions to be one.
        jobs: number and job of the runs that were started from here.
        told: numbers of those whose end was shown.
    """

    def __init__(self, services: Services, owner: str) -> None:
        self._services = services
        self.owner = owner
        self.lock = threading.RLock()
        self._work: Work | None = None
        self._revisions = itertools.count()
        self._tokens = itertools.count(1)
        self.jobs: list[tuple[int, Job]] = []
        self.told: set[int] = set()

    @property
    def work(self) -> Work | None:
        """What lies on the bench, None before the first photo."""
        return self._work

    def require(self) -> Work:
        """What lies on the bench.

        Raises:
            ValueError: there is no photo.
        """
        if self._work is None:
            raise ValueError("there is no photo yet: drop, paste or choose one first")
        return self._work

    def place(self, data: bytes, name: str, *, k: int, alpha: float) -> Work:
        """Put a photo on the bench and find its structure.

        Raises:
            ValueError: the photo cannot be read, or k or alpha are out of range; the bench stays as it was.
        """
        photo = Photo(name, data, hashlib.sha256(data).hexdigest(), load_photo(data, name=name))
        with self.lock:
            return self._keep(self._retrieve(photo, k=k, alpha=alpha, attributes={}))

    def describe(self, attributes: Mapping[str, str]) -> Work:
        """Retrieve again with attributes that the person corrected; an edited landmark stays.

        Args:
            attributes: those that are shown. One that differs from the guide's is a correction from now on; one set
                to "Unknown" is read from the photo again.

        Raises:
            ValueError: there is no photo, or Table 6 has no such attribute or value.
        """
        with self.lock:
            work = self.require()
            guide = work.guide
            corrected = dict(work.corrected)
            for key, value in attributes.items():
                if value == UNKNOWN:
                    corrected.pop(key, None)
                elif value != guide.attributes.get(key):
                    corrected[key] = value
            found = self._retrieve(work.photo, k=guide.k, alpha=guide.alpha, attributes=corrected)
            if guide.landmark_source == "edited":
                found = replace(found, guide=found.guide.edit(guide.landmark), draft=work.draft)
            return self._keep(found)

    def settle(self, value: Any) -> Work:
        """Agree with what the canvas shows.

        Args:
            value: of the canvas; one that came from here, or was settled before, changes nothing.

        Raises:
            ValueError: there is no photo, or what is shown cannot be used; the bench stays as it was.
        """
        with self.lock:
            work = self.require()
            state = EditorState.read(value, work.guide.landmark.shape[-1])
            if state is None or state.token != work.token or state.serial <= work.serial:
                return work
            guide, draft = work.guide, None
            if (state.k, state.alpha) != (guide.k, guide.alpha):
                guide = guide.retune(k=state.k, alpha=state.alpha)
            if state.mask is not None:
                if guide.landmark_source == "edited" and torch.equal(state.mask, guide.landmark):
                    draft = work.draft
                guide = guide.edit(state.mask)
            else:
                guide = guide.reset() if state.choice is None else guide.pick(state.choice)
            return self._keep(replace(work, guide=guide, draft=draft, serial=state.serial))

    def retune(self, *, k: int, alpha: float) -> Work:
        """Use another K or α than the canvas shows; own presets and restored settings do.

        Raises:
            ValueError: there is no photo, or a value is out of range.
        """
        return self._push(lambda work: replace(work, guide=work.guide.retune(k=k, alpha=alpha)))

    def pick(self, index: int) -> Work:
        """Take a candidate's silhouette as the landmark.

        Raises:
            ValueError: there is no photo or no such candidate.
        """
        return self._push(lambda work: replace(work, guide=work.guide.pick(index), draft=None))

    def outline(self, data: bytes, name: str) -> Work:
        """Take the person's own mask as the landmark.

        Raises:
            ValueError: there is no photo, or the file is no usable mask.
        """
        with self.lock:
            self.require()
            mask = self._services.engine.call(lambda model: model.landmark_from_mask(load_mask(data, name=name)))
            return self._edit(mask)

    def photo_outline(self) -> Work:
        """Take the garment's own outline in the photo as the landmark.

        Raises:
            ValueError: there is no photo, or no garment is found in it.
        """
        with self.lock:
            work = self.require()
            return self._edit(self._services.engine.call(lambda model: model.photo_outline(work.photo.image)))

    def lay_drafts(self) -> Iterator[Work]:
        """Lay the garment into the silhouettes, those in use first; ends early when another photo is placed."""
        work = self.require()
        # Those in use come together, as each batch encodes the photo again; whoever edits meanwhile waits for one.
        for batch in (range(work.guide.k), range(work.guide.k, len(work.drafts))):
            missing = [i for i in batch if work.drafts[i] is None]
            if not missing:
                continue
            laid = dict(zip(missing, self._lay(work, work.guide.neighbours.silhouettes[missing]), strict=True))
            with self.lock:
                now = self.require()
                if now.token != work.token:
                    return
                drafts = tuple(laid.get(i, draft) for i, draft in enumerate(now.drafts))
                work = self._work = replace(now, drafts=drafts)
            yield work

    def lay_landmark(self) -> Work:
        """Lay the garment into an edited landmark.

        Returns:
            The work with that draft, for the landmark that it had when this began.

        Raises:
            ValueError: there is no photo.
        """
        work = self.require()
        if work.guide.landmark_source != "edited" or work.draft is not None:
            return work
        draft = self._lay(work, work.guide.landmark[None])[0]
        with self.lock:
            now = self.require()
            if now.token == work.token and torch.equal(now.guide.landmark, work.guide.landmark):
                self._work = replace(now, draft=draft)
        return replace(work, draft=draft)

    def framed_photo(self) -> Image.Image:
        """The photo cut to the frame that landmarks have, to be laid under an outline.

        Raises:
            ValueError: there is no photo.
        """
        work = self.require()
        return self._services.engine.call(lambda model: in_landmark_frame(model, work.seen))

    def put_back(self, photo: bytes, inputs: RunInputs, landmark: bytes) -> str:
        """Put a run's photo, guide and landmark back.

        Args:
            photo: the file as it was given.
            inputs: of the run.
            landmark: the PNG of the log.

        Returns:
            What changed since that run, "" if nothing.

        Raises:
            ValueError: the pictures cannot be read; the bench stays as it was.
        """
        image = load_photo(photo, name=inputs.photo_name)
        placed = Photo(inputs.photo_name, photo, inputs.photo_sha256, image)
        with self.lock:
            before = self._work
            try:
                self._keep(self._retrieve(placed, k=inputs.k, alpha=inputs.alpha, attributes=inputs.attributes))
                return self._restore_landmark(inputs, landmark)
            except BaseException:
                self._work = before
                raise

    def _restore_landmark(self, inputs: RunInputs, mask: bytes) -> str:
        """Choose as in the run where the guide is still the same one, else lay its outline in by hand."""
        guide = self.require().guide
        then = [candidate["id"] for candidate in inputs.candidates]
        same = [candidate.id for candidate in guide.candidates] == then
        if inputs.landmark_source == "edited":
            self._edit(unit_mask(mask))
        elif same and inputs.landmark_source == "candidate" and inputs.choice is not None:
            self.pick(inputs.choice)
        elif not same:
            self._edit(unit_mask(mask))
        changed = [
            label
            for label, before, now in (
                ("the weights", inputs.checkpoint, guide.checkpoint),
                ("the bank", inputs.bank_version, guide.bank_version),
            )
            if before != now
        ]
        return f"{' and '.join(changed)} changed since that run" if changed else ""

    def _retrieve(self, photo: Photo, *, k: int, alpha: float, attributes: Mapping[str, str]) -> Work:
        def look(model: RAGDiffusion) -> Work:
            guide = in_eight_bits(model.retrieve(photo.image, k=k, alpha=alpha, attributes=dict(attributes)))
            seen = tensor_to_images(photo_to_tensor(photo.image, 2 * model.image_size))[0]
            drafts = (None,) * len(guide.neighbours.ids)
            return Work(photo, seen, guide, drafts, corrected=dict(attributes), token=next(self._tokens))

        found = self._services.engine.call(look)
        return replace(found, pushed=self._work.pushed + 1) if self._work else found

    def _push(self, change: Callable[[Work], Work]) -> Work:
        with self.lock:
            work = change(self.require())
            return self._keep(replace(work, pushed=work.pushed + 1))

    def _edit(self, mask: Tensor) -> Work:
        mask = (mask * 255).round() / 255
        return self._push(lambda work: replace(work, guide=work.guide.edit(mask), draft=None))

    def _keep(self, work: Work) -> Work:
        self._work = replace(work, revision=next(self._revisions))
        return self._work

    def _lay(self, work: Work, silhouettes: Tensor) -> tuple[Image.Image, ...]:
        return self._services.engine.call(lambda model: lay(model, work.seen, silhouettes))


def read_upload(path: str | Path) -> tuple[bytes, str]:
    """The bytes and the name of a received file, which is then removed from where it was received."""
    path = Path(path)
    data = path.read_bytes()
    path.unlink(missing_ok=True)
    return data, path.name
