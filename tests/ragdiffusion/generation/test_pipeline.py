"""The pipeline: parity with DDIM written out, what is computed once, seeds, strengths, saving and loading."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from ragdiffusion.draft.appearance_flow import sample_at
from ragdiffusion.draft.garment_view import GarmentView, lattice
from ragdiffusion.draft.warping import warp
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline
from ragdiffusion.layers import cell_centres


class _Calls:
    """Counts forward calls of modules."""

    def __init__(self, **modules: torch.nn.Module) -> None:
        self.counts = dict.fromkeys(modules, 0)
        for name, module in modules.items():
            module.register_forward_hook(lambda *_, name=name: self._count(name))

    def _count(self, name: str) -> None:
        self.counts[name] += 1


def _watch(pipeline) -> dict[str, int]:
    attention = pipeline.unet.mid_block.attentions[0].transformer_blocks[0].attn2
    return _Calls(
        unet=pipeline.unet,
        reference=pipeline.reference_net,
        adapter=pipeline.ep_adapter,
        guider=pipeline.landmark_guider,
        text_keys=attention.to_k,
        queries=attention.to_q,
    ).counts


@pytest.mark.parametrize("preset", ["studio", "sdxl"])
def test_what_does_not_depend_on_t_is_computed_once(build, presets, inputs, preset):
    pipeline = build(presets[preset], trained=True)
    counts = _watch(pipeline)
    pipeline(**inputs, num_inference_steps=5, seeds=(0, 1, 2))
    assert counts == {"unet": 5, "reference": 1, "adapter": 1, "guider": 1, "text_keys": 1, "queries": 5}


def test_guidance_runs_a_second_branch_and_only_then(build, presets, inputs):
    pipeline = build(presets["studio"], trained=True)
    counts = _watch(pipeline)
    plain = pipeline(**inputs, num_inference_steps=3, guidance_scale=1.0).images
    assert counts["unet"] == 3
    guided = pipeline(**inputs, num_inference_steps=3, guidance_scale=3.0).images
    assert counts["unet"] == 3 + 6
    assert counts["reference"] == 2  # once a picture: the second branch does not look at the photo
    assert not torch.allclose(plain, guided, atol=1e-3)


@pytest.mark.parametrize("guidance", [1.0, 2.5])
@pytest.mark.parametrize("preset", ["studio", "sdxl"])
def test_several_seeds_in_one_batch_equal_single_runs(build, presets, inputs, preset, guidance):
    pipeline = build(presets[preset], trained=True)
    together = pipeline(**inputs, num_inference_steps=2, seeds=(3, 9), guidance_scale=guidance).images
    for seed, image in zip((3, 9), together, strict=True):
        alone = pipeline(**inputs, num_inference_steps=2, seeds=(seed,), guidance_scale=guidance).images[0]
        torch.testing.assert_close(alone, image, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(together[0], together[1], atol=1e-2)
    again = pipeline(**inputs, num_inference_steps=2, seeds=(3, 9), guidance_scale=guidance).images
    assert torch.equal(again, together)


def _ddim(pipeline, inputs, *, seed: int, steps: int) -> torch.Tensor:
    """DDIM (eta 0) written out from the schedule's cumulative alphas, over the trailing time steps."""
    text = pipeline.encode_text([inputs["caption"]])
    draft = pipeline.draft_for(inputs["photo"], inputs["landmark"])
    prepared = pipeline.denoiser.prepare(
        pipeline.sources(inputs["photo"], inputs["landmark"], inputs["embedding"], text, draft)
    )
    alphas, kind = pipeline.scheduler.alphas_cumprod, pipeline.scheduler.config.prediction_type
    shape = (1, 16 * pipeline.config.latent_packing**2, pipeline.grid, pipeline.grid)
    z = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    times = [round(1000 - i * 1000 / steps) - 1 for i in range(steps)]
    for t, then in zip(times, [*times[1:], None], strict=True):
        signal, noise = alphas[t] ** 0.5, (1 - alphas[t]) ** 0.5
        out = pipeline.denoiser(z, torch.tensor(t), prepared)
        if kind == "sample":
            x0, eps = out, (z - signal * out) / noise
        elif kind == "v_prediction":
            x0, eps = signal * z - noise * out, signal * out + noise * z
        else:
            x0, eps = (z - noise * out) / signal, out
        z = x0 if then is None else alphas[then] ** 0.5 * x0 + (1 - alphas[then]) ** 0.5 * eps
    return pipeline.decode(F.pixel_shuffle(z, pipeline.config.latent_packing))


