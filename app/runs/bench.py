"""A person's bench: the photo at work, which garment of it is meant, its guide and its drafts.

Long because each thing that a person can do to what lies there is a method of a few lines under one lock.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from app.landmark_editor.state import EditorState
from app.runs.drafts import LaidGarment, drafts_in
from app.runs.followed import FollowedJobs
from app.runs.garments import as_logged_mask, in_box, meaning, over_photo, remembered, usable_mask
from app.runs.landmarks import carried, logged_landmark, settled
from app.runs.photos import BenchPhoto, read_photo
from app.runs.work import Unmarked, Work, begin
from app.session_log.framing import Box, Framing
from app.session_log.values import RunInputs
from ragdiffusion.attributes import UNKNOWN
from ragdiffusion.images import decode_silhouettes, load_mask
from ragdiffusion.parsing.choosing import NoGarmentError
from ragdiffusion.parsing.found import GarmentChoice

if TYPE_CHECKING:
    from app.runs.engine import Engine
    from app.runs.past_banks import PastBanks
    from ragdiffusion.bank import Bank
    from ragdiffusion.parsing.parse import Parse


class Bench:
    """One person's bench. Its methods may be called from any thread; each is one action.

    Args:
        engine: whose model it asks.
        owner: login of the person, "" without logins.
        key: under which it is kept; "" is not kept.
        changed: hears of every change.

    Attributes:
        lock: to be held by whoever needs several actions to be one.
        followed: jobs of the runs that were started from here.
        page: the page's settings by name, as far as it told of them.
        last_chosen: name of the garment that was chosen last, None if none was.
        doubted: bytes and name of an imported mask that looks inverted, until the person says what it is.
    """

    def __init__(
        self, engine: Engine, owner: str, *, key: str = "", changed: Callable[[Bench], None] | None = None
    ) -> None:
        self._engine = engine
        self._changed = changed
        self.owner, self.key = owner, key
        self.lock = threading.RLock()
        self._work: Work | None = None
        self._unmarked: Unmarked | None = None
        self.last_chosen: str | None = None
        self.page: dict[str, Any] = {}
        self._revisions = itertools.count()
        self._tokens = itertools.count(1)
        self.followed = FollowedJobs()
        self.doubted: tuple[bytes, str] | None = None

    @property
    def work(self) -> Work | None:
        """What lies on the bench, None before the first photo and where no garment is found in the one there is."""
        return self._work

    @property
    def unmarked(self) -> Unmarked | None:
        """The photo that waits for a person to mark the garment; None where there is none, or its garment is known."""
        return self._unmarked

    @property
    def empty(self) -> bool:
        """Whether there is no photo."""
        return self._work is None and self._unmarked is None

    def set_page(self, settings: Mapping[str, Any]) -> None:
        """Note what the page's controls are set to."""
        with self.lock:
            self.page = {**self.page, **settings}
            self._tell()

    def require(self) -> Work:
        """Return what lies on the bench.

        Raises:
            ValueError: if there is no photo, or no garment in it.
        """
        if self._unmarked is not None:
            raise ValueError("no garment is marked in the photo yet: draw a box around it, or paint it with the brush")
        if self._work is None:
            raise ValueError("there is no photo yet: drop, paste or choose one first")
        return self._work

    def shown(self) -> Work | Unmarked:
        """Return what lies on the bench, whether or not a garment is known of it.

        Raises:
            ValueError: if there is no photo.
        """
        return self._unmarked or self.require()

    def place(
        self,
        data: bytes,
        name: str,
        *,
        k: int,
        alpha: float,
        garment: GarmentChoice | None = None,
        framing: Framing | None = None,
        bank: Bank | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> Work:
        """Put a photo on the bench and find its structure.

        Args:
            data: the file.
            name: what it is called.
            k: number of candidates.
            alpha: share of the reconstruction, in [0, 1].
            garment: which garment of the photo is meant; None takes the one of the name that was chosen last, and
                where there is none, leaves it to the model.
            framing: how the photo is turned and cut; None: not at all.
            bank: to search now in place of the one in use.
            attributes: that the person set.

        Raises:
            NoGarmentError: if the photo shows no such garment; it stays, and waits for a person to mark one.
            ValueError: if the photo cannot be read, or a value is out of range; the bench stays as it was.
        """
        photo = read_photo(data, name, framing)
        with self.lock:
            return self._place(photo, garment, k=k, alpha=alpha, bank=bank, attributes=attributes or {})

    def reframe(self, framing: Framing) -> Work:
        """Turn and cut the photo that lies here in another way; all else begins anew, as with a new photo.

        Raises:
            NoGarmentError: as for `place`.
            ValueError: if there is no photo, or the box leaves it; the bench stays as it was.
        """
        with self.lock:
            now = self.shown()
            photo = read_photo(now.photo.data, now.photo.name, framing)
            return self._place(photo, None, **now.settings)

    def mark(self, box: Box) -> Work:
        """Take what a box holds for the garment; all else begins anew, as with a new photo.

        Args:
            box: drawn around it, in pixels of the photo as it is looked at.

        Raises:
            ValueError: if there is no photo, or nothing in the box stands out (`NoGarmentError`); the bench stays as
                it was.
        """
        with self.lock:
            now = self.shown()
            mask = in_box(now.photo.image, now.parse, box)
            found = self._retrieve(now.photo, mask, parse=now.parse, attributes={}, **now.settings)
            return self._keep(found)

    def mend(self, mask: np.ndarray | None) -> Work:
        """Take a person's own mask of the garment; corrections and a landmark of the person's own stay.

        Args:
            mask: float (H, W) in [0, 1] of the photo as it is looked at; None: what was meant before any of it was
                mended.

        Raises:
            NoGarmentError: if nothing was meant before; the photo stays and waits for a person to mark a garment.
            ValueError: if there is no photo, or the mask marks hardly anything; the bench stays as it was.
        """
        with self.lock:
            now, work = self.shown(), self._work
            unmended = work.unmended if work else None
            garment = unmended if mask is None else usable_mask(mask)
            corrected = dict(work.corrected) if work else {}
            found = self._taken(now.photo, garment, parse=now.parse, attributes=corrected, **now.settings)
            found = found if work is None else carried(found, work)
            return self._keep(replace(found, unmended=unmended))

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
            meant = meaning(work.parse, index)
            found = self._retrieve(work.photo, meant, parse=work.parse, attributes={}, **work.settings)
            self.last_chosen = work.parse.instances[index].name
            return self._keep(found)

    def describe(self, attributes: Mapping[str, str]) -> Work:
        """Retrieve again with attributes that the person corrected; a landmark of the person's own stays.

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
            found = carried(found, work)
            draft = work.draft if torch.equal(found.guide.landmark, guide.landmark) and found.is_own else None
            return self._keep(replace(found, unmended=work.unmended, draft=draft))

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
            return self._keep(settled(work, state))

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

    def take_drafted(self, measures: Mapping[str, float] | None = None) -> Work:
        """Take the drafted shape as the landmark.

        Args:
            measures: that are to be others than predicted.

        Raises:
            ValueError: if there is no photo, nothing was drafted for it, or a measure cannot be had.
        """
        return self._push(lambda work: replace(work, guide=work.guide.draft_with(measures or {}), draft=None))

    def outline(self, data: bytes, name: str, *, invert: bool | None = None) -> Work:
        """Take the person's own mask as the landmark.

        Args:
            data: the file: square, or lying over the photo.
            name: what it is called.
            invert: whether it marks the ground; None: no, and one that looks so is refused.

        Raises:
            InvertedMaskError: if it looks inverted.
            ValueError: if there is no photo, or the file is no usable mask.
        """
        with self.lock:
            photo = self.require().photo
            drawn = over_photo(load_mask(data, name=name, invert=invert), photo)
            known = {"photo": photo.image, "invert": False}
            return self._edit(self._engine.call(lambda model: model.landmark_from_mask(drawn, **known)))

    def take_entry(self, entry_id: int) -> Work:
        """Take the silhouette of any entry of the bank as the landmark.

        Raises:
            ValueError: if there is no photo or no such entry.
        """
        with self.lock:
            size = self.require().guide.landmark.shape[-1]
            stored = self._engine.call(lambda model: model.bank.entry(entry_id).silhouette)
            return self._edit(decode_silhouettes([stored], size)[0])

    def photo_outline(self) -> Work:
        """Take the garment's own outline in the photo as the landmark.

        Raises:
            ValueError: if there is no photo, or no garment is found in it.
        """
        with self.lock:
            work = self.require()
            return self._edit(self._engine.call(lambda model: model.photo_outline(work.sight)))

    def drafts_of(self, work: Work, silhouettes: Tensor) -> tuple[LaidGarment, ...]:
        """Return the garment of a work warped into silhouettes (K, H, W)."""
        return self._engine.call(lambda model: drafts_in(model, work.screen, silhouettes))

    def lay_in(self, token: int, change: Callable[[Work], Work]) -> Work | None:
        """Lay drafts into the work of a token; None where another one lies here by now."""
        with self.lock:
            if self._work is None or self._work.token != token:
                return None
            self._work = change(self._work)
            return self._work

    def put_back(
        self,
        photo: bytes,
        inputs: RunInputs,
        landmark: bytes,
        garment: GarmentChoice | None = None,
        *,
        past: PastBanks,
    ) -> Work:
        """Put a run's photo, guide and landmark back, with the candidates of the bank as it was then.

        Args:
            photo: the file as it was given.
            inputs: of the run.
            landmark: the PNG of the log.
            garment: which garment of the photo the run means.
            past: finds the bank that the run was made from.

        Raises:
            ValueError: if the pictures cannot be read; the bench stays as it was.
        """
        placed = read_photo(photo, inputs.photo_name, Framing.read(inputs.framing))
        settings: dict[str, Any] = {"alpha": inputs.alpha, "attributes": inputs.attributes}
        with self.lock:
            before = self._work, self._unmarked
            try:
                parse = self._parse(placed.image)
                with past.of(self._engine.model(), inputs.bank_version) as bank:
                    settings |= {"k": min(inputs.k, len(bank)), "bank": bank}
                    self._keep(self._retrieve(placed, garment, parse=parse, **settings))
                return self._push(lambda work: replace(work, guide=logged_landmark(work.guide, inputs, landmark)))
            except BaseException:
                self._work, self._unmarked = before
                raise

    def _place(self, photo: BenchPhoto, garment: GarmentChoice | None, **settings: Any) -> Work:
        if isinstance(garment, np.ndarray):
            garment = as_logged_mask(garment)
        parse = self._parse(photo.image)
        if garment is None and photo.alpha is None and parse is not None and self.last_chosen is not None:
            garment = remembered(parse, self.last_chosen)
        return self._keep(self._taken(photo, garment, parse=parse, **{"attributes": {}, **settings}))

    def _taken(self, photo: BenchPhoto, garment: GarmentChoice | None, **settings: Any) -> Work:
        """Retrieve; a photo that shows no garment stays, without a guide, until a person marks one."""
        try:
            return self._retrieve(photo, garment, **settings)
        except NoGarmentError as error:
            kept = {name: settings[name] for name in ("parse", "k", "alpha")}
            self._unmarked = Unmarked(photo, **kept, token=next(self._tokens), why=str(error))
            self._work = None
            self._tell()
            raise

    def _parse(self, image: Image.Image) -> Parse | None:
        return self._engine.call(lambda model: None if model.parser is None else model.parse(image))

    def _retrieve(self, photo: BenchPhoto, garment: GarmentChoice | None, **settings: Any) -> Work:
        token = next(self._tokens)
        found = self._engine.call(lambda model: begin(model, photo, garment, token=token, **settings))
        return replace(found, pushed=self._work.pushed + 1) if self._work else found

    def _push(self, change: Callable[[Work], Work]) -> Work:
        with self.lock:
            work = change(self.require())
            return self._keep(replace(work, pushed=work.pushed + 1))

    def _edit(self, mask: Tensor) -> Work:
        mask = (mask * 255).round() / 255
        return self._push(lambda work: replace(work, guide=work.guide.edit(mask), draft=None))

    def _keep(self, work: Work) -> Work:
        self._unmarked = None
        self._work = replace(work, revision=next(self._revisions))
        self._tell()
        return self._work

    def _tell(self) -> None:
        if self._changed is not None:
            self._changed(self)
