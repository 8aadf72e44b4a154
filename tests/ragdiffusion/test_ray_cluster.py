"""Clusters that are not there: one line each, before anything is begun."""

from __future__ import annotations

import socket
import threading
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from ragdiffusion import cli, ray_cluster
from ragdiffusion.ray_cluster import Cluster
from ragdiffusion.ray_map import mapper_of


def _joined(port: int) -> AbstractContextManager:
    return Cluster(f"127.0.0.1:{port}").connected(cpus=1, gpus=0)


def test_without_ray_the_way_to_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path, photo_path: Path
) -> None:
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: None)
    assert cli.main(["batch", str(photo_path), str(tmp_path / "out"), "--ray", "local"]) == 2
    error = capsys.readouterr().err
    assert "Ray, which is not installed: run `pip install .[cluster]`, or leave out --ray" in error
    assert error.count("\n") <= 2 and "Traceback" not in error


def test_a_ray_that_does_not_start_here_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path, photo_path: Path
) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed: requirements-cluster.txt")

    starts = []

    def refuse(**_: object) -> None:
        starts.append("init")
        raise Exception("The current node timed out during startup.\n It may be overloaded.")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", refuse)
    monkeypatch.setattr(ray, "shutdown", lambda: starts.append("shutdown"))
    assert cli.main(["batch", str(photo_path), str(tmp_path / "out"), "--ray", "local"]) == 2
    error = capsys.readouterr().err
    assert "Ray did not start on this machine (The current node timed out during startup. It may be over" in error
    assert "is it too busy? Try again, or leave out --ray" in error and "Traceback" not in error
    assert starts == ["init", "shutdown"] * 4, "a busy machine is given time"


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


@pytest.mark.parametrize("answer", [b"HTTP/1.1 505 HTTP Version Not Supported\r\n\r\n", b"SSH-2.0", b""])
@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_what_answers_and_is_no_ray_is_said_in_one_line(
    answer: bytes, scheme: str, capsys: pytest.CaptureFixture, tmp_path: Path, photo_path: Path
) -> None:
    """As a web server, or one that hangs up: Ray itself would wait for minutes."""
    pytest.importorskip("ray", reason="Ray is not installed: requirements-cluster.txt")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            line, _ = server.accept()
            with line:
                line.recv(1024)
                line.sendall(answer)

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        address = f"{scheme}127.0.0.1:{server.getsockname()[1]}"
        assert cli.main(["batch", str(photo_path), str(tmp_path / "out"), "--ray", address]) == 2
        serving.join()
    assert f"what answers at {address} is no Ray cluster: check --ray" in capsys.readouterr().err


def test_who_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: requirements-cluster.txt")
    monkeypatch.setattr(ray_cluster, "_ANSWER_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        with pytest.raises(ValueError, match="is no Ray cluster"), _joined(server.getsockname()[1]):
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