@pytest.mark.parametrize(
    ("preset", "kind"),
    [("studio", "sample"), ("bare", "sample"), ("bare", "v_prediction"), ("bare", "epsilon"), ("sdxl", "v_prediction")],
)
@torch.no_grad()
def test_sampling_is_ddim_whatever_mainnet_predicts(build, presets, inputs, preset, kind):
    chosen = replace(presets["studio"], flow=None, silhouette=None) if preset == "bare" else presets[preset]
    pipeline = build(replace(chosen, prediction_type=kind), trained=True)
    assert (pipeline.scheduler.alphas_cumprod[-1] == 0) == (kind != "epsilon")
    image = pipeline(**inputs, num_inference_steps=4, seeds=(5,)).images
    torch.testing.assert_close(image, _ddim(pipeline, inputs, seed=5, steps=4), atol=2e-4, rtol=1e-3)
    assert image.abs().max() <= 1 and image.std() > 0.01


@pytest.mark.parametrize(("strength", "steps"), [(1.0, 4), (0.5, 4), (0.01, 4)])
def test_untrained_it_returns_the_drafts_reconstruction(build, presets, inputs, strength, steps):
    pipeline = build(presets["studio"])
    calls = _watch(pipeline)
    output = pipeline(**inputs, num_inference_steps=steps, strength=strength, seeds=(0, 1))
    with torch.no_grad():
        wanted = pipeline.decode(pipeline.encode(output.draft.image))
    torch.testing.assert_close(output.images, wanted.expand(2, -1, -1, -1), atol=1e-4, rtol=1e-4)
    assert calls["unet"] == max(1, round(steps * strength))


def test_a_strength_starts_from_the_noised_draft(build, presets, inputs):
    pipeline = build(presets["studio"], trained=True)
    seen = []
    pipeline.unet.register_forward_pre_hook(lambda module, args: seen.append((args[0][:, :64].clone(), int(args[1]))))
    output = pipeline(**inputs, num_inference_steps=4, strength=0.5, seeds=(2,))
    latent, t = seen[0]
    assert t == 499 and len(seen) == 2
    with torch.no_grad():
        draft = F.pixel_unshuffle(pipeline.encode(output.draft.image), 2)
    noise = torch.randn(1, 64, 4, 4, generator=torch.Generator().manual_seed(2))
    signal = pipeline.scheduler.alphas_cumprod[499]
    torch.testing.assert_close(latent, signal**0.5 * draft + (1 - signal) ** 0.5 * noise, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_inference_steps": 0}, "steps is 0, 1 to 1000 wanted"),
        ({"num_inference_steps": 1001}, "steps is 1001"),
        ({"guidance_scale": -1.0}, "guidance is -1.0, 0 to 100 wanted"),
        ({"guidance_scale": float("nan")}, "guidance is nan"),
        ({"strength": 0.0}, "strength is 0.0"),
        ({"strength": 1.1}, "strength is 1.1"),
        ({"strength": float("nan")}, "strength is nan"),
    ],
)
def test_settings_out_of_range_are_refused(build, presets, inputs, changes, message):
    with pytest.raises(ValueError, match=message):
        build(presets["studio"])(**inputs, **changes)


def test_without_a_draft_a_strength_below_one_is_refused(build, presets, inputs):
    pipeline = build(presets["sdxl"])
    with pytest.raises(ValueError, match=r"strength 0\.5 starts from a draft, which the sdxl checkpoint has not"):
        pipeline(**inputs, num_inference_steps=2, strength=0.5)
    with pytest.raises(RuntimeError, match="sdxl checkpoint has no appearance flow"):
        pipeline.draft(inputs["photo"], inputs["landmark"])
    assert pipeline(**inputs, num_inference_steps=1).draft is None


