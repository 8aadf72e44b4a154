"""What passes between the editor and Python, without a browser."""

from __future__ import annotations

import base64
from collections.abc import Callable

import numpy as np
import pytest
import torch

from app.landmark_editor.rle import decode, encode
from app.landmark_editor.state import EditorState
from app.pages.shared.bench_views import canvas_view, film_view
from app.runs.bench import Bench
from app.runs.bench_drafts import make_draft, make_drafts
from app.runs.drafts import in_landmark_frame
from app.runs.services import Services
from ragdiffusion.retrieval.slle import RIDGE, barycentric_weights, fuse_landmarks

SIZE = 256


@pytest.fixture
def bench(services: Services, photo_bytes: Callable[..., bytes]) -> Bench:
    bench = Bench(services.engine, "ana")
    bench.place(photo_bytes(), "shirt.png", k=4, alpha=0.5)
    return bench


def square(left: int = 60, width: int = 120) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[60:200, left : left + width] = 255
    mask[60:200, left + width] = 77
    return mask


def state(bench: Bench, serial: int = 1, **changes: object) -> dict:
    guide = bench.work.guide
    same = {"k": guide.k, "alpha": guide.alpha, "source": "consensus", "choice": None, "mask": None}
    return {"token": bench.work.token, "serial": serial, **same, **changes}


# ---- masks as texts


def test_a_mask_is_written_by_hand() -> None:
    mask = np.array([[0, 0], [0, 9]], np.uint8)
    assert base64.b64decode(encode(mask)) == bytes([0, 3, 0, 9, 1, 0])
    assert decode(encode(mask), 2).tolist() == mask.tolist()


@pytest.mark.parametrize("seed", range(4))
def test_any_mask_comes_back_whole(seed: int) -> None:
    mask = np.random.default_rng(seed).integers(0, 2 + 80 * seed, (300, 300)).astype(np.uint8)
    assert np.array_equal(decode(encode(mask), 300), mask)


def test_a_run_longer_than_a_record_comes_back_whole() -> None:
    mask = np.full((512, 512), 255, np.uint8)
    assert len(base64.b64decode(encode(mask))) == 3 * 5 and np.array_equal(decode(encode(mask), 512), mask)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no base 64", "did not arrive whole"),
        ("AAAA", r"holds 0 pixels and 4 x 4 were wanted"),
        ("AAA=", "did not arrive whole"),
        (None, "did not arrive whole"),
        (base64.b64encode(b"\xff\xff\xff" * 99).decode(), "holds 6487965 pixels"),
    ],
)
def test_a_damaged_text_is_refused(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        decode(text, 4)


# ---- the bench agrees with the canvas


def test_a_drawn_mask_is_used_to_the_pixel(bench: Bench) -> None:
    mask = square()
    work = bench.settle(state(bench, source="edited", mask=encode(mask)))
    assert work.guide.landmark_source == "edited" and work.draft is None
    assert torch.equal((work.guide.landmark * 255).round(), torch.from_numpy(mask).float())
    assert decode(canvas_view(work)["mask"], SIZE).tolist() == mask.tolist()


def test_k_alpha_and_choice_are_settled_at_once(bench: Bench) -> None:
    work = bench.settle(state(bench, k=6, alpha=0.2, source="candidate", choice=5))
    assert (work.guide.k, work.guide.alpha, work.guide.choice) == (6, 0.2, 5)
    assert torch.equal(work.guide.landmark, work.guide.neighbours.silhouettes[5]) and work.draft is None
    bench.settle(state(bench, 2, source="edited", mask=encode(square())))
    drawn = make_draft(bench)
    assert drawn.draft is bench.work.draft is make_draft(bench).draft
    kept = bench.settle(state(bench, 3, k=2, source="edited", mask=encode(square())))
    assert kept.draft is drawn.draft, "the same outline is not laid again"
    assert bench.settle(state(bench, 4)).guide.landmark_source == "consensus"


def test_late_foreign_and_own_values_change_nothing(bench: Bench) -> None:
    new = bench.settle(state(bench, 7, source="candidate", choice=1))
    assert bench.settle(state(bench, 6)) is new, "overtaken"
    assert bench.settle({**state(bench, 9), "token": new.token + 1}) is new, "of another photo"
    assert bench.settle(canvas_view(new)) is new and bench.settle(None) is new


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"source": "edited", "mask": encode(np.zeros((SIZE, SIZE), np.uint8))}, r"encloses 0.0% .* undo \(Ctrl\+Z\)"),
        ({"source": "edited", "mask": encode(np.full((SIZE, SIZE), 255, np.uint8))}, "encloses 100.0%"),
        ({"source": "edited", "mask": encode(np.ones((8, 8), np.uint8))}, "holds 64 pixels"),
        ({"source": "edited"}, "did not arrive whole"),
        ({"source": "stolen"}, "'stolen'"),
        ({"source": "candidate", "choice": 9}, "candidate must be a whole number from 0 to 3"),
        ({"source": "candidate", "choice": None}, "cannot be read"),
        ({"k": 99}, "K must be a whole number from 1 to 8"),
        ({"alpha": float("nan")}, "alpha"),
    ],
)
def test_what_cannot_be_used_changes_nothing(bench: Bench, changes: dict, expected: str) -> None:
    before = bench.work
    with pytest.raises(ValueError, match=expected):
        bench.settle(state(bench, **changes))
    assert bench.work is before


