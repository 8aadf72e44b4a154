"""A Ray cluster: on this machine, or at an address."""

from __future__ import annotations

import argparse
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

LOCAL = "local"
RAY_HELP = (
    "make them on a Ray cluster: `local` for one on this machine, or its address, such as head:6379 or "
    "ray://head:10001; every node needs the same installation, checkpoint and folders (needs the extra `cluster`)"
)
_ANSWER_SECONDS = 5.0
_STARTS, _SLOW = 4, "timed out during startup"
"""How often Ray is started where it gives its own processes up after half a minute, and what it says then."""
_CLIENT_PORT, _PORT = 10001, 6379
_HEADER, _SETTINGS = 9, 4  # bytes of an HTTP/2 frame's header, and the type of a frame of settings
_OPENING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, _SETTINGS, 0, 0, 0, 0, 0])


def add_ray_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `--ray` and how many workers it has, where work is handed out by `ray_map`."""
    parser.add_argument("--ray", metavar="WHERE", help=RAY_HELP)
    parser.add_argument("--workers", type=int, default=1, help="with --ray: workers, a core each (default %(default)s)")


@dataclass(frozen=True)
class Cluster:
    """Where a cluster is.

    Args:
        address: "local", HOST:PORT or ray://HOST:PORT.
    """

    address: str = LOCAL

    @contextmanager
    def connected(self, *, cpus: float, gpus: float) -> Iterator[Any]:
        """Connect, or use the connection that this process has, and give the module `ray`.

        Args:
            cpus: that a cluster of this machine has at least, however few cores there are.
            gpus: that tasks will ask for.

        Raises:
            ValueError: if Ray is not installed or does not start, nothing answers at the address, or it has no GPU
                where one is wanted.
        """
        ray = _import_ray()
        joined = not ray.is_initialized()
        if joined:
            self._start(ray, cpus)
        try:
            if gpus and not ray.cluster_resources().get("GPU"):
                raise ValueError(f"the Ray cluster {self.address} has no GPU: leave out --gpus-per-worker")
            yield ray
        finally:
            if joined:
                ray.shutdown()

    def _start(self, ray: Any, cpus: float) -> None:
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        if self.address == LOCAL:
            cores = max(os.cpu_count() or 1, -int(-cpus // 1))
            for left in reversed(range(_STARTS)):
                try:
                    ray.init(address=LOCAL, num_cpus=cores, include_dashboard=False, **quiet)
                    return
                except Exception as error:
                    ray.shutdown()
                    if left and _SLOW in str(error):
                        continue
                    raise ValueError(
                        f"Ray did not start on this machine ({_in_one_line(error)}): is it too busy? Try again, or "
                        "leave out --ray"
                    ) from error
        host, port = self._host_and_port()
        try:
            with socket.create_connection((host, port), _ANSWER_SECONDS) as line:
                is_ray = "RAY_USE_TLS" in os.environ or _speaks_grpc(line)
        except OSError as error:
            reason = error.strerror or error
            raise ValueError(
                f"no Ray cluster answers at {self.address} ({reason}): start it, or check --ray"
            ) from error
        if not is_ray:  # which Ray itself would wait for, and warn of, for minutes
            raise ValueError(f"what answers at {self.address} is no Ray cluster: check --ray")
        try:
            ray.init(address=self.address, **quiet)
        except Exception as error:  # of another version, or no Ray at all
            raise ValueError(f"the Ray cluster at {self.address} cannot be joined ({_in_one_line(error)})") from error

    def _host_and_port(self) -> tuple[str, int]:
        kind, scheme, rest = self.address.rpartition("://")
        host, colon, port = rest.rpartition(":")
        if not colon:
            host, port = rest, str(_CLIENT_PORT if scheme else _PORT)
        if kind not in ("", "ray") or not host or not port.isdecimal():
            raise ValueError(f"--ray is {self.address!r}: write local, HOST:PORT or ray://HOST:PORT")
        return host.strip("[]"), int(port)


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _speaks_grpc(line: socket.socket) -> bool:
    """Whether a server answers the opening of HTTP/2, which gRPC needs, with its own: a frame of settings."""
    line.settimeout(_ANSWER_SECONDS)
    try:
        line.sendall(_OPENING)
        answer = line.recv(_HEADER, socket.MSG_WAITALL)
    except TimeoutError:
        return False
    return len(answer) == _HEADER and answer[3] == _SETTINGS


def _import_ray() -> Any:
    if find_spec("ray") is None:
        raise ValueError("--ray needs Ray, which is not installed: run `pip install .[cluster]`, or leave out --ray")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its errors come as exceptions, too
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # else its workers stand back for all else on this machine
    import ray

    return ray