def test_steps_are_reported_and_can_be_stopped(build, presets, inputs):
    pipeline = build(presets["studio"], trained=True)
    reported, previews = [], []

    def note(step, steps, preview):
        reported.append((step, steps))
        previews.append(preview())

    output = pipeline(**inputs, num_inference_steps=3, on_step=note)
    assert reported == [(1, 3), (2, 3), (3, 3)]
    assert torch.equal(previews[-1], output.images)  # the last step's clean picture is the result
    assert set(output.timings_ms) == {"reference", "denoise", "decode"}

    def stop(step, steps, preview):
        reported.append(step)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        pipeline(**inputs, num_inference_steps=3, on_step=stop)
    assert reported[3:] == [1]


def _point(monkeypatch, flow, x: float, y: float, *, visible: float, garment: float) -> torch.Tensor:
    """Make an appearance flow say everywhere: the photo's place (x, y), with these logits."""
    place = torch.tensor([[0.0, 0.0, x], [0.0, 0.0, y]])  # every place of the landmark is mapped to one
    monkeypatch.setattr(
        "ragdiffusion.draft.appearance_flow.align", lambda landmark, mask: place.expand(len(landmark), -1, -1)
    )
    for network, logits in ((flow.refiner, [0, 0, visible / flow.config.refinements]), (flow.finder, [garment])):
        network.head.weight.zero_()
        network.head.bias.copy_(torch.tensor(logits).float().repeat_interleave(network.unfold**2))
    return place[:, 2].view(1, 2, 1, 1)


@torch.no_grad()
def test_a_draft_takes_the_photo_where_the_flow_points(monkeypatch, build, presets, inputs):
    pipeline = build(presets["studio"])
    place = _point(monkeypatch, pipeline.appearance_flow, 0.5, -0.25, visible=20.0, garment=20.0)
    draft = pipeline.draft(inputs["photo"], inputs["landmark"])
    torch.testing.assert_close(draft.prediction.flow, place.expand_as(draft.prediction.flow))
    inside, colour = inputs["landmark"].bool(), sample_at(inputs["photo"], place)
    assert draft.image.shape[-2:] == inputs["landmark"].shape[-2:]
    torch.testing.assert_close(draft.image, torch.where(inside, colour, torch.ones(())), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(draft.visibility, inputs["landmark"])
    # A larger copy of the photo changes where pixels are taken from, not where the flow points.
    large = F.interpolate(inputs["photo"], size=(256, 256), mode="nearest")
    fine = warp(large, inputs["landmark"], draft.prediction)
    torch.testing.assert_close(fine.image[:, :, 64, 64], sample_at(large, place)[..., 0, 0])


@pytest.mark.parametrize(("visible", "garment"), [(-20.0, 20.0), (20.0, -20.0)])
@torch.no_grad()
def test_what_is_hidden_or_beside_the_garment_is_not_visible(monkeypatch, build, presets, inputs, visible, garment):
    pipeline = build(presets["studio"])
    _point(monkeypatch, pipeline.appearance_flow, 0.5, -0.25, visible=visible, garment=garment)
    draft = pipeline.draft(inputs["photo"], inputs["landmark"])
    assert draft.visibility.max() < 1e-6
    outside = (inputs["landmark"] == 0).expand_as(draft.image)
    assert (draft.image[outside] == 1).all()


@torch.no_grad()
def test_the_flow_begins_where_a_garment_is_placed(monkeypatch, build, presets, inputs):
    pipeline = build(presets["studio"])
    _point(monkeypatch, pipeline.appearance_flow, 0.5, -0.25, visible=20.0, garment=-20.0)
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., :16] = 1
    nodes = lattice(3, like=mask) * 0.5
    seen = []
    view = GarmentView(mask, lambda landmark: seen.append(landmark) or nodes.expand(len(landmark), -1, -1, -1))
    found = pipeline.find_flow(inputs["photo"], inputs["landmark"], view)
    assert torch.equal(seen[0], inputs["landmark"])
    cells = cell_centres(found.flow.shape[-1], like=found.flow)
    torch.testing.assert_close(found.flow, (0.5 * cells).expand_as(found.flow), atol=1e-5, rtol=1e-5)
    left, right = found.garment.chunk(2, -1)
    assert (left > 3).all() and (right < -3).all()  # the mask's word and not the finder's
    by_outline = pipeline.find_flow(inputs["photo"], inputs["landmark"], GarmentView(mask))
    assert not torch.allclose(by_outline.flow, found.flow, atol=0.1)


