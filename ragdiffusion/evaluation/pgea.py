"""PGEA at a size that a CPU can train: what a 16-channel autoencoder keeps of lettering, and what adapting saves (3.3).

Twin autoencoders of 4 and of 16 channels learn alike. A UNet learns text to image on the 4-channel latents, is adapted
to the 16-channel ones in three stages, and is compared with one of the same shape that learns those from scratch.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from accelerate import Accelerator
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import nn

from ragdiffusion.config import get_preset
from ragdiffusion.garments import GarmentEngine
from ragdiffusion.generation.autoencoder import GarmentAutoencoder
from ragdiffusion.generation.builder.published import TextBranch, load_text_branch
from ragdiffusion.training.autoencoder import train_autoencoder
from ragdiffusion.training.loop import Batch, LoopConfig
from ragdiffusion.training.scale.captioned import NO_CAPTION
from ragdiffusion.training.scale.loop import ScaleConfig, open_accelerator, take_average, train_at_scale
from ragdiffusion.training.scale.pgea import DistilConvIn, TextBase, TextToImage, expand_channels, latents_of

HELD_OUT = 32
_LETTERED = ("Text", "Logo")
_ROUNDS = 2  # of noise that held-out latents are judged under
_FIRST_HELD_OUT = 1 << 30


@dataclass(frozen=True)
class TrialConfig:
    """How large and long.

    Attributes:
        out: folder of everything; what is there is not trained again.
        size: side of the pictures, pixels.
        pictures: drawn flat-lays to train on, a third of them lettered.
        autoencoder_steps: of each twin.
        base_steps: of the UNet on 4 channels.
        distil_steps: of stage I by gradient, which the closed form is compared with.
        ends_steps: of stage II.
        whole_steps: of stage III.
        scratch_steps: of the UNet from scratch on 16 channels.
        batch_size: of all.
        widths: of the UNet.
    """

    out: Path
    size: int = 128
    pictures: int = 384
    autoencoder_steps: int = 250
    base_steps: int = 480
    distil_steps: int = 160
    ends_steps: int = 40
    whole_steps: int = 160
    scratch_steps: int = 200
    batch_size: int = 8
    widths: tuple[int, int] = (32, 64)


@dataclass(frozen=True)
class Pictures:
    """Drawn flat-lays.

    Attributes:
        images: uint8 (N, S, S, 3).
        captions: of each.
        lettered: (N,) bool, those that bear a text or a logo.
    """

    images: np.ndarray
    captions: list[str]
    lettered: np.ndarray


def draw_pictures(count: int, size: int, *, first: int = 0) -> Pictures:
    """Flat-lays of the garment engine, every third with lettering."""
    engine, images, captions, lettered = GarmentEngine(size), [], [], []
    for number in range(first, first + count):
        rng = np.random.default_rng(number)
        structure = engine.structure(rng)
        texture = engine.texture(rng, structure)
        if number % 3 == 0:
            texture = replace(texture, print=_LETTERED[number % 2])
        flat = engine.flat_lay(structure, texture)
        images.append(flat.image)
        captions.append(flat.caption)
        lettered.append(texture.print in _LETTERED)
    return Pictures(np.stack(images), captions, np.array(lettered))


def run_trial(config: TrialConfig, studio: Path) -> dict[str, Any]:
    """Train everything and measure; writes `report.json`, `curves.json` and `reconstructions.png` under `config.out`.

    Args:
        config: of the trial.
        studio: checkpoint whose text encoder reads the captions.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    pictures = draw_pictures(config.pictures, config.size)
    held_out = draw_pictures(HELD_OUT, config.size, first=_FIRST_HELD_OUT)
    twins = {channels: _autoencoder(config, channels, pictures, held_out) for channels in (4, 16)}
    report: dict[str, Any] = {"reconstruction": measure_lettering(twins, held_out, config.out / "reconstructions.png")}
    text = load_text_branch(studio)
    with open_accelerator(_scale(config, "base", 1)) as accelerator:
        curves = _train_all(_Shared(config, text, pictures, held_out, twins, accelerator), report)
    report["saved"] = steps_saved([*curves["stage_2"], *curves["stage_3"]], curves["scratch"])
    report["held_out"] = {name: curve[-1]["held_out"] for name, curve in curves.items()}
    (config.out / "curves.json").write_text(json.dumps(curves, indent=1))
    (config.out / "report.json").write_text(json.dumps(report, indent=1))
    return report


def _train_all(shared: _Shared, report: dict[str, Any]) -> dict[str, list[dict[str, float]]]:
    """Train the base, the three stages that adapt it, and one from scratch; gives their curves, adds to the report."""
    config = shared.config
    base = shared.text_to_image(4, _unet(config, 4))
    curves = {"base": shared.train("base", base, config.base_steps)}
    adapted = copy.deepcopy(base.unet)
    report["stage_1"] = _stage_one(shared, adapted)
    second = shared.text_to_image(16, adapted, ends_only=True)
    started = time.process_time()
    second.solve_conv_out([shared.samples(16)(range(i * 32, i * 32 + 32)) for i in range(24)])
    report["conv_out_closed_form"] = {"seconds": time.process_time() - started, "held_out": shared.held_out(second)}
    curves["stage_2"] = shared.train("stage-2", second, config.ends_steps)
    curves["stage_3"] = shared.train("stage-3", shared.text_to_image(16, adapted), config.whole_steps)
    curves["scratch"] = shared.train("scratch", shared.text_to_image(16, _unet(config, 16)), config.scratch_steps)
    return curves


