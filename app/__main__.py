"""`python -m app`: starts the studio."""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.files.workspace import claimed
from app.options import (
    EVERY_HOST,
    LOCAL_HOST,
    LOG_HELP,
    LOGINS_VARIABLE,
    PICTURES_HELP,
    StudioOptions,
    is_host,
    read_logins,
)
from ragdiffusion.structure.readers.choice import READER_HELP

if TYPE_CHECKING:
    import gradio as gr

    from app.files.uploads import Uploads
    from app.web.tabs import Tabs
MAX_UPLOAD = "128mb"


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the studio until Ctrl+C.

    Returns:
        The exit code: 0 when stopped, 2 for options or a workspace that cannot be used.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("app").setLevel(logging.INFO)
    try:
        settings = read_options(argv)
        with claimed(settings.workspace):
            serve(settings)
    except (ValueError, RuntimeError) as error:
        print(f"studio: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if error.name != "gradio":
            raise
        remedy = 'start it by launch.py, or pip install "ragdiffusion-studio[studio]"'
        print(f"studio: {error.name} is not installed: {remedy}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("studio: stopped", file=sys.stderr)
    return 0


def read_options(argv: Sequence[str] | None = None) -> StudioOptions:
    """Return the settings that the command line asks for.

    Raises:
        ValueError: as for `StudioOptions`.
    """
    parser = argparse.ArgumentParser(
        prog="launch.py studio", description="Open the studio: a page in the browser, served by this machine."
    )
    parser.add_argument("--port", type=int, help="0 takes any free one (default: the first free from 7860)")
    parser.add_argument(
        "--workspace",
        type=Path,
        default=StudioOptions().workspace,
        help="folder for all that is made here (default: %(default)s)",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--listen", action="store_true", help="let other machines in; demands --auth")
    parser.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name under which others reach the studio, as that of a proxy in front of it; others are refused",
    )
    parser.add_argument(
        "--auth",
        metavar="FILE",
        help="demand a login: a file only you can read, with a line USER:PASSWORD for each person, each with a history "
        f"of their own; or the same lines in the environment's {LOGINS_VARIABLE}",
    )
    parser.add_argument("--preset", default="studio", help="preset of the model (default: %(default)s)")
    parser.add_argument("--checkpoint", help="folder or hub id of the weights (default: the bundled one)")
    parser.add_argument("--bank", help="file or database URL of the bank (default: the bundled one)")
    parser.add_argument("--device", help="cpu, cuda, … (default: the best there is)")
    parser.add_argument("--reader", default="heads", help=READER_HELP)
    parser.add_argument("--log", metavar="ADDRESS", help=LOG_HELP)
    parser.add_argument("--pictures", metavar="ADDRESS", help=PICTURES_HELP)
    parser.add_argument(
        "--overseer", action="append", default=[], metavar="USER", help="sees everybody's runs; one of the logins"
    )
    parser.add_argument("--mcp", action="store_true", help="offer the API to assistants as MCP tools too")
    options = parser.parse_args(argv)
    return StudioOptions(
        workspace=options.workspace.expanduser().resolve(),
        host=EVERY_HOST if options.listen else LOCAL_HOST,
        names=(*options.host, *(_own_names() if options.listen else ())),
        port=options.port,
        logins=read_logins(options.auth),
        open_browser=not options.no_browser,
        preset=options.preset,
        checkpoint=options.checkpoint,
        bank=options.bank,
        device=options.device,
        reader=options.reader,
        log=options.log,
        pictures=options.pictures,
        overseers=tuple(options.overseer),
        mcp=options.mcp,
    )


def serve(settings: StudioOptions) -> None:
    """Open the page and serve it until it is interrupted."""
    # Read by the web library: no analytics, uploads in the workspace, and how soon a closed tab is noticed (seconds).
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(settings.uploads)
    os.environ["GRADIO_HEARTBEAT_INTERVAL"] = "5"
    os.environ.pop(LOGINS_VARIABLE, None)  # has been read; programs that are started from here need it not

    from app.files.uploads import Uploads
    from app.opening import open_services
    from app.studio import build_page
    from app.web.every import Every
    from app.web.tabs import Tabs

    services = open_services(settings)
    shutil.rmtree(settings.uploads, ignore_errors=True)  # of a studio that was killed
    page = build_page(services)
    page._queue.sleep_when_free = 0.02  # seconds; Gradio looks a thousand times, 8 % of a core, where nothing happens
    uploads, tabs = Uploads(settings.uploads), Tabs()
    sweepers = Every(15, uploads.sweep), Every(5, lambda: tabs.free(page.state_holder))
    try:
        address = _open(page, settings, uploads, tabs)
        for sweeper in sweepers:
            sweeper.start()
        print(f"The studio is open at {address} (Ctrl+C stops it)", flush=True)
        if settings.host != LOCAL_HOST:
            print(f"Other machines reach it at http://{socket.gethostname()}:{page.server_port}/", flush=True)
        services.start()
        page.block_thread()
    finally:
        for sweeper in sweepers:
            sweeper.close()
        page.close(verbose=False)
        services.close()
        shutil.rmtree(settings.uploads, ignore_errors=True)


def _open(page: gr.Blocks, settings: StudioOptions, uploads: Uploads, tabs: Tabs) -> str:
    """Start the web server; returns its address."""
    from app.web import files
    from app.web.gate import Gate
    from app.web.logins import HINT, Logins
    from app.web.served import ServedNames
    from app.web.server import StudioServer
    from app.web.theme import theme

    gate = Gate(ServedNames(settings.names), uploads, tabs, guarded=bool(settings.logins))
    try:
        _, address, _ = page.launch(
            server_name=settings.host,
            server_port=_free_port() if settings.port == 0 else settings.port,
            auth=Logins(settings.logins).check if settings.logins else None,
            auth_message=HINT,
            inbrowser=settings.open_browser,
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            ssr_mode=False,
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            mcp_server=settings.mcp,
            max_file_size=MAX_UPLOAD,
            favicon_path=files.icon(),
            theme=theme(),
            css=files.style_sheets(),
            _app=StudioServer(gate),
        )
    except OSError as error:
        port = "every port from 7860 on" if settings.port is None else f"port {settings.port}"
        raise ValueError(f"{port} is taken: choose another with --port, or --port 0 for any") from error
    return address


def _own_names() -> tuple[str, ...]:
    """Return what this machine is called in its network."""
    name = socket.gethostname()
    names = name, f"{name.partition('.')[0]}.local"
    return tuple(each for each in names if is_host(each))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOCAL_HOST, 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
