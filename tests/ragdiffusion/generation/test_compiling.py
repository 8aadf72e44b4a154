"""`--compile`: the same picture, compiled once for all later starts; a machine without a compiler is told."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch._dynamo.utils import counters

from ragdiffusion import cli
from ragdiffusion.config import Preset
from ragdiffusion.generation.compiling import require_compiler
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline


class Gate(torch.nn.Module):
    """Two operations that become one kernel."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(2 * x)


@pytest.fixture
def compiler() -> None:
    """Skips where torch finds nothing to compile with."""
    try:
        require_compiler("cpu")
    except ValueError as error:
        pytest.skip(str(error))


def test_a_compiled_mainnet_is_one_graph_and_draws_the_same(
    build: Callable[..., RAGDiffusionPipeline], presets: dict[str, Preset], inputs: dict[str, torch.Tensor | str]
) -> None:
    one_block = {"block_out_channels": (16,), "down_block_types": ("CrossAttnDownBlock2D",)}
    one_block |= {"up_block_types": ("CrossAttnUpBlock2D",), "mid_block_type": None}
    studio = presets["studio"]
    pipeline = build(replace(studio, unet={**studio.unet, **one_block}), trained=True)
    wanted = pipeline(**inputs, num_inference_steps=2).images
    torch._dynamo.reset()
    counters.clear()
    pipeline.compile(backend="aot_eager")  # what inductor is given, without its minutes
    torch.testing.assert_close(pipeline(**inputs, num_inference_steps=2).images, wanted)
    assert counters["stats"]["unique_graphs"] == 1, "a break in it would cost more than compiling saves"


def test_what_was_compiled_is_taken_from_the_disk_the_next_time(
    compiler: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    net, given, found = Gate(), torch.linspace(-3, 3, 32), []
    # One kernel needs neither headers compiled before it nor probes of what this CPU adds, which take most of the time.
    plain = {"compile_threads": 1, "cpp_cache_precompile_headers": False, "cpp.vec_isa_ok": False}
    with torch._inductor.config.patch(plain), torch.no_grad():
        for _ in range(2):
            torch._dynamo.reset()
            counters.clear()
            RAGDiffusionPipeline.compile(SimpleNamespace(unet=net))
            torch.testing.assert_close(net(given), given * torch.sigmoid(2 * given))
            found.append((counters["inductor"]["fxgraph_cache_miss"], counters["inductor"]["fxgraph_cache_hit"]))
    torch._dynamo.reset()
    assert found == [(1, 0), (0, 1)] and any(tmp_path.rglob("*.so"))


@pytest.mark.parametrize(
    ("device", "variables", "named"),
    [
        ("cpu", {"CXX": "my-c++"}, "compiler my-c++, which"),
        ("cuda:1", {}, "compiler gcc or clang or cc, which"),
        ("cuda", {"CC": "my-cc"}, "compiler my-cc, which"),
    ],
)
def test_a_missing_compiler_is_named(
    device: str, variables: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    for name in ("CC", "CXX"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=re.escape(f"{named} is not found here: install it")):
        require_compiler(device)


def test_without_a_compiler_a_command_says_so_at_once(
    tiny_checkpoint: Path,
    photo_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    words = ["generate", str(photo_path), "--checkpoint", str(tiny_checkpoint), "--device", "cpu", "--compile"]
    assert cli.main([*words, "--out", str(tmp_path / "flat.png")]) == 2
    error = capsys.readouterr().err
    assert "compiling needs the compiler no-such-compiler" in error and "Traceback" not in error
    assert not (tmp_path / "flat.png").exists()
