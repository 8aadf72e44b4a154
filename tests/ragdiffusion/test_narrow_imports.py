"""The short way through diffusers and transformers: quick at the start, and both libraries whole afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]

_CHECK = """
import sys
from pathlib import Path
import ragdiffusion.api
from ragdiffusion.generation.parts import load_parts

folder = Path(sys.argv[1])
(scheduler,) = load_parts(folder, {"scheduler": ["diffusers", "DDIMScheduler"]}, None).values()
assert scheduler.config.beta_schedule == "scaled_linear"
came = [name for name in sys.modules if name.startswith("diffusers.models.transformers.")]
assert len(came) == 2, came  # what a UNet is made of
assert "scipy" not in sys.modules, "statistics that no scheduler of ours asks for"

import diffusers.models.transformers as transformers, diffusers.models.unets as unets
from diffusers import UNet2DConditionModel
from diffusers.utils import is_scipy_available
assert transformers.FluxTransformer2DModel.__module__.endswith("transformer_flux")
assert unets.UNet2DConditionModel is UNet2DConditionModel
assert ragdiffusion.api.RAGDiffusionPipeline.__init__.__annotations__
import importlib.util
assert is_scipy_available() == (importlib.util.find_spec("scipy") is not None)
"""


def test_a_start_passes_by_what_the_model_does_not_use_and_it_can_be_had_later():
    folder = _ROOT / "assets" / "checkpoints" / "studio"
    call = [sys.executable, "-c", _CHECK, str(folder)]
    done = subprocess.run(call, cwd=_ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
