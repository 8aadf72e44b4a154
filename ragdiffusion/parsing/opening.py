"""Parsers by name: what `--parser` takes."""

from __future__ import annotations

from pathlib import Path

from ragdiffusion.optional_parts import open_part
from ragdiffusion.parsing.choice import parse_parser
from ragdiffusion.parsing.folding import folded
from ragdiffusion.parsing.network import GarmentParser
from ragdiffusion.parsing.parser import NetworkParser, Parser

PART = "garment_parser"
"""Folder of the parser in a checkpoint."""


def open_parser(text: str, *, bundled: Parser | None, device: str = "cpu") -> Parser:
    """Make the parser of a name.

    Args:
        text: as for `parse_parser`.
        bundled: the checkpoint's own, which also names what SAM cuts out; None if it has none.
        device: torch device.

    Raises:
        ValueError: as for `parse_parser`; if the model can't be loaded; if the bundled one is needed and there is none.
    """
    kind, place = parse_parser(text)
    if kind == "segformer":
        from ragdiffusion.parsing.published import SegformerParser

        return SegformerParser.from_pretrained(place, device=device)
    if bundled is None:
        raise ValueError(
            f"parser {text!r} needs the checkpoint's own parser, and it has none: give segformer:FOLDER_OR_ID"
        )
    if kind == "bundled":
        return bundled
    from ragdiffusion.parsing.published import SamParser

    return SamParser.from_pretrained(place, naming=bundled, device=device)


def load_bundled(location: Path, device: str = "cpu") -> NetworkParser | None:
    """The parser of a checkpoint's folder, or of its part's own folder; None where the checkpoint has none.

    Raises:
        ValueError: if what is there can't be read.
    """
    folder = location / PART if (location / PART).is_dir() else location
    config = folder / GarmentParser.config_name
    if not config.is_file() or GarmentParser.load_config(folder).get("_class_name") != GarmentParser.__name__:
        return None
    network = open_part(GarmentParser, folder, device, called="parser")
    return None if network is None else NetworkParser(folded(network))
