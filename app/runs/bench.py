"""A person's bench: the photo at work, which garment of it is meant, its guide and its drafts."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from app.files.pictures import unit_mask
from app.landmark_editor.state import EditorState
from app.runs.drafts import at_screen_size, drafts_in, in_eight_bits, in_landmark_frame
from app.runs.engine import Engine
from app.runs.followed import FollowedJobs
from app.runs.garments import meaning, remembered
from app.runs.work import BenchPhoto, Work
from app.session_log.values import RunInputs
from ragdiffusion.attributes import UNKNOWN
from ragdiffusion.images import load_mask, load_photo
from ragdiffusion.parsing.found import GarmentChoice

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion, Sight
    from ragdiffusion.parsing.parse import Parse


class Bench:
    """One person's bench. Its methods may be called from any thread; each is one action.

    Args:
        engine: whose model it asks.
        owner: login of the person, "" without logins.

    Attributes:
        lock: to be held by whoever needs several actions to be one.
        followed: jobs of the runs that were started from here.
    """

    def __init__(self, engine: Engine, owner: str) -> None:
        self._engine = engine
        self.owner = owner
        self.lock = threading.RLock()
        self._work: Work | None = None
        self._last_chosen: str | None = None
        self._revisions = itertools.count()
        self._tokens = itertools.count(1)
        self.followed = FollowedJobs()

    @property
    def work(self) -> Work | None:
        """What lies on the bench, None before the first photo."""
        return self._work

    def require(self) -> Work:
        """Return what lies on the bench.

        Raises:
            ValueError: if there is no photo.
        """
        if self._work is None:
            raise ValueError("there is no photo yet: drop, paste or choose one first")
        return self._work

    def place(self, data: bytes, name: str, *, k: int, alpha: float, garment: GarmentChoice | None = None) -> Work:
        """Put a photo on the bench and find its structure.

        Args:
            data: the file.
            name: what it is called.
            k: number of candidates.
            alpha: share of the reconstruction, in [0, 1].
            garment: which garment of the photo is meant; None takes the one of the name that was chosen last, and
                where there is none, leaves it to the model.

        Raises:
            ValueError: if the photo cannot be read or shows no such garment, or a value is out of range; the bench
                stays as it was.
        """
        photo = BenchPhoto(name, data, hashlib.sha256(data).hexdigest(), load_photo(data, name=name))
        if isinstance(garment, np.ndarray):  # as the log will keep it, so that a run is made again as it was
            garment = np.rint(garment * 255).astype(np.float32) / 255
        with self.lock:
            parse = self._parse(photo.image)
            if garment is None and parse is not None and self._last_chosen is not None:
                garment = remembered(parse, self._last_chosen)
            return self._keep(self._retrieve(photo, garment, parse=parse, k=k, alpha=alpha, attributes={}))

    def choose(self, index: int) -> Work:
        """Take another garment of the photo; all else begins anew, as with a new photo.

        Args:
            index: of the garment in the work's parse. Its name is remembered for the next photo.

        Raises:
            ValueError: if there is no photo or no such garment; the bench stays as it was.
        """
        with self.lock:
            work = self.require()
            if work.parse is None:
                raise ValueError("this checkpoint has no parser, so no garment can be chosen")
            meant, guide = meaning(work.parse, index), work.guide
            settings = {"k": guide.k, "alpha": guide.alpha, "attributes": {}}
            found = self._retrieve(work.photo, meant, parse=work.parse, **settings)
            self._last_chosen = work.parse.instances[index].name
            return self._keep(found)

    def describe(self, attributes: Mapping[str, str]) -> Work:
        """Retrieve again with attributes that the person corrected; an edited landmark stays.

        Args:
            attributes: those that are shown. One that differs from the guide's is a correction from now on; one set
                to "Unknown" is read from the photo again.

        Raises:
            ValueError: if there is no photo, or Table 6 has no such attribute or value.
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
            again = {"k": guide.k, "alpha": guide.alpha, "attributes": corrected, "sight": work.sight}
            found = self._retrieve(work.photo, work.garment, parse=work.parse, **again)
            if guide.landmark_source == "edited":
                found = replace(found, guide=found.guide.edit(guide.landmark), draft=work.draft)
            return self._keep(found)

    def settle(self, value: Any) -> Work:
        """Agree with what the canvas shows.

        Args:
            value: of the canvas; one that came from here, or was settled before, changes nothing.

        Raises:
            ValueError: if there is no photo, or what is shown cannot be used; the bench stays as it was.
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
            ValueError: if there is no photo, or a value is out of range.
        """
        return self._push(lambda work: replace(work, guide=work.guide.retune(k=k, alpha=alpha)))

    def pick(self, index: int) -> Work:
        """Take a candidate's silhouette as the landmark.

        Raises:
            ValueError: if there is no photo or no such candidate.
        """
        return self._push(lambda work: replace(work, guide=work.guide.pick(index), draft=None))

    def outline(self, data: bytes, name: str) -> Work:
        """Take the person's own mask as the landmark.

        Raises:
            ValueError: if there is no photo, or the file is no usable mask.
        """
        with self.lock:
            self.require()
            mask = self._engine.call(lambda model: model.landmark_from_mask(load_mask(data, name=name)))
            return self._edit(mask)

    def photo_outline(self) -> Work:
        """Take the garment's own outline in the photo as the landmark.

        Raises:
            ValueError: if there is no photo, or no garment is found in it.
        """
        with self.lock:
            work = self.require()
            return self._edit(self._engine.call(lambda model: model.photo_outline(work.sight)))

    def make_drafts(self) -> Iterator[Work]:
        """Warp the garment into the silhouettes, those in use first; ends early when another photo is placed."""
        work = self.require()
        # Those in use come together, as each batch encodes the photo again; whoever edits meanwhile waits for one.
        for batch in (range(work.guide.k), range(work.guide.k, len(work.drafts))):
            missing = [i for i in batch if work.drafts[i] is None]
            if not missing:
                continue
            made = dict(zip(missing, self._drafts(work, work.guide.neighbours.silhouettes[missing]), strict=True))
            with self.lock:
                now = self.require()
                if now.token != work.token:
                    return
                drafts = tuple(made.get(i, draft) for i, draft in enumerate(now.drafts))
                work = self._work = replace(now, drafts=drafts)
            yield work

    def make_draft(self) -> Work:
        """Warp the garment into an edited landmark.

        Returns:
            The work with that draft, for the landmark that it had when this began.

        Raises:
            ValueError: if there is no photo.
        """
        work = self.require()
        if work.guide.landmark_source != "edited" or work.draft is not None:
            return work
        draft = self._drafts(work, work.guide.landmark[None])[0]
        with self.lock:
            now = self.require()
            if now.token == work.token and torch.equal(now.guide.landmark, work.guide.landmark):
                self._work = replace(now, draft=draft)
        return replace(work, draft=draft)

    def framed_photo(self) -> Image.Image:
        """Return the photo cut to the frame that landmarks have, to be laid under an outline.

        Raises:
            ValueError: if there is no photo.
        """
        return in_landmark_frame(self.require().screen)

    def put_back(self, photo: bytes, inputs: RunInputs, landmark: bytes, garment: GarmentChoice | None = None) -> Work:
        """Put a run's photo, guide and landmark back.

        Args:
            photo: the file as it was given.
            inputs: of the run.
            landmark: the PNG of the log.
            garment: which garment of the photo the run means.

        Raises:
            ValueError: if the pictures cannot be read; the bench stays as it was.
        """
        image = load_photo(photo, name=inputs.photo_name)
        placed = BenchPhoto(inputs.photo_name, photo, inputs.photo_sha256, image)
        settings = {"k": inputs.k, "alpha": inputs.alpha, "attributes": inputs.attributes}
        with self.lock:
            before = self._work
            try:
                self._keep(self._retrieve(placed, garment, parse=self._parse(image), **settings))
                return self._restore_landmark(inputs, landmark)
            except BaseException:
                self._work = before
                raise

    def _restore_landmark(self, inputs: RunInputs, mask: bytes) -> Work:
        """Choose as in the run where the guide is still the same one, else lay its outline in by hand."""
        then = [candidate["id"] for candidate in inputs.candidates]
        same = [candidate.id for candidate in self.require().guide.candidates] == then
        if inputs.landmark_source == "edited" or not same:
            return self._edit(unit_mask(mask))
        if inputs.landmark_source == "candidate" and inputs.choice is not None:
            return self.pick(inputs.choice)
        return self.require()

    def _parse(self, image: Image.Image) -> Parse | None:
        return self._engine.call(lambda model: None if model.parser is None else model.parse(image))

    def _retrieve(
        self,
        photo: BenchPhoto,
        garment: GarmentChoice | None,
        *,
        parse: Parse | None,
        k: int,
        alpha: float,
        attributes: Mapping[str, str],
        sight: Sight | None = None,
    ) -> Work:
        def look(model: RAGDiffusion) -> Work:
            seen = sight or model.see(photo.image, garment)
            guide = in_eight_bits(model.retrieve(seen, k=k, alpha=alpha, attributes=dict(attributes)))
            return Work(
                photo=photo,
                sight=seen,
                screen=at_screen_size(seen, 2 * model.image_size),
                guide=guide,
                drafts=(None,) * len(guide.neighbours.ids),
                parse=parse,
                garment=garment,
                corrected=dict(attributes),
                token=next(self._tokens),
            )

        found = self._engine.call(look)
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

    def _drafts(self, work: Work, silhouettes: Tensor) -> tuple[Image.Image, ...]:
        return self._engine.call(lambda model: drafts_in(model, work.screen, silhouettes))
