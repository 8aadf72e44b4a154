"""`python -m app`: starts the studio."""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from app.files.workspace import claimed
from app.options import EVERY_HOST, LOCAL_HOST, StudioOptions, parse_login
from ragdiffusion.structure.readers.choice import READER_HELP

if TYPE_CHECKING:
    import gradio as gr

    from ragdiffusion.api import RAGDiffusion

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
        "--auth",
        action="append",
        default=[],
        metavar="USER:PASSWORD",
        help="demand a login; once per person, each with a history of their own",
    )
    parser.add_argument("--preset", default="studio", help="preset of the model (default: %(default)s)")
    parser.add_argument("--checkpoint", help="folder or hub id of the weights (default: the bundled one)")
    parser.add_argument("--bank", help="file or database URL of the bank (default: the bundled one)")
    parser.add_argument("--device", help="cpu, cuda, … (default: the best there is)")
    parser.add_argument("--reader", default="heads", help=READER_HELP)
    parser.add_argument("--mcp", action="store_true", help="offer the API to assistants as MCP tools too")
    options = parser.parse_args(argv)
    return StudioOptions(
        workspace=options.workspace.expanduser().resolve(),
        host=EVERY_HOST if options.listen else LOCAL_HOST,
        port=options.port,
        logins=tuple(parse_login(text) for text in options.auth),
        open_browser=not options.no_browser,
        preset=options.preset,
        checkpoint=options.checkpoint,
        bank=options.bank,
        device=options.device,
        reader=options.reader,
        mcp=options.mcp,
    )


def serve(settings: StudioOptions) -> None:
    """Open the page and serve it until it is interrupted."""
    # Read by the web library at import: no analytics, and uploads in the workspace.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(settings.uploads)

    from app.files.image_store import ImageStore
    from app.runs.engine import Engine
    from app.runs.services import Services
    from app.session_log.log import SessionLog
    from app.studio import build_page

    log = SessionLog(settings.database)
    shutil.rmtree(settings.uploads, ignore_errors=True)  # of a studio that was killed
    services = Services(Engine(partial(load_model, settings)), log, ImageStore(settings.images), settings.bank)
    page = build_page(services)
    page._queue.sleep_when_free = 0.02  # seconds; Gradio looks a thousand times, 8 % of a core, where nothing happens
    try:
        address = _open(page, settings)
        print(f"The studio is open at {address} (Ctrl+C stops it)", flush=True)
        if settings.host != LOCAL_HOST:
            print(f"Other machines reach it at http://{socket.gethostname()}:{page.server_port}/", flush=True)
        services.start()
        page.block_thread()
    finally:
        page.close(verbose=False)
        services.close()
        shutil.rmtree(settings.uploads, ignore_errors=True)


def load_model(settings: StudioOptions) -> RAGDiffusion:
    """Return the model that the settings name, with its first retrieval, which is slow, behind it."""
    # Imported here, so that the page is up before it.
    from ragdiffusion.api import RAGDiffusion
    from ragdiffusion.config import assets_folder
    from ragdiffusion.logs import quiet_libraries
    from ragdiffusion.parsing.choosing import NoGarmentError

    quiet_libraries()
    model = RAGDiffusion.from_pretrained(
        settings.checkpoint,
        preset=settings.preset,
        bank=settings.bank,
        device=settings.device,
        reader=settings.reader,
    )
    examples = sorted((assets_folder() / "examples").glob("*.jpg"))  # the folder may be missing
    with suppress(NoGarmentError):  # a parser of one's own may see none, least of all on a blank picture
        model.retrieve(next(iter(examples), Image.new("RGB", (256, 256), "white")), k=1)
    return model


def _open(page: gr.Blocks, settings: StudioOptions) -> str:
    """Start the web server; returns its address."""
    from app.web import files
    from app.web.theme import theme

    try:
        _, address, _ = page.launch(
            server_name=settings.host,
            server_port=_free_port() if settings.port == 0 else settings.port,
            auth=list(settings.logins) or None,
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
            app_kwargs={"routes": [files.route()]},
        )
    except OSError as error:
        port = "every port from 7860 on" if settings.port is None else f"port {settings.port}"
        raise ValueError(f"{port} is taken: choose another with --port, or --port 0 for any") from error
    return address


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOCAL_HOST, 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
