"""The files that the browser is given: templates, modules and style sheets, each in the room of its page."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

ROOT = Path(__file__).resolve().parents[1]
_ASKS = re.compile(r"export const ASKS = [^\[]*\[([^\]]*)\]")
_FOREVER = "public, max-age=31536000, immutable"  # an address names its content's version
_LOADER = """// Python may hear of {asks}
import(`${{window.gradio_config.root}}/web/{version}/{module}`)
  .then((module) => module.mount(element, props, trigger, server, upload, watch));"""


def template(name: str) -> str:
    """The HTML of a panel.

    Args:
        name: of the panel; its files `<name>.html` and `<name>.js` lie together in one room of `app`.

    Raises:
        ValueError: there is none of that name, or several.
    """
    return _template_path(name).read_text(encoding="utf-8")


def loader(name: str) -> str:
    """What a panel runs when it is laid into the page: it imports the panel's module and calls its `mount`.

    It names the events that the module exports as `ASKS`, too: the web library lets only those be listened to.
    """
    module = _template_path(name).with_suffix(".js").relative_to(ROOT).as_posix()
    if module not in modules():
        raise ValueError(f"the panel {name!r} has no module: {module} is missing")
    asks = _ASKS.search(modules()[module].decode())
    return _LOADER.format(version=version(), module=module, asks=" ".join(asks.group(1).split()) if asks else "nothing")


@cache
def modules() -> dict[str, bytes]:
    """All JavaScript modules by their path within `app`; read once, so that all of them are of one version."""
    return {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in sorted(ROOT.rglob("*.js"))}


@cache
def version() -> str:
    """Name the content of all modules; a changed file changes the address of each."""
    digest = hashlib.sha256()
    for name, text in modules().items():
        digest.update(f"{name}\0{len(text)}\0".encode() + text)
    return digest.hexdigest()[:12]


def style_sheets() -> str:
    """The style sheets of all rooms as one: the site's own first, what narrow windows change last."""
    places = {"studio.css": 0, "narrow.css": 2}
    files = sorted(ROOT.rglob("*.css"), key=lambda path: (places.get(path.name, 1), path.name))
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def icon() -> Path:
    """The picture that browsers show beside the page's title."""
    return ROOT / "web" / "shared" / "icon.svg"


def route() -> Route:
    """Serve the modules, and nothing else, below `/web/<version>/`; a browser keeps them until they change.

    They hold no secret and are served before a login, as the web library's own scripts are.
    """
    return Route("/web/{version}/{module:path}", _serve, methods=["GET"])


async def _serve(request: Request) -> Response:
    text = modules().get(request.path_params["module"]) if request.path_params["version"] == version() else None
    if text is None:
        return Response("There is no such file: reload the page", status_code=404, media_type="text/plain")
    return Response(text, media_type="text/javascript", headers={"Cache-Control": _FOREVER})


def _template_path(name: str) -> Path:
    found = sorted(ROOT.rglob(f"{name}.html"))
    if len(found) != 1:
        places = ", ".join(path.relative_to(ROOT).as_posix() for path in found) or "none"
        raise ValueError(f"the panel {name!r} needs one template of its name in a room of app, found {places}")
    return found[0]
