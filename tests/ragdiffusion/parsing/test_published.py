"""SegFormer and SAM through transformers: the real classes with few weights, saved and loaded on the spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import (
    SamConfig,
    SamImageProcessorPil,
    SamMaskDecoderConfig,
    SamModel,
    SamPromptEncoderConfig,
    SamVisionConfig,
    SegformerConfig,
    SegformerForSemanticSegmentation,
    SegformerImageProcessorPil,
)

from ragdiffusion.parsing.choice import parse_parser
from ragdiffusion.parsing.labels import LABEL, LABELS
from ragdiffusion.parsing.network import GarmentParser
from ragdiffusion.parsing.opening import open_parser
from ragdiffusion.parsing.parse import Instance, Parse
from ragdiffusion.parsing.parser import NetworkParser
from ragdiffusion.parsing.published import SamParser, SegformerParser, interior_point, label_of, label_table
from tests.ragdiffusion.parsing.conftest import drawn, sure_of

ATR = (
    "Background",
    "Hat",
    "Hair",
    "Sunglasses",
    "Upper-clothes",
    "Skirt",
    "Pants",
    "Dress",
    "Belt",
    "Left-shoe",
    "Right-shoe",
    "Face",
    "Left-leg",
    "Right-leg",
    "Left-arm",
    "Right-arm",
    "Bag",
    "Scarf",
)
LIP = (
    "Background",
    "Hat",
    "Hair",
    "Glove",
    "Sunglasses",
    "Upper-clothes",
    "Dress",
    "Coat",
    "Socks",
    "Pants",
    "Jumpsuits",
    "Scarf",
    "Skirt",
    "Face",
    "Left-arm",
    "Right-arm",
    "Left-leg",
    "Right-leg",
    "Left-shoe",
    "Right-shoe",
)


def _save_segformer(folder: Path, names: tuple[str, ...] = ATR) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = SegformerForSemanticSegmentation(
            SegformerConfig(
                depths=[1, 1, 1, 1],
                hidden_sizes=[8, 8, 16, 16],
                num_attention_heads=[1, 1, 2, 2],
                decoder_hidden_size=16,
                id2label=dict(enumerate(names)),
                label2id={n: i for i, n in enumerate(names)},
            )
        )
    model.save_pretrained(folder)
    SegformerImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


def _save_sam(folder: Path) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = SamModel(
            SamConfig(
                vision_config=SamVisionConfig(
                    hidden_size=16,
                    output_channels=16,
                    num_hidden_layers=1,
                    mlp_dim=16,
                    num_attention_heads=2,
                    image_size=64,
                    patch_size=16,
                    window_size=2,
                    global_attn_indexes=[0],
                    num_pos_feats=8,
                ),
                prompt_encoder_config=SamPromptEncoderConfig(
                    hidden_size=16, image_size=64, patch_size=16, mask_input_channels=4
                ),
                mask_decoder_config=SamMaskDecoderConfig(
                    hidden_size=16, mlp_dim=16, num_hidden_layers=1, num_attention_heads=2, iou_head_hidden_dim=16
                ),
            )
        )
    model.save_pretrained(folder)
    SamImageProcessorPil(
        size={"longest_edge": 64},
        pad_size={"height": 64, "width": 64},
        mask_size={"longest_edge": 16},
        mask_pad_size={"height": 16, "width": 16},
    ).save_pretrained(folder)
    return folder


@pytest.fixture
def photo() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 64, 3)).astype(np.uint8))


def test_atr_and_lip_labels_are_mapped_by_name() -> None:
    assert [label_of(name) for name in ATR] == [
        "ground",
        "other",
        "hair",
        "other",
        "upper",
        "lower",
        "lower",
        "dress",
        "other",
        "other",
        "other",
        "skin",
        "skin",
        "skin",
        "skin",
        "skin",
        "other",
        "other",
    ]
    assert {name: label_of(name) for name in LIP if label_of(name) in ("outer", "dress")} == {
        "Coat": "outer",
        "Dress": "dress",
        "Jumpsuits": "dress",
    }
    assert label_of("top, t-shirt, sweatshirt") == "upper" and label_of("torso-skin") == "skin"


def test_each_published_label_counts_once() -> None:
    table = label_table(dict(enumerate(LIP)))
    np.testing.assert_array_equal(table.sum(0), 1)
    assert table[LABEL["lower"]].nonzero()[0].tolist() == [LIP.index("Pants"), LIP.index("Skirt")]


def test_a_segformer_is_asked_as_transformers_would(tmp_path: Path, photo: Image.Image) -> None:
    parser = SegformerParser.from_pretrained(_save_segformer(tmp_path))
    found = parser.label(np.asarray(photo))
    model = SegformerForSemanticSegmentation.from_pretrained(tmp_path).eval()
    seen = SegformerImageProcessorPil.from_pretrained(tmp_path)(images=[photo], return_tensors="pt")
    with torch.no_grad():
        likely = model(**seen).logits.softmax(1)
    lower = likely[:, [ATR.index("Skirt"), ATR.index("Pants")]].sum(1, keepdim=True)
    wanted = torch.nn.functional.interpolate(lower, size=(256, 171), mode="bilinear", align_corners=False)[0, 0]
    np.testing.assert_allclose(found[LABEL["lower"]], wanted.numpy(), atol=1e-5)
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-4)
    assert parser.parse(photo).photo_size == (64, 96)


def test_sam_cuts_at_the_point_and_the_other_parser_names(tmp_path: Path, photo: Image.Image) -> None:
    likely = sure_of(drawn(size=(64, 64), lower=(16, 32, 48, 60)))
    known = Instance("lower", (16, 48, 48, 90), np.full((42, 32), 255, np.uint8), (64, 96), 0.9)

    class Naming:
        def parse(self, photo: Image.Image, *, point: tuple[float, float] | None = None) -> Parse:
            return Parse(likely, (known,), (64, 96))

    parser = SamParser.from_pretrained(_save_sam(tmp_path), naming=Naming())
    model = SamModel.from_pretrained(tmp_path).eval()
    seen = SamImageProcessorPil.from_pretrained(tmp_path)(images=[photo], return_tensors="pt")
    with torch.no_grad():  # the point (30, 60) of a photo of 64 x 96 that is reduced to 43 x 64
        wanted = model(pixel_values=seen["pixel_values"], input_points=torch.tensor([[[[30 * 43 / 64, 60 * 64 / 96]]]]))
    best = int(wanted.iou_scores[0, 0].argmax())
    plane = wanted.pred_masks[0, 0, best].sigmoid().numpy()
    found = parser.parse(photo, point=(30, 60)).instances
    covered = sum(float(garment.area) for garment in found if garment is not known)
    assert covered == pytest.approx(float((plane[:, : round(plane.shape[1] * 43 / 64)]).mean()), abs=0.1)
    assert all(garment.name == "lower" for garment in found)
    assert len(parser.parse(photo).instances) == 1  # cut anew, named alike


def test_the_point_inside_a_garment_is_far_from_its_edge() -> None:
    alpha = np.zeros((40, 30), np.uint8)
    alpha[5:35, 4:10], alpha[20:35, 4:25] = 255, 255  # an L
    x, y = interior_point(Instance("lower", (100, 200, 130, 240), alpha, (300, 300), 1.0))
    assert 110 <= x <= 120 and 225 <= y <= 230


def test_parsers_by_name(tmp_path: Path, tiny_parser: GarmentParser) -> None:
    bundled = NetworkParser(tiny_parser)
    assert open_parser("bundled", bundled=bundled) is bundled
    folder = _save_segformer(tmp_path)
    assert isinstance(open_parser(f"segformer:{folder}", bundled=None), SegformerParser)
    assert parse_parser("sam:facebook/sam-vit-base") == ("sam", "facebook/sam-vit-base")
    for text in ("", "sam:", "yolo:x", "bundled:x"):
        with pytest.raises(ValueError, match="there is no parser .*: write bundled, segformer:FOLDER_OR_ID"):
            parse_parser(text)
    with pytest.raises(ValueError, match="needs the checkpoint's own parser"):
        open_parser("sam:somewhere", bundled=None)


def test_models_that_will_not_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="can't be loaded as a SegFormer"):
        SegformerParser.from_pretrained(tmp_path / "nothing")
    with pytest.raises(ValueError, match="hold no background or no garment"):
        SegformerParser.from_pretrained(_save_segformer(tmp_path / "city", ("road", "sky", "car")))
    folder = _save_segformer(tmp_path / "torn")
    weights = load_file(folder / "model.safetensors")
    save_file(
        {name: value for name, value in weights.items() if "classifier" not in name},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    with pytest.raises(ValueError, match="lacks 2 weights, such as decode_head.classifier.bias"):
        SegformerParser.from_pretrained(folder)
    assert len(LABELS) == 9