@torch.no_grad()
def measure_lettering(twins: dict[int, nn.Module], pictures: Pictures, sheet: Path | None = None) -> dict[str, Any]:
    """What each autoencoder keeps of lettered and of other pictures.

    Args:
        twins: autoencoders by their channels.
        pictures: that none was trained on.
        sheet: where to write lettered ones beside their copies; None: nowhere.

    Returns:
        For each: `psnr` in dB of all pictures, `lettered_psnr` of the printed pixels' surroundings, where the picture
        is not white, and `lettered_edges`, the mean difference of horizontal and vertical slopes there, of 255.
    """
    whole = torch.from_numpy(pictures.images).permute(0, 3, 1, 2).float() / 127.5 - 1
    report, columns = {}, [whole[pictures.lettered][:8]]
    for channels, vae in twins.items():
        copies = torch.cat([vae.decode(vae.encode(part).latent_dist.mode()).sample for part in whole.split(16)])
        error = (copies - whole)[pictures.lettered]
        cloth = (whole[pictures.lettered] < 0.98).any(1, keepdim=True).float()
        slopes = [error.diff(dim=dim).abs() * cloth.narrow(dim, 1, error.shape[dim] - 1) for dim in (2, 3)]
        report[f"{channels}_channels"] = {
            "psnr": _psnr((copies - whole).square().mean()),
            "lettered_psnr": _psnr((error.square() * cloth).sum() / cloth.sum() / 3),
            "lettered_edges": float(sum(slope.sum() for slope in slopes) / cloth.sum() / 6 * 127.5),
        }
        columns.append(copies[pictures.lettered][:8])
    if sheet is not None:
        rows = torch.cat(columns, 3).add(1).mul(127.5).clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
        cv2.imwrite(str(sheet), cv2.cvtColor(np.vstack(list(rows)), cv2.COLOR_RGB2BGR))
    return report


def steps_saved(adapted: list[dict[str, float]], scratch: list[dict[str, float]]) -> dict[str, float | None]:
    """Processor seconds until the adapted UNet is where the one from scratch ends.

    Args:
        adapted: points of its curve, one stage after the other, each stage's seconds from its own start.
        scratch: points of the other's.

    Returns:
        `scratch_seconds` and `adapted_seconds` to its last held-out loss; None: it never got there.
    """
    goal, spent, before = scratch[-1]["held_out"], 0.0, 0.0
    for index, point in enumerate(adapted):
        if index and point["seconds"] < adapted[index - 1]["seconds"]:  # the next stage begins
            before += adapted[index - 1]["seconds"]
        spent = before + point["seconds"]
        if point["held_out"] <= goal:
            return {"scratch_seconds": scratch[-1]["seconds"], "adapted_seconds": spent}
    return {"scratch_seconds": scratch[-1]["seconds"], "adapted_seconds": None}


def _psnr(mean_square: torch.Tensor) -> float:
    return float(10 * torch.log10(4 / mean_square))


def _autoencoder(config: TrialConfig, channels: int, pictures: Pictures, held_out: Pictures) -> nn.Module:
    preset = get_preset("ablation").with_latent_channels(channels)
    torch.manual_seed(0)
    model = GarmentAutoencoder(**preset.autoencoder[1])
    loop = LoopConfig(
        out=config.out / f"vae-{channels}",
        minutes=1e6,
        steps=config.autoencoder_steps,
        batch_size=config.batch_size,
        learning_rate=1e-3,
        warmup=20,
        workers=0,
        threads=1,
        sample_every=10**9,
        save_every=60,
        bfloat16=False,
        ema_decay=0.99,
    )
    return train_autoencoder(loop, pictures.images, held_out.images[:16], model=model, crop=min(64, config.size)).eval()


def _unet(config: TrialConfig, channels: int) -> UNet2DConditionModel:
    torch.manual_seed(1)
    keywords = {
        **get_preset("ablation").unet,
        "cross_attention_dim": 96,
        "block_out_channels": config.widths,
        "sample_size": config.size // 8,
        "norm_num_groups": 16,
    }
    return UNet2DConditionModel(in_channels=channels, out_channels=channels, **keywords)


