"""Naming a reader as the command line does: `heads`, `qwen:PATH_OR_ID` or the address of a server."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urldefrag

from ragdiffusion.structure.readers.address import KEY_VARIABLE, check_server

if TYPE_CHECKING:
    from ragdiffusion.structure.readers.reading import AttributeReader

READER_HELP = (
    "who reads the attributes: heads (bundled, default), qwen:FOLDER_OR_HUB_ID (Qwen2-VL on this machine), or the "
    "address of an OpenAI-compatible server, http://HOST:PORT/v1 or URL#MODEL, to which each photo is then sent (its "
    f"key is taken from {KEY_VARIABLE})"
)
_FORMS = "write heads, qwen:FOLDER_OR_HUB_ID, or the http(s) address of a server"


@dataclass(frozen=True)
class ReaderChoice:
    """A reader as named.

    Args:
        kind: "heads", "qwen" or "server".
        target: folder or hub id, or the server's address; "" for the heads.
        model: the server's model; None takes the first that it lists.
    """

    kind: str
    target: str = ""
    model: str | None = None


def parse_reader(text: str) -> ReaderChoice:
    """Read a reader's name; nothing is opened or asked.

    Raises:
        ValueError: for any other form. The message does not repeat a password.
    """
    if text == "heads":
        return ReaderChoice("heads")
    if text.startswith("qwen:") and text != "qwen:":
        return ReaderChoice("qwen", text.removeprefix("qwen:"))
    if text.startswith(("http://", "https://")):
        address, model = urldefrag(text)
        return ReaderChoice("server", check_server(address), model or None)
    raise ValueError(f"there is no reader {text!r}: {_FORMS}")


def open_reader(text: str, *, heads: AttributeReader, device: str) -> AttributeReader:
    """Make the reader of a name.

    Args:
        text: as for `parse_reader`.
        heads: the bundled reader, which also stands in for a server that fails.
        device: torch device for a model on this machine.

    Raises:
        ValueError: as for `parse_reader`, or if the model can't be loaded.
    """
    choice = parse_reader(text)
    if choice.kind == "heads":
        return heads
    from ragdiffusion.structure.readers.memory import RememberingReader

    if choice.kind == "qwen":
        from ragdiffusion.structure.readers.qwen import QwenReader

        return RememberingReader(QwenReader.from_pretrained(choice.target, device=device))
    from ragdiffusion.structure.readers.served import ServedReader

    return RememberingReader(
        ServedReader(choice.target, fallback=heads, model=choice.model, key=os.environ.get(KEY_VARIABLE) or None)
    )
