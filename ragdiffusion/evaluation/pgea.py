"""PGEA at a size that a CPU can train: what a 16-channel autoencoder keeps of lettering, and what adapting saves (3.3).

Twin autoencoders of 4 and of 16 channels learn alike. A UNet learns text to image on the 4-channel latents, is adapted
to the 16-channel ones in three stages, and is compared with one of the same shape that learns those from scratch.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import nn

from ragdiffusion.config import get_preset
from ragdiffusion.evaluation.lettering import Pictures, draw_pictures, measure_lettering
from ragdiffusion.generation.autoencoder import GarmentAutoencoder
from ragdiffusion.generation.builder.published import TextBranch, load_text_branch
from ragdiffusion.training.autoencoder import train_autoencoder
from ragdiffusion.training.loop import Batch, LoopConfig
from ragdiffusion.training.scale.captioned import NO_CAPTION
from ragdiffusion.training.scale.loop import ScaleConfig, open_accelerator, take_average, train_at_scale
from ragdiffusion.training.scale.pgea import DistilConvIn, TextBase, TextToImage, expand_channels, latents_of
from ragdiffusion.training.scale.state import newest_state

HELD_OUT = 32
Point = dict[str, float]
"""A point of a curve: `step`, `seconds` of the processor, `held_out` loss."""
_LEVELS = 4
_FITTED = 24  # batches of 32 that a closed form is fitted to
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
    autoencoder_steps: int = 500
    base_steps: int = 960
    distil_steps: int = 160
    ends_steps: int = 200
    whole_steps: int = 600
    scratch_steps: int = 800
    batch_size: int = 8
    widths: tuple[int, int] = (32, 64)


def run_trial(config: TrialConfig, studio: Path) -> dict[str, Any]:
    """Train everything and measure; what is done is not done again.

    Writes `report.json`, `curves.json`, `curves.png` and `reconstructions.png` under `config.out`.

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
        curves = _train_all(_TrialParts(config, text, pictures, held_out, twins, accelerator), report)
    report["reached"] = comparison(joined(curves["stage_2"], curves["stage_3"]), curves["scratch"])
    report["held_out"] = {name: curve[-1]["held_out"] for name, curve in curves.items()}
    (config.out / "curves.json").write_text(json.dumps(curves, indent=1))
    (config.out / "report.json").write_text(json.dumps(report, indent=1))
    draw_curves(curves, config.out / "curves.png")
    return report


def _train_all(shared: _TrialParts, report: dict[str, Any]) -> dict[str, list[Point]]:
    """Train the base, the three stages that adapt it, and one from scratch; gives their curves, adds to the report."""
    config = shared.config
    width = sum(encoder.config.hidden_size for encoder in shared.text.encoders)
    base = shared.text_to_image(4, _unet(config, 4, width))
    curves = {"base": shared.train("base", base, config.base_steps)}
    adapted = copy.deepcopy(base.unet)
    report["stage_1"] = _stage_one(shared, adapted)
    second = shared.text_to_image(16, adapted, ends_only=True)
    report["conv_out_closed_form"] = _solve_conv_out(shared, second)
    curves["stage_2"] = shared.train("stage-2", second, config.ends_steps)
    curves["stage_3"] = shared.train("stage-3", shared.text_to_image(16, adapted), config.whole_steps)
    curves["scratch"] = shared.train(
        "scratch", shared.text_to_image(16, _unet(config, 16, width)), config.scratch_steps
    )
    return curves


def joined(*stages: list[Point]) -> list[Point]:
    """Curves of stages, each from zero, as one: steps and seconds go on, a stage's first point is dropped."""
    whole, steps, seconds = list(stages[0]), stages[0][-1]["step"], stages[0][-1]["seconds"]
    for stage in stages[1:]:
        whole += [{**p, "step": p["step"] + steps, "seconds": p["seconds"] + seconds} for p in stage[1:]]
        steps, seconds = whole[-1]["step"], whole[-1]["seconds"]
    return whole


def comparison(adapted: list[Point], scratch: list[Point]) -> list[dict[str, Any]]:
    """Steps and processor seconds until a held-out loss is reached, by adapting and from scratch.

    Args:
        adapted: the curve of stages II and III, `joined`.
        scratch: the other's.

    Returns:
        A line for each of `_LEVELS` even parts of the way that both went down, and one for where each of them ends;
        None: it never got there.
    """
    ends = [min(point["held_out"] for point in curve) for curve in (adapted, scratch)]
    top = min(adapted[0]["held_out"], scratch[0]["held_out"])
    levels = [top - (top - max(ends)) * part / _LEVELS for part in range(1, _LEVELS)]
    return [
        {"held_out": level, "adapted": _reached(adapted, level), "scratch": _reached(scratch, level)}
        for level in sorted({*levels, *ends}, reverse=True)
    ]


