"""Which job a page shows next, and that each end is told once."""

from __future__ import annotations

from app.runs.followed import FollowedJobs
from app.runs.job import Job, Progress


def job(status: str = "queued") -> Job:
    made = Job(lambda model: None, lambda progress: None)
    made.publish(Progress(status))
    return made


def test_what_ended_comes_before_what_runs_and_that_before_what_waits() -> None:
    followed, jobs = FollowedJobs(), {1: job(), 2: job("running"), 3: job("done")}
    followed.start(list(jobs.items()))
    assert followed.next() == (3, jobs[3]) and [run_id for run_id, _ in followed.going()] == [1, 2]
    assert followed.tell(3) and not followed.tell(3)
    assert followed.next() == (2, jobs[2])
    jobs[2].publish(Progress("failed"))
    assert followed.tell(2) and followed.next() == (1, jobs[1]) and followed.last == 3


def test_a_new_start_keeps_what_was_not_told_yet() -> None:
    followed, told, untold, new = FollowedJobs(), job("done"), job("done"), job()
    followed.start([(1, told), (2, untold)])
    followed.tell(1)
    followed.start([(3, new)])
    assert followed.all() == [(2, untold), (3, new)]
    followed.add([(3, job()), (4, told)])
    assert followed.all() == [(2, untold), (3, new), (4, told)], "what is followed already stays as it is"
    assert FollowedJobs().next() is None and FollowedJobs().last is None
