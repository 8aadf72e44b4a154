"""The studio starts with any parser, one that sees no garment in the first photo too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.opening import load_model
from app.options import StudioOptions
from ragdiffusion.api import RAGDiffusion


@pytest.mark.parametrize("names", [(), ("upper", "lower")])
@pytest.mark.parametrize("with_examples", [True, False])
def test_the_first_retrieval_is_behind_it(
    parsing: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, names: tuple[str, ...], with_examples: bool
) -> None:
    model, seen = parsing(*names), []
    parse = model.parser.parser.parse
    monkeypatch.setattr(model.parser.parser, "parse", lambda photo, **how: seen.append(photo) or parse(photo, **how))
    monkeypatch.setattr(RAGDiffusion, "from_pretrained", lambda *_, **__: model)
    if not with_examples:
        monkeypatch.setattr("ragdiffusion.config.assets_folder", lambda: tmp_path)
    assert load_model(StudioOptions(workspace=tmp_path)) is model
    assert [photo.size == (256, 256) for photo in seen] == [not with_examples]
