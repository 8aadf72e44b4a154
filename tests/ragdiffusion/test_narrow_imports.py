"""The short way through diffusers and transformers: quick at the start, and both libraries whole afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]

_CHECK = """
import sys
import ragdiffusion.api

model = ragdiffusion.api.RAGDiffusion.from_pretrained()
assert model.pipeline.scheduler.config.beta_schedule == "scaled_linear"
came = [name for name in sys.modules if name.startswith("diffusers.models.transformers.")]
assert len(came) == 2, came  # what a UNet is made of
for name in (
    "scipy",  # statistics that no scheduler of ours asks for
    "torch._dynamo", "sympy",  # the compiler, and what it counts with
    "torch.distributed.tensor",  # tensors shared out over machines
    "transformers.models",  # reads every model's files
    "alembic",  # takes banks of earlier versions up to date
):
    assert name not in sys.modules, name

import torch
from ragdiffusion.narrow_imports import tell_compiler
tell_compiler()
from diffusers.models.attention import BasicTransformerBlock
from torch._dynamo.trace_rules import _allowed_callable_ids
assert id(BasicTransformerBlock) in _allowed_callable_ids, "diffusers keeps it whole in a compiled graph"
compiled = torch.nn.Linear(2, 2)
compiled.compile(backend="eager")
assert compiled(torch.ones(1, 2)).shape == (1, 2)

from transformers import CLIPTextModel, BertConfig
assert type(model.pipeline.text_encoder) is CLIPTextModel
assert BertConfig().model_type == "bert"
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
    call = [sys.executable, "-c", _CHECK]
    done = subprocess.run(call, cwd=_ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