@torch.no_grad()
def test_latents_are_shifted_and_scaled_as_the_autoencoder_says(build, presets, inputs):
    pipeline = build(presets["sdxl"])
    raw = pipeline.vae.encode(inputs["photo"]).latent_dist.mode()
    latent = pipeline.encode(inputs["photo"])
    torch.testing.assert_close(latent, (raw - 0.1159) * 0.3611)
    decoded = pipeline.vae.decode(raw).sample.clamp(-1, 1)
    torch.testing.assert_close(pipeline.decode(latent), decoded, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("preset", ["studio", "sdxl"])
def test_a_checkpoint_comes_back_from_disk(build, presets, inputs, tmp_path, preset):
    pipeline = build(presets[preset], trained=True)
    wanted = pipeline(**inputs, num_inference_steps=2, guidance_scale=2.0).images
    pipeline.save_pretrained(tmp_path, safe_serialization=True)
    loaded = RAGDiffusionPipeline.from_pretrained(tmp_path)
    # Weights to the bit, and pictures as nearly as a processor's order of sums allows.
    for name, part in pipeline.components.items():
        if isinstance(part, torch.nn.Module):
            read = getattr(loaded, name).state_dict()
            assert all(torch.equal(read[key], value) for key, value in part.state_dict().items()), name
    torch.testing.assert_close(
        loaded(**inputs, num_inference_steps=2, guidance_scale=2.0).images, wanted, atol=1e-4, rtol=1e-4
    )
    assert dict(loaded.config)["sampling"] == dict(pipeline.config)["sampling"]
    assert (loaded.config.preset_name, loaded.grid) == (preset, pipeline.grid)
    kinds = {file.suffix for file in tmp_path.rglob("*") if file.is_file()}
    assert kinds <= {".safetensors", ".json"}
    frozen = [name for name, p in loaded.reference_net.named_parameters() if not p.requires_grad]
    assert frozen == [name for name, p in pipeline.reference_net.named_parameters() if not p.requires_grad] != []
    half = RAGDiffusionPipeline.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert {
        p.dtype for p in (*half.unet.parameters(), *half.ep_adapter.parameters(), *half.text_encoder.parameters())
    } == {torch.bfloat16}
    # What looks at photos must say what it said of the bank's pictures.
    assert {p.dtype for p in half.structure_net.parameters()} == {torch.float32}


def test_other_folders_are_refused(build, presets, tmp_path):
    with pytest.raises(ValueError, match=r"no checkpoint here \(model_index.json is missing\)"):
        RAGDiffusionPipeline.from_pretrained(tmp_path)
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"}))
    with pytest.raises(ValueError, match="a checkpoint of StableDiffusionPipeline, RAGDiffusionPipeline wanted"):
        RAGDiffusionPipeline.from_pretrained(tmp_path)


@pytest.mark.parametrize("part", ["unet", "structure_net"])
def test_pickled_weights_are_never_read(build, presets, tmp_path, part):
    build(presets["studio"]).save_pretrained(tmp_path)
    (weights,) = (tmp_path / part).glob("*.safetensors")
    torch.save(load_file(weights), weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(ValueError, match=f"incomplete or damaged .*no file named .*safetensors found in .*{part}"):
        RAGDiffusionPipeline.from_pretrained(tmp_path)


def test_weights_that_do_not_fit_are_refused_not_made_up(build, presets, tmp_path):
    build(presets["studio"]).save_pretrained(tmp_path)
    (weights,) = (tmp_path / "ep_adapter").glob("*.safetensors")
    tensors = load_file(weights)
    del tensors["resampler.queries"]
    save_file(tensors, weights)
    with pytest.raises(ValueError, match=r"ep_adapter: .* EPAdapter \(names that differ: 1, one is resampler.que"):
        RAGDiffusionPipeline.from_pretrained(tmp_path)
