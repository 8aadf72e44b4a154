"""A batch on a Ray cluster: Ray Data hands the photos' paths to actors, each with one model."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragdiffusion.batch.making import failed, make
from ragdiffusion.batch.report import ReportRow
from ragdiffusion.batch.tasks import Task

if TYPE_CHECKING:
    from ragdiffusion.batch.executors import BatchJob
    from ragdiffusion.ray_cluster import Cluster

TRIES = 3  # of a photo whose actor died
_BLOCKS, _PHOTOS_A_BLOCK = 1000, 16  # small blocks: what an actor that dies had is made again
_AHEAD = 2  # blocks that an actor has or will take next


@dataclass(frozen=True)
class RayActors:
    """Spreads the tasks over actors of a cluster, each with a model of its own.

    An actor that dies is replaced, and what it had is made again; a photo that ends several of them is a line of the
    report. Whatever failed is tried once more, perhaps elsewhere, at the end. However many photos there are, no more
    are on their way than the actors hold and will take next.

    Args:
        cluster: where.
        actors: so many, 1 to 10,000.
        cpus: of each actor.
        gpus: of each actor; 0.5 puts two on one.
    """

    cluster: Cluster
    actors: int = 1
    cpus: float = 1
    gpus: float = 0

    def __post_init__(self) -> None:
        if not 1 <= self.actors <= 10_000:
            raise ValueError(f"--workers is {self.actors}, 1 to 10000 wanted")
        if not 0 <= self.gpus <= 64:
            raise ValueError(f"--gpus-per-worker is {self.gpus:g}, 0 to 64 wanted")

    def run(self, tasks: Sequence[Task], job: BatchJob) -> Iterator[ReportRow]:
        """As `Executor.run`.

        Raises:
            ValueError: if Ray is not installed, the cluster does not answer, the model can't be loaded, or a node has
                another checkpoint than the first.
        """
        if not tasks:
            return
        if not self.gpus and job.request.device is None:
            job = replace(job, request=replace(job.request, device="cpu"))
        with self.cluster.connected(cpus=self.actors * self.cpus, gpus=self.actors * self.gpus) as ray:
            again: list[Task] = []
            for task, rows in self._made(ray, tasks, job):
                if any(row.status == "failed" for row in rows):
                    again.append(task)
                else:
                    yield from rows
            for _, rows in self._made(ray, again, job) if again else ():
                yield from rows

    def _made(self, ray: Any, tasks: Sequence[Task], job: BatchJob) -> Iterator[tuple[Task, list[ReportRow]]]:
        import ray.data as data

        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        ledger = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Ledger).remote()
        places = [{"photo": os.fsencode(task.photo), "picture": os.fsencode(task.picture)} for task in tasks]
        together = job.request.together
        size = max(together, min(_PHOTOS_A_BLOCK, len(tasks) // _BLOCKS) // together * together)
        actors = min(self.actors, len(tasks))
        made = data.from_items(places, override_num_blocks=-(-len(places) // size)).map_batches(
            PictureMaker,
            batch_size=together,
            fn_constructor_args=(job, ledger, int(self.cpus) or 1),
            compute=data.ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=_AHEAD),
            num_cpus=self.cpus,
            num_gpus=self.gpus,
        )
        for line in made.iter_rows():
            told = json.loads(line["told"])
            if isinstance(told, str):
                raise ValueError(told)
            yield _task(line["photo"], line["picture"]), [ReportRow(**words) for words in told]


class PictureMaker:
    """An actor: a model, and what it makes of paths.

    Args:
        job: what is made, and where it goes.
        ledger: an actor of `Ledger`.
        threads: that the model may use.
    """

    def __init__(self, job: BatchJob, ledger: Any, threads: int) -> None:
        import ray
        import torch

        torch.set_num_threads(threads)
        self._job, self._ledger, self._refused, self._model = job, ledger, "", None
        try:
            self._model = job.request.load_model()
            self._refused = ray.get(ledger.agree.remote(self._model.checkpoint, ray.util.get_node_ip_address()))
        except ValueError as error:  # raised here it would look like an actor that died
            self._refused = " ".join(str(error).split())

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Make the pictures of some photos; tells the lines of each, or in one text why none is made at all."""
        tasks = [_task(*pair) for pair in zip(batch["photo"], batch["picture"], strict=True)]
        told = (
            [self._refused] * len(tasks)
            if self._refused
            else [[asdict(row) for row in rows] for rows in self._made(tasks)]
        )
        return {"photo": batch["photo"], "picture": batch["picture"], "told": [json.dumps(each) for each in told]}

    def _made(self, tasks: list[Task]) -> list[Sequence[ReportRow]]:
        import ray

        begun = ray.get([self._ledger.begin.remote(os.fsencode(task.photo)) for task in tasks])
        deadly = [task for task, times in zip(tasks, begun, strict=True) if times > TRIES]
        rest = [task for task in tasks if task not in deadly]
        lots = [[task] for task in rest] if max(begun) > 1 else [rest]  # one of them may have ended the first actor
        made: dict[Task, Sequence[ReportRow]] = {
            task: [failed(task, self._job.request, f"{TRIES} workers died while they made it (no memory?)")]
            for task in deadly
        }
        for lot in lots:
            rows = make(lot, self._model, self._job.request, self._job.destination)
            made.update(zip(lot, rows, strict=True))
        return [made[task] for task in tasks]


class Ledger:
    """An actor that all makers ask: how often a photo was begun, and whether they have the same weights."""

    def __init__(self) -> None:
        self._begun: dict[bytes, int] = {}
        self._checkpoint, self._node = "", ""

    def begin(self, photo: bytes) -> int:
        """Note that a photo is begun; returns for which time."""
        self._begun[photo] = self._begun.get(photo, 0) + 1
        return self._begun[photo]

    def agree(self, checkpoint: str, node: str) -> str:
        """Compare a node's checkpoint with that of the first; returns why it is refused, "" where it is the same."""
        if not self._checkpoint:
            self._checkpoint, self._node = checkpoint, node
        if checkpoint == self._checkpoint:
            return ""
        return (
            f"node {node} has the checkpoint {checkpoint[:12]}, and {self._node} has {self._checkpoint[:12]}: "
            "give every node the same"
        )


def _task(photo: bytes, picture: bytes) -> Task:
    return Task(Path(os.fsdecode(photo)), Path(os.fsdecode(picture)))
