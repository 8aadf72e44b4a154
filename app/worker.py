"""`python -m app.worker`: a machine that makes the pictures of a shared log and shows no page."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Sequence

from app.options import LOG_HELP, PICTURES_HELP, StudioOptions
from ragdiffusion.structure.readers.choice import READER_HELP


def main(argv: Sequence[str] | None = None) -> int:
    """Make pictures until Ctrl+C.

    Returns:
        The exit code: 0 when stopped, 2 where the log, the pictures or the model cannot be used.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("app").setLevel(logging.INFO)
    try:
        work(read_options(argv))
    except (ValueError, RuntimeError) as error:
        print(f"worker: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    print("worker: stopped; what it had goes to the others", file=sys.stderr)
    return 0


def read_options(argv: Sequence[str] | None = None) -> StudioOptions:
    """Return the settings that the command line asks for.

    Raises:
        ValueError: as for `StudioOptions`.
    """
    parser = argparse.ArgumentParser(
        prog="launch.py worker", description="Make the pictures that studios on the same log are asked for."
    )
    parser.add_argument("--log", metavar="ADDRESS", required=True, help=LOG_HELP)
    parser.add_argument("--pictures", metavar="ADDRESS", required=True, help=PICTURES_HELP)
    parser.add_argument("--preset", default="studio", help="preset of the model (default: %(default)s)")
    parser.add_argument("--checkpoint", help="folder or hub id of the weights, the same as the studios' own")
    parser.add_argument("--bank", help="file or database URL of the bank, the same as the studios' own")
    parser.add_argument("--device", help="cpu, cuda, … (default: the best there is)")
    parser.add_argument("--reader", default="heads", help=READER_HELP)
    return StudioOptions(**vars(parser.parse_args(argv)))


def work(settings: StudioOptions) -> None:
    """Load the model, then take runs until this process is interrupted or ended.

    Raises:
        ValueError: if the model cannot be loaded, or others work on the log with other weights.
        WorkspaceError: if the log or the pictures cannot be used.
    """
    from app.opening import open_services  # brings the model package along

    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    services = open_services(settings)
    try:
        services.engine.model()
        services.start()
        print(f"worker: {services.log.team.name} takes runs (Ctrl+C stops it)", flush=True)
        ended.wait()
    finally:
        services.close()


if __name__ == "__main__":
    sys.exit(main())