def _reached(curve: list[Point], level: float) -> Point | None:
    """Where a curve first comes down to a level, between its points along a straight line."""
    for before, point in zip([curve[0], *curve], curve, strict=False):
        if point["held_out"] <= level:
            fall = before["held_out"] - point["held_out"]
            share = (before["held_out"] - level) / fall if fall > 0 else 1.0
            return {key: before[key] + share * (point[key] - before[key]) for key in ("step", "seconds", "held_out")}
    return None


def draw_curves(curves: dict[str, list[Point]], path: Path) -> None:
    """Held-out loss over the processor's seconds: stages II and III one after the other, and from scratch."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)  # no window system, and no global state
    axes = figure.add_subplot()
    second, whole = curves["stage_2"], joined(curves["stage_2"], curves["stage_3"])
    for label, points in (
        ("stage II: conv_in and conv_out", second),
        ("stage III: the whole UNet", whole[len(second) - 1 :]),
        ("from scratch", curves["scratch"]),
    ):
        axes.plot([p["seconds"] for p in points], [p["held_out"] for p in points], marker=".", label=label)
    axes.set(xlabel="seconds of one core", ylabel="held-out loss")
    axes.legend()
    figure.savefig(path)


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


def _unet(config: TrialConfig, channels: int, text_width: int) -> UNet2DConditionModel:
    torch.manual_seed(1)
    keywords = {
        **get_preset("ablation").unet,
        "cross_attention_dim": text_width,
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
        save_every=_every(steps),
        sample_every=_every(steps),
        cpu=True,
    )


def _every(steps: int) -> int:
    """Steps between points of a curve; a state goes with each, so that both go on from one place."""
    return max(1, min(40, steps // 4))


class _TrialParts:
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

    def train(
        self, name: str, module: nn.Module, steps: int, judge: Callable[[Any], float] | None = None
    ) -> list[Point]:
        """Train a module of 16 channels or of 4; it gets its averaged weights.

        Args:
            name: of its folder.
            module: to train.
            steps: in all.
            judge: what the curve shows of the module; None: `held_out`.
        """
        judge = self.held_out if judge is None else judge
        config = _scale(self.config, name, steps)
        saved = config.out / "curve.json"
        curve = _known_points(saved, config.out) or [{"step": 0, "seconds": 0.0, "held_out": judge(module)}]
        started, before = time.process_time(), curve[-1]["seconds"]

        def note(_: nn.Module, step: int) -> dict[str, float]:
            point = {"step": step, "seconds": before + time.process_time() - started, "held_out": judge(module)}
            curve.append(point)
            saved.write_text(json.dumps(curve))
            return {"held_out": point["held_out"]}

        channels = module.unet.config.in_channels if isinstance(module, TextToImage) else 16
        average = train_at_scale(config, module, self.samples(channels), accelerator=self.accelerator, on_sample=note)
        take_average(module, average)
        return curve


def _known_points(curve: Path, states: Path) -> list[Point]:
    """Points of a curve up to the state that a training goes on from."""
    newest = newest_state(states)
    if newest is None or not curve.is_file():
        return []
    return [point for point in json.loads(curve.read_text()) if point["step"] <= int(newest.name.split("-")[1])]


def _solve_conv_out(shared: _TrialParts, module: TextToImage) -> dict[str, float]:
    """Set a widened UNet's conv_out by the closed form, unless its training has begun; says what that took."""
    told = shared.config.out / "conv_out.json"
    if told.is_file() and newest_state(shared.config.out / "stage-2") is not None:
        return json.loads(told.read_text())
    started = time.process_time()
    module.solve_conv_out([shared.samples(16)(range(i * 32, i * 32 + 32)) for i in range(_FITTED)])
    figures = {"seconds": time.process_time() - started, "held_out": shared.held_out(module)}
    told.write_text(json.dumps(figures))
    return figures


def _stage_one(shared: _TrialParts, unet: UNet2DConditionModel) -> dict[str, Any]:
    """Widen a UNet and set its conv_in by the closed form; says how gradient descent would have fared.

    Both are judged by the share of the old conv_in's variance that is left on held-out pictures.
    """
    old = copy.deepcopy(unet.conv_in)
    expand_channels(unet, 16)
    by_gradient = DistilConvIn(copy.deepcopy(old), copy.deepcopy(unet.conv_in), shared.twins[4], shared.twins[16])
    solved = DistilConvIn(old, unet.conv_in, shared.twins[4], shared.twins[16])
    make, judge = shared.samples(16), shared.samples(16)(range(_FIRST_HELD_OUT, _FIRST_HELD_OUT + HELD_OUT))
    left = lambda module: float(module.eval()(judge)["left"])  # noqa: E731
    curve = shared.train("stage-1", by_gradient, shared.config.distil_steps, left)
    started = time.process_time()
    solved.solve([make(range(i * 32, i * 32 + 32)) for i in range(_FITTED)])
    return {"by_gradient": curve, "closed_form": left(solved), "closed_form_seconds": time.process_time() - started}