def _scale(config: TrialConfig, name: str, steps: int) -> ScaleConfig:
    return ScaleConfig(
        out=config.out / name,
        steps=steps,
        batch_size=config.batch_size,
        learning_rate=1e-3,
        warmup=20,
        ema_decay=0.99,
        save_every=100,
        sample_every=max(1, min(40, steps // 4)),
        cpu=True,
    )


class _Shared:
    """What the trainings of a trial share: latents of both twins, captions, and the judge."""

    def __init__(
        self,
        config: TrialConfig,
        text: TextBranch,
        pictures: Pictures,
        held_out: Pictures,
        twins: dict[int, nn.Module],
        accelerator: Accelerator,
    ) -> None:
        self.config, self.text, self.twins, self.accelerator = config, text, twins, accelerator
        self.captions = [*pictures.captions, *held_out.captions]
        self.count = len(pictures.captions)
        images = np.concatenate([pictures.images, held_out.images])
        with torch.no_grad():
            whole = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
            self.latents = {
                channels: torch.cat([latents_of(vae, part) for part in whole.split(16)])
                for channels, vae in twins.items()
            }

    def samples(self, channels: int) -> Callable[[range], Batch]:
        """Latents and captions by sample numbers; numbers from `_FIRST_HELD_OUT` on are of held-out pictures."""

        def make(numbers: range) -> Batch:
            rows = []
            for number in numbers:
                rng = np.random.default_rng(number)
                held = number >= _FIRST_HELD_OUT
                row = self.count + number % HELD_OUT if held else int(rng.integers(self.count))
                rows.append((row, NO_CAPTION if not held and rng.random() < 0.1 else row))
            index = torch.tensor([row for row, _ in rows])
            return {
                "latent": self.latents[channels][index],
                "old_latent": self.latents[4][index],
                "caption": torch.tensor([told for _, told in rows]),
                "seed": torch.tensor(list(numbers)),
            }

        return make

    def text_to_image(self, channels: int, unet: UNet2DConditionModel, *, ends_only: bool = False) -> TextToImage:
        """A stage's module."""
        scheduler = DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            prediction_type="epsilon",
            clip_sample=False,
        )
        text = TextBase(self.text.encoders, self.text.tokenizers, self.captions)
        return TextToImage(unet, self.twins[channels], text, scheduler, ends_only=ends_only)

    @torch.no_grad()
    def held_out(self, module: TextToImage) -> float:
        """Mean loss of the held-out pictures."""
        module.eval()
        make = self.samples(module.unet.config.in_channels)
        losses = [
            float(module(make(range(first, first + HELD_OUT)))["loss"])
            for first in range(_FIRST_HELD_OUT, _FIRST_HELD_OUT + _ROUNDS * HELD_OUT, HELD_OUT)
        ]
        return float(np.mean(losses))

    def train(self, name: str, module: TextToImage, steps: int) -> list[dict[str, float]]:
        """Train a module; gives its curve with the processor's seconds, and the module its averaged weights."""
        config = _scale(self.config, name, steps)
        saved = config.out / "curve.json"
        curve = (
            json.loads(saved.read_text())
            if saved.is_file()
            else [{"step": 0, "seconds": 0.0, "held_out": self.held_out(module)}]
        )
        started, before = time.process_time(), curve[-1]["seconds"]

        def note(trained: nn.Module, step: int) -> dict[str, float]:
            loss = self.held_out(module)
            curve.append({"step": step, "seconds": before + time.process_time() - started, "held_out": loss})
            saved.write_text(json.dumps(curve))
            return {"held_out": loss}

        average = train_at_scale(
            config, module, self.samples(module.unet.config.in_channels), accelerator=self.accelerator, on_sample=note
        )
        take_average(module, average)
        return curve


def _stage_one(shared: _Shared, unet: UNet2DConditionModel) -> dict[str, Any]:
    """Widen a UNet and set its conv_in by the closed form; says how gradient descent would have fared."""
    old = copy.deepcopy(unet.conv_in)
    expand_channels(unet, 16)
    by_gradient = DistilConvIn(copy.deepcopy(old), copy.deepcopy(unet.conv_in), shared.twins[4], shared.twins[16])
    solved = DistilConvIn(old, unet.conv_in, shared.twins[4], shared.twins[16])
    make, judge = shared.samples(16), shared.samples(16)(range(_FIRST_HELD_OUT, _FIRST_HELD_OUT + HELD_OUT))
    left = lambda module: float(module.eval()(judge)["left"])  # noqa: E731
    curve = [{"step": 0, "left": left(by_gradient)}]

    def note(_: nn.Module, step: int) -> dict[str, float]:
        curve.append({"step": step, "left": left(by_gradient)})
        return {"left": curve[-1]["left"]}

    config = _scale(shared.config, "stage-1", shared.config.distil_steps)
    started = time.process_time()
    train_at_scale(
        replace(config, sample_every=max(1, shared.config.distil_steps // 8)),
        by_gradient,
        make,
        accelerator=shared.accelerator,
        on_sample=note,
    )
    gradient_seconds = time.process_time() - started
    started = time.process_time()
    solved.solve([make(range(i * 32, i * 32 + 32)) for i in range(24)])
    return {
        "by_gradient": curve,
        "gradient_seconds": gradient_seconds,
        "closed_form": left(solved),
        "closed_form_seconds": time.process_time() - started,
    }