def test_a_state_knows_what_came_from_python(bench: Bench) -> None:
    assert EditorState.read({"revision": 3}, SIZE) is None and EditorState.read("x", SIZE) is None


# ---- what the browser is given


def test_the_browser_can_weigh_and_fuse_as_python_does(bench: Bench) -> None:
    guide, film = bench.work.guide, film_view(bench.work)
    gram = np.array(film["gram"])
    for k in range(1, 9):
        inner = gram[:k, :k] / np.trace(gram[:k, :k]) + RIDGE * np.eye(k)
        solved = np.linalg.solve(inner, np.ones(k))
        there = barycentric_weights(guide.query.double()[None], guide.neighbours.embeddings[None, :k].double())[0]
        assert np.allclose(solved / solved.sum(), there.numpy(), atol=1e-9)
    silhouettes = torch.stack(
        [torch.from_numpy(decode(n["mask"], SIZE).astype(np.float32) / 255) for n in film["neighbours"]]
    )
    assert torch.equal(silhouettes, guide.neighbours.silhouettes), "whole 255ths on both sides"
    support = torch.tensor(film["support"][:4], dtype=torch.float64)
    assert fuse_landmarks(silhouettes[:4], guide.weights, support).consensus == guide.consensus
    turned = guide.query.double() + 0.5 * guide.weights @ (guide.neighbours.embeddings[:4].double() - guide.query)
    along = float(guide.weights @ torch.tensor(film["along"][:4], dtype=torch.float64))
    assert float(turned @ guide.query.double()) == pytest.approx(film["length"] + 0.5 * along)


def test_drafts_of_the_candidates_in_use_are_laid_first(bench: Bench) -> None:
    bench.settle(state(bench, source="candidate", choice=2))
    first, second = make_drafts(bench)
    assert [draft is not None for draft in first.drafts] == [i < 4 for i in range(8)]
    assert all(second.drafts) and all(bench.work.drafts) and list(make_drafts(bench)) == []


def test_drafts_of_a_photo_that_is_gone_are_dropped(bench: Bench, photo_bytes: Callable[..., bytes]) -> None:
    laying = make_drafts(bench)
    next(laying)
    bench.place(photo_bytes("#224488"), "other.png", k=4, alpha=0.5)
    assert list(laying) == [] and not any(bench.work.drafts)


def test_a_draft_belongs_to_the_landmark_that_it_was_laid_for(bench: Bench) -> None:
    assert make_draft(bench).draft is None, "the consensus has one among the candidates"
    bench.settle(state(bench, 1, source="edited", mask=encode(square())))
    laid = make_draft(bench)
    bench.settle(state(bench, 2, source="edited", mask=encode(square(80))))
    assert bench.work.draft is None and laid.serial == 1
    view = canvas_view(laid)
    assert decode(view["mask"], SIZE).tolist() == square().tolist() and view["draft"].startswith("data:image/jpeg")


def test_an_edit_made_while_drafts_are_laid_stays(bench: Bench) -> None:
    laying = make_drafts(bench)
    next(laying)
    bench.settle(state(bench, source="edited", mask=encode(square())))
    *_, last = laying
    assert last.guide.landmark_source == "edited" and all(last.drafts)


def test_a_photo_is_shown_in_the_landmarks_frame(bench: Bench) -> None:
    assert in_landmark_frame(bench.work.screen).size == (2 * SIZE, 2 * SIZE)
