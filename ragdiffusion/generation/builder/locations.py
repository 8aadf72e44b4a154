"""Where published models lie: a folder on this machine, or a hub id that is fetched as far as it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_FILES = ("config.json", "*.json", "*.txt", "*.safetensors")


def open_location(location: str | Path, parts: Sequence[str] = ()) -> Path:
    """The folder of a published model.

    Args:
        location: folder, or hub id like `owner/name`.
        parts: its subfolders that are wanted; none: what lies in it directly.

    Raises:
        ValueError: if it is a file, there is no such folder and it is no hub id, the hub does not give it, or a
            subfolder is missing.
    """
    folder = Path(location)
    if folder.is_file():
        raise ValueError(
            f"{folder}: a single file; give the folder of the model in diffusers layout "
            f"({', '.join(parts) if parts else 'config.json and weights'} in it)"
        )
    if not folder.is_dir():
        folder = _fetch(str(location), parts)
    if missing := [part for part in parts if not (folder / part).is_dir()]:
        raise ValueError(f"{folder}: the folder {missing[0]}/ is missing; take the whole model")
    return folder


def _fetch(name: str, parts: Sequence[str]) -> Path:
    if Path(name).is_absolute() or name.count("/") != 1:
        raise ValueError(f"{name!r}: no such folder, and no hub id like owner/name")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wanted = [f"{part}/{file}" for part in parts for file in _FILES] or list(_FILES)
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except (OSError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise ValueError(
            f"{name!r} is no folder here and can't be had from the hub: check the name and the network"
        ) from error
