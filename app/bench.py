"""A person's bench: the photo at work, its guide and drafts, and the runs started from it."""

from __future__ import annotations

import hashlib
import io
import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from app.engine import Engine, Job, Progress, Request
from app.image_store import ImageStore
from app.sampling import Sampling
from app.session_log import Run, RunInputs, SessionLog
from ragdiffusion.guide import StructureGuide
from ragdiffusion.images import load_mask, load_photo, tensor_to_mask_image

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion


@dataclass(frozen=True)
class Services:
    """What all benches share."""

    engine: Engine
    log: SessionLog
    images: ImageStore


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
        guide: its guide as the person left it.
        drafts: the garment laid into each neighbour's silhouette, in the guide's order.
        draft: the garment laid into the landmark.
        revision: grows with every action on this bench.
    """

    photo: Photo
    guide: StructureGuide
    drafts: tuple[Image.Image, ...]
    draft: Image.Image
    revision: int


@dataclass(frozen=True)
class Restored:
    """A run put back on the bench, and what could not be put back as it was ("" if all could)."""

    run: Run
    note: str


class Bench:
    """One person's bench. Its methods may be called from any thread; each is one action.

    Args:
        services: the engine, the log and the image store.
        owner: login of the person, "" without logins.
    """

    def __init__(self, services: Services, owner: str) -> None:
        self._services = services
        self.owner = owner
        self._lock = threading.RLock()
        self._work: Work | None = None
        self._revisions = itertools.count()
        self._job: Job | None = None

    @property
    def work(self) -> Work | None:
        """What lies on the bench, None before the first photo."""
        return self._work

    def place(self, data: bytes, name: str, *, k: int, alpha: float) -> Work:
        """Put a photo on the bench and find its structure.

        Raises:
            ValueError: the photo cannot be read, or k or alpha are out of range; the bench stays as it was.
        """
        photo = Photo(name, data, hashlib.sha256(data).hexdigest(), load_photo(data, name=name))
        with self._lock:
            self._work = self._retrieve(photo, k=k, alpha=alpha, attributes=None)
            return self._work

    def describe(self, attributes: Mapping[str, str]) -> Work:
        """Retrieve again with attributes that the person corrected; an edited landmark stays.

        Raises:
            ValueError: there is no photo, or Table 6 has no such attribute or value.
        """
        with self._lock:
            work = self._require()
            guide = work.guide
            found = self._retrieve(work.photo, k=guide.k, alpha=guide.alpha, attributes=dict(attributes))
            if guide.landmark_source == "edited":
                edited = found.guide.edit(guide.landmark)
                found = replace(found, guide=edited, draft=work.draft)
            self._work = found
            return found

    def retune(self, *, k: int, alpha: float) -> Work:
        """Use another K or α; no search and no model are needed.

        Raises:
            ValueError: there is no photo, or a value is out of range.
        """
        return self._change(lambda guide: guide.retune(k=k, alpha=alpha))

    def pick(self, index: int) -> Work:
        """Take a candidate's silhouette as the landmark.

        Raises:
            ValueError: there is no photo or no such candidate.
        """
        return self._change(lambda guide: guide.pick(index))

    def reset(self) -> Work:
        """Go back to the consensus.

        Raises:
            ValueError: there is no photo.
        """
        return self._change(lambda guide: guide.reset())

    def outline(self, data: bytes, name: str) -> Work:
        """Take the person's own mask as the landmark.

        Raises:
            ValueError: there is no photo, or the file is no usable mask.
        """
        with self._lock:
            self._require()
            mask = self._services.engine.call(lambda model: model.landmark_from_mask(load_mask(data, name=name)))
            return self._edit(mask)

    def photo_outline(self) -> Work:
        """Take the garment's own outline in the photo as the landmark.

        Raises:
            ValueError: there is no photo, or no garment is found in it.
        """
        with self._lock:
            work = self._require()
            return self._edit(self._services.engine.call(lambda model: model.photo_outline(work.photo.image)))

    def generate(self, sampling: Sampling) -> tuple[Run, Job]:
        """Log a run and queue it.

        Returns:
            The run, queued, and its job; follow the job's `progress`.

        Raises:
            ValueError: there is no photo.
        """
        with self._lock:
            work = self._require()
            log, images, model = self._services.log, self._services.images, self._services.engine.model()
            run = log.add(self._inputs(work, sampling, model))

            def record(progress: Progress) -> None:
                if progress.status == "running":
                    log.start(run.id)
                elif progress.status == "done":
                    path = images.put(_png(progress.result.image), "png")
                    log.finish(run.id, result_path=path, timings_ms=dict(progress.result.timings_ms))
                elif progress.status == "cancelled":
                    log.cancel(run.id)
                else:
                    log.fail(run.id, progress.error or "")

            request = Request(
                photo=work.photo.image,
                guide=work.guide,
                seed=sampling.seed,
                steps=sampling.steps,
                strength=sampling.strength,
                guidance=sampling.guidance,
                preview=sampling.preview,
            )
            self._job = Job(request, record)
            self._services.engine.submit(self._job)
            return run, self._job

    def cancel(self) -> bool:
        """Stop the newest run within one step; False if none was going."""
        job = self._job
        if job is None or job.finished:
            return False
        self._services.engine.cancel(job)
        return True

    def history(self, count: int) -> list[Run]:
        """This person's latest runs, newest first."""
        return self._services.log.latest(count, owner=self.owner)

    def run(self, run_id: int) -> Run:
        """One of this person's runs.

        Raises:
            ValueError: there is no such run of theirs.
        """
        return self._services.log.get(run_id, owner=self.owner)

    def picture(self, name: str) -> bytes:
        """A stored picture of one of the runs."""
        return self._services.images.read(name)

    def restore(self, run_id: int) -> Restored:
        """Put a run's photo, guide and landmark back on the bench.

        Raises:
            ValueError: there is no such run, or its pictures are gone; the bench stays as it was.
        """
        run = self.run(run_id)
        inputs = run.inputs
        data = self.picture(inputs.photo_path)
        mask = self.picture(inputs.landmark_path)
        photo = Photo(inputs.photo_name, data, inputs.photo_sha256, load_photo(data, name=inputs.photo_name))
        with self._lock:
            work = self._retrieve(photo, k=inputs.k, alpha=inputs.alpha, attributes=inputs.attributes)
            before, self._work = self._work, work
            try:
                return Restored(run, self._restore_landmark(inputs, mask))
            except BaseException:
                self._work = before
                raise

    def _restore_landmark(self, inputs: RunInputs, mask: bytes) -> str:
        """Choose as in the run where the guide is still the same one, else lay its outline in by hand."""
        guide = self._require().guide
        then = [candidate["id"] for candidate in inputs.candidates]
        same = [candidate.id for candidate in guide.candidates] == then
        if inputs.landmark_source == "edited":
            self._edit(_unit_mask(mask))
        elif same and inputs.landmark_source == "candidate" and inputs.choice is not None:
            self.pick(inputs.choice)
        elif not same:
            self._edit(_unit_mask(mask))
        changed = [
            label
            for label, before, now in (
                ("the weights", inputs.checkpoint, guide.checkpoint),
                ("the bank", inputs.bank_version, guide.bank_version),
            )
            if before != now
        ]
        return f"{' and '.join(changed)} changed since that run" if changed else ""

    def _retrieve(self, photo: Photo, *, k: int, alpha: float, attributes: dict[str, str] | None) -> Work:
        def look(model: RAGDiffusion) -> Work:
            guide = model.retrieve(photo.image, k=k, alpha=alpha, attributes=attributes)
            drafts = _lay(model, photo, guide.neighbours.silhouettes)
            return Work(photo, guide, drafts, drafts[guide.consensus], next(self._revisions))

        return self._services.engine.call(look)

    def _change(self, change: Callable[[StructureGuide], StructureGuide]) -> Work:
        with self._lock:
            work = self._require()
            guide = change(work.guide)
            draft = work.draft
            if guide.landmark_source != "edited":
                draft = work.drafts[guide.consensus if guide.choice is None else guide.choice]
            self._work = replace(work, guide=guide, draft=draft, revision=next(self._revisions))
            return self._work

    def _edit(self, mask: Tensor) -> Work:
        work = self._require()
        # Rounded to what the log's 8-bit picture holds, so that a restored landmark is the very same one.
        guide = work.guide.edit((mask * 255).round() / 255)
        drafts = self._services.engine.call(lambda model: _lay(model, work.photo, guide.landmark[None]))
        self._work = replace(work, guide=guide, draft=drafts[0], revision=next(self._revisions))
        return self._work

    def _require(self) -> Work:
        if self._work is None:
            raise ValueError("there is no photo yet: drop, paste or choose one first")
        return self._work

    def _inputs(self, work: Work, sampling: Sampling, model: RAGDiffusion) -> RunInputs:
        images, guide = self._services.images, work.guide
        summary = guide.summary()
        return RunInputs(
            owner=self.owner,
            photo_sha256=work.photo.sha256,
            photo_name=work.photo.name,
            photo_path=images.put(work.photo.data, "photo"),
            checkpoint=summary["checkpoint"],
            bank_version=summary["bank_version"],
            candidates=summary["candidates"],
            consensus=summary["consensus"],
            choice=guide.choice,
            alpha=summary["alpha"],
            k=summary["k"],
            attributes=dict(guide.attributes),
            landmark_path=images.put(_png(tensor_to_mask_image(guide.landmark)), "png"),
            landmark_source=guide.landmark_source,
            seed=sampling.seed,
            steps=sampling.steps,
            strength=sampling.strength,
            guidance=sampling.guidance,
            preset=model.preset,
            device=str(model.device),
        )


def read_upload(path: str | Path) -> tuple[bytes, str]:
    """The bytes and the name of a received file, which is then removed from where it was received."""
    path = Path(path)
    data = path.read_bytes()
    path.unlink(missing_ok=True)
    return data, path.name


def _lay(model: RAGDiffusion, photo: Photo, silhouettes: Tensor) -> tuple[Image.Image, ...]:
    """The photo's garment in each silhouette; plain silhouettes where the preset makes no drafts."""
    if model.pipeline.appearance_flow is None:
        return tuple(tensor_to_mask_image(1 - silhouette).convert("RGB") for silhouette in silhouettes)
    return tuple(model.draft(photo.image, silhouettes).images)


def _unit_mask(png: bytes) -> Tensor:
    return torch.from_numpy(np.array(Image.open(io.BytesIO(png)), np.float32) / 255)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
