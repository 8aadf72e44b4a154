"""Clusters that are not there: one line each, before anything is begun."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ragdiffusion import cli, ray_cluster
from ragdiffusion.ray_cluster import Cluster
from ragdiffusion.ray_map import mapper_of


def test_without_ray_the_way_to_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path, photo_path: Path
) -> None:
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: None)
    assert cli.main(["batch", str(photo_path), str(tmp_path / "out"), "--ray", "local"]) == 2
    error = capsys.readouterr().err
    assert "Ray, which is not installed: run `pip install .[cluster]`, or leave out --ray" in error
    assert error.count("\n") <= 2 and "Traceback" not in error


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:{free}", r"no Ray cluster answers at 127.0.0.1:\d+ \(Connection refused\): start it"),
        ("ray://127.0.0.1:{free}", "no Ray cluster answers at ray://127.0.0.1"),
        ("http://127.0.0.1:80", "write local, HOST:PORT or ray://HOST:PORT"),
        ("host:port", "write local, HOST:PORT or ray://HOST:PORT"),
    ],
)
def test_an_address_that_does_not_answer_is_said_at_once(address: str, message: str) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: requirements-cluster.txt")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    with pytest.raises(ValueError, match=message):
        with Cluster(address.format(free=free)).connected(cpus=1, gpus=0):
            pass


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--gpus-per-worker", "0.5"], "--gpus-per-worker shares out the GPUs of a Ray cluster: add --ray"),
        (["--ray", "local", "--workers", "0"], "--workers is 0, 1 to 10000 wanted"),
        (["--ray", "local", "--gpus-per-worker", "-1"], "--gpus-per-worker is -1, 0 to 64 wanted"),
    ],
)
def test_workers_that_cannot_be_are_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture, tmp_path: Path, photo_path: Path
) -> None:
    assert cli.main(["batch", str(photo_path), str(tmp_path / "out"), *words]) == 2
    assert message in capsys.readouterr().err


def test_several_workers_of_a_map_need_a_cluster() -> None:
    assert mapper_of(None, 1) is map
    with pytest.raises(ValueError, match="--workers 3 needs --ray"):
        mapper_of(None, 3)
