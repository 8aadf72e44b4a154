"""A batch on a Ray cluster: actors with one model each get the photos' paths, and no more of them than they need."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ragdiffusion.batch.executors import lots
from ragdiffusion.batch.making import failed, make
from ragdiffusion.batch.report import ReportRow
from ragdiffusion.batch.tasks import Task

if TYPE_CHECKING:
    from ragdiffusion.batch.executors import BatchJob
    from ragdiffusion.ray_cluster import Cluster

TRIES = 3  # of a photo whose actor died
_AHEAD = 2  # lots that an actor has, so that it need not wait for the next
_STILLBORN = 3  # actors that die one after another before one has a model


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

    def _made(self, ray: Any, tasks: Sequence[Task], job: BatchJob) -> Iterator[tuple[Task, Sequence[ReportRow]]]:
        maker = ray.remote(num_cpus=self.cpus, num_gpus=self.gpus)(PictureMaker)
        crew = Crew(ray, lambda: maker.remote(job, int(self.cpus) or 1), lots(tasks, job.request.together))
        for task, rows in crew.work(min(self.actors, len(tasks))):
            yield task, rows or [failed(task, job.request, f"{TRIES} workers died while they made it (no memory?)")]


@dataclass(frozen=True)
class Readiness:
    """What an actor says before it gets a photo.

    Attributes:
        refused: why it makes nothing; "" if it does.
        checkpoint: fingerprint of its weights.
        node: address of the machine that it runs on.
    """

    refused: str
    checkpoint: str
    node: str


class PictureMaker:
    """An actor: a model, and what it makes of photos.

    Args:
        job: what is made, and where it goes.
        threads: that the model may use.
    """

    def __init__(self, job: BatchJob, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self._job, self._refused, self._model = job, "", None
        try:
            self._model = job.request.load_model()
        except ValueError as error:  # raised here it would look like an actor that died
            self._refused = " ".join(str(error).split())

    def ready(self) -> Readiness:
        """Tell whether there is a model, and which."""
        import ray

        checkpoint = "" if self._model is None else self._model.checkpoint
        return Readiness(self._refused, checkpoint, ray.util.get_node_ip_address())

    def make(self, lot: Sequence[Task]) -> list[tuple[ReportRow, ...]]:
        """Make the pictures of some photos; the lines of each."""
        return make(lot, self._model, self._job.request, self._job.destination)


class Crew:
    """The actors of a batch, and what each has in hand.

    An actor gets photos only when it has a model, and then two lots, of which it makes the first. If it dies, that one
    is made again, photo by photo, as one of them may have ended it; another actor takes its place.

    Args:
        ray: the module, connected.
        hire: starts an actor, which is of `PictureMaker`.
        lots: of photos that are made together.
    """

    def __init__(self, ray: Any, hire: Callable[[], Any], lots: Sequence[Sequence[Task]]) -> None:
        self._ray, self._hire, self._waiting = ray, hire, deque(lots)
        self._going: dict[Any, Any] = {}  # what is awaited, and of which actor
        self._in_hand: dict[Any, deque[tuple[Any, Sequence[Task]]]] = {}
        self._begun: Counter[Task] = Counter()
        self._first: Readiness | None = None
        self._stillborn = 0

    def work(self, actors: int) -> Iterator[tuple[Task, Sequence[ReportRow]]]:
        """Have all photos made.

        Args:
            actors: so many.

        Yields:
            Each photo with its lines, as soon as they are there; without any where `TRIES` actors died of it.

        Raises:
            ValueError: if the model can't be loaded, or a node has another checkpoint than the first.
        """
        for _ in range(actors):
            self._await_another()
        while self._waiting or any(self._in_hand.values()):
            (done,), _ = self._ray.wait(list(self._going), num_returns=1)
            actor = self._going.pop(done)
            try:
                told = self._ray.get(done)
            except (self._ray.exceptions.RayActorError, self._ray.exceptions.OutOfMemoryError):
                yield from self._after_death(actor)
                continue
            if isinstance(told, Readiness):
                self._welcome(actor, told)
            else:
                _, lot = self._in_hand[actor].popleft()  # an actor does one after the other
                yield from zip(lot, told, strict=True)
            self._hand_out(actor)

    def _await_another(self) -> None:
        actor = self._hire()
        self._going[actor.ready.remote()] = actor

    def _welcome(self, actor: Any, told: Readiness) -> None:
        if told.refused:
            raise ValueError(told.refused)
        self._first = first = self._first or told
        if told.checkpoint != first.checkpoint:
            raise ValueError(
                f"node {told.node} has the checkpoint {told.checkpoint[:12]}, and {first.node} has "
                f"{first.checkpoint[:12]}: give every node the same"
            )
        self._stillborn, self._in_hand[actor] = 0, deque()

    def _hand_out(self, actor: Any) -> None:
        """Give an actor lots; towards the end one, so that none waits behind another while an actor is idle."""
        held = self._in_hand[actor]
        ahead = _AHEAD if len(self._waiting) > len(self._in_hand) else 1
        while self._waiting and len(held) < ahead:
            lot = self._waiting.popleft()
            answer = actor.make.remote(lot)
            held.append((answer, lot))
            self._going[answer] = actor

    def _after_death(self, actor: Any) -> Iterator[tuple[Task, Sequence[ReportRow]]]:
        held = self._in_hand.pop(actor, None)
        if held is None:  # it died before it had a model
            self._stillborn += 1
            if self._stillborn < _STILLBORN:
                self._await_another()
            elif not self._in_hand:
                raise ValueError(f"{_STILLBORN} workers died while they loaded the model (no memory?)")
            return
        for answer, _ in held:
            self._going.pop(answer, None)
        begun, *rest = [lot for _, lot in held] or [()]
        self._waiting.extendleft(rest)
        self._begun.update(begun)
        self._waiting.extendleft([task] for task in begun if self._begun[task] < TRIES)
        yield from ((task, ()) for task in begun if self._begun[task] >= TRIES)
        for other in [each for each, theirs in self._in_hand.items() if not theirs]:
            self._hand_out(other)
        if self._waiting:
            self._await_another()
