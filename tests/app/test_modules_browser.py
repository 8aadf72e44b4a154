"""The front end's modules without a DOM, imported in a real Chromium: hand-computed values, round trips, parity.

Long because all modules are tried in one browser.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Page, Playwright

from app.landmark_editor import rle
from app.web import files
from ragdiffusion.retrieval.slle import barycentric_weights, fuse_landmarks
from tests.app.in_browser import FLAGS

pytestmark = pytest.mark.browser

Call = Callable[..., Any]
_PAGE = b"<!doctype html><title>modules</title><link rel=icon href='data:,'>"


class _Modules(BaseHTTPRequestHandler):
    """Serves the modules as the studio does, and an empty page."""

    def do_GET(self) -> None:  # noqa: N802, as the standard library calls it
        text = files.modules().get(self.path.removeprefix("/"))
        kind = "text/javascript" if text is not None else "text/html"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(text if text is not None else _PAGE)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def page(playwright: Playwright, chromium: str) -> Iterator[Page]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Modules)
    Thread(target=server.serve_forever, daemon=True).start()
    browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    opened = browser.new_page()
    opened.goto(f"http://127.0.0.1:{server.server_port}/")
    yield opened
    browser.close()
    server.shutdown()


@pytest.fixture(scope="module")
def call(page: Page) -> Call:
    """`call(module, expression, **values)`: evaluates with `m`, the module's exports, and the values by name."""

    def run(module: str, expression: str, **values: Any) -> Any:
        given = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}
        body = (
            "async ([path, given, text]) => { const m = await import(path);"
            " const bytes = (rows) => Uint8Array.from(rows.flat(9));"
            " return Function('m', 'bytes', ...Object.keys(given), `return ${text}`)"
            "(m, bytes, ...Object.values(given)) }"
        )
        return page.evaluate(body, [f"/{module}", given, expression])

    return run


def shirt(size: int = 32) -> np.ndarray:
    """A T with soft edges, uint8."""
    mask = np.zeros((size, size), np.uint8)
    mask[6:14, 3:29] = 255
    mask[6:28, 10:22] = 255
    mask[28, 10:22] = 160
    mask[14:28, 22] = 64
    return mask


EDITOR = "landmark_editor"

# ---- masks as texts


@pytest.mark.parametrize("seed", range(3))
def test_browser_and_python_write_masks_alike(call: Call, seed: int) -> None:
    mask = np.random.default_rng(seed).integers(0, 2 + 80 * seed, (300, 300)).astype(np.uint8)
    text = rle.encode(mask)
    assert call(f"{EDITOR}/rle.js", "m.encodeMask(bytes(mask))", mask=mask) == text
    found = call(f"{EDITOR}/rle.js", "Array.from(m.decodeMask(text, 300))", text=text)
    assert found == mask.ravel().tolist()


def test_a_run_longer_than_a_record_is_written_in_several(call: Call) -> None:
    text = call(f"{EDITOR}/rle.js", "m.encodeMask(new Uint8Array(70000).fill(255))")
    assert base64.b64decode(text) == bytes([255, 255, 255, 255, 70000 - 65535 & 255, (70000 - 65535) >> 8])


# ---- masks


def test_facts_of_a_mask(call: Call) -> None:
    expression = "m.maskFacts(bytes(mask), 2)"
    assert call(f"{EDITOR}/mask.js", expression, mask=[0, 127, 128, 255]) == {"share": 0.5, "border": True}
    inner = np.zeros((4, 4), np.uint8)
    inner[1:3, 1:3] = 255
    found = call(f"{EDITOR}/mask.js", "m.maskFacts(bytes(mask), 4)", mask=inner)
    assert found == {"share": 0.25, "border": False}


def test_a_brush_of_one_pixel_is_hard_and_a_line_of_it_has_no_gap(call: Call) -> None:
    stamp = "(() => { const mask = new Uint8Array(36); m.stampLine(mask, 6, from, to, 1, false); return [...mask] })()"
    found = np.reshape(call(f"{EDITOR}/mask.js", stamp, **{"from": [0.5, 0.5], "to": [5.5, 2.5]}), (6, 6))
    assert np.argwhere(found).tolist() == [[0, 0], [0, 1], [1, 2], [1, 3], [2, 4], [2, 5]] and found.max() == 255


def test_a_round_brush_has_an_edge_of_one_pixel_and_the_eraser_takes_the_same(call: Call) -> None:
    stamp = (
        "(() => { const mask = new Uint8Array(81).fill(start); m.stampLine(mask, 9, [4.5, 4.5], [4.5, 4.5], 4, erase);"
        " return [...mask] })()"
    )
    painted = np.reshape(call(f"{EDITOR}/mask.js", stamp, start=0, erase=False), (9, 9))
    assert painted[4].tolist() == [0, 0, 128, 255, 255, 255, 128, 0, 0], "radius 2: 2.5 - distance, cut to one pixel"
    assert painted[3, 3] == 255 and painted[2, 3] == round(255 * (2.5 - 5**0.5))
    assert np.array_equal(painted, painted.T) and np.array_equal(painted, painted[::-1])
    erased = np.reshape(call(f"{EDITOR}/mask.js", stamp, start=255, erase=True), (9, 9))
    assert np.array_equal(erased, 255 - painted)


def test_mirror_copy_and_transform(call: Call) -> None:
    rows = [[1, 2, 3, 4], [5, 6, 7, 8], [0, 0, 0, 0], [9, 0, 0, 0]]
    run = lambda text: np.reshape(call(f"{EDITOR}/mask.js", f"[...m.{text}]", mask=rows), (4, 4))  # noqa: E731
    assert np.array_equal(run("mirrored(bytes(mask), 4)"), np.array(rows)[:, ::-1])
    assert run("leftOnBothSides(bytes(mask), 4)").tolist()[:2] == [[1, 2, 2, 1], [5, 6, 6, 5]]
    moved = run("transformed(bytes(mask), 4, [1, 0, 0, 1, 1, 0])")
    assert moved[0].tolist() == [0, 1, 2, 3], "one pixel to the right"
    half = run("transformed(bytes(mask), 4, [1, 0, 0, 1, 0.5, 0])")
    assert half[0].tolist() == [1, 2, 3, 4] and half[3].tolist() == [5, 5, 0, 0], "half a pixel: means of neighbours"
    turned = run("transformed(bytes(mask), 4, [0, 1, -1, 0, 4, 0])")
    assert np.array_equal(turned, np.rot90(rows, -1)), "a right angle, clockwise, loses nothing"


def test_a_png_is_read_by_others_to_the_pixel(call: Call) -> None:
    mask = shirt()
    text = "m.maskToPng(bytes(mask), 32).then(async (blob) => [...new Uint8Array(await blob.arrayBuffer())])"
    image = Image.open(io.BytesIO(bytes(call(f"{EDITOR}/png.js", text, mask=mask))))
    assert (image.mode, image.size) == ("L", (32, 32)) and np.array_equal(np.asarray(image), mask)
    assert call(f"{EDITOR}/png.js", "m.crc32(new TextEncoder().encode('123456789'))") == 0xCBF43926


# ---- affine maps


def test_affine_maps_compose_as_matrices_do(call: Call) -> None:
    text = "m.apply(m.compose(m.translation(10, 0), m.rotation(90), m.scaling(2, 3)), [1, 1])"
    assert call(f"{EDITOR}/affine.js", text) == pytest.approx([10 - 3, 2]), "scaled, turned clockwise, moved"
    there = "m.compose(m.about([3, 4], m.rotation(33)), m.skewing(10, 5), m.scaling(2, 0.5))"
    back = call(f"{EDITOR}/affine.js", f"m.compose({there}, m.inverse({there}))")
    assert back == pytest.approx([1, 0, 0, 1, 0, 0], abs=1e-12)
    assert call(f"{EDITOR}/affine.js", "m.apply(m.about([3, 4], m.rotation(77)), [3, 4])") == pytest.approx([3, 4])


# ---- contours


def test_a_square_is_traced_where_its_values_cross_one_half(call: Call) -> None:
    mask = np.zeros((6, 6), np.uint8)
    mask[2:4, 2:4] = 255
    (loop,) = call(f"{EDITOR}/contours.js", "m.traceLoops(bytes(mask), 6)", mask=mask)
    assert sorted(map(tuple, loop)) == [(2, 2.5), (2, 3.5), (2.5, 2), (2.5, 4), (3.5, 2), (3.5, 4), (4, 2.5), (4, 3.5)]
    area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(loop, loop[1:] + loop[:1], strict=True)) / 2
    assert area == pytest.approx(3.5), "four pixels less their four cut corners; the garment on the right hand"


def test_a_hole_is_a_loop_the_other_way_and_the_border_is_closed(call: Call) -> None:
    ring = np.full((8, 8), 255, np.uint8)
    ring[3:5, 3:5] = 0
    loops = call(f"{EDITOR}/contours.js", "m.traceLoops(bytes(mask), 8)", mask=ring)
    areas = [
        sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(loop, loop[1:] + loop[:1], strict=True)) / 2 for loop in loops
    ]
    assert len(loops) == 2 and max(areas) == pytest.approx(63.5) and min(areas) == pytest.approx(-3.5)
    back = "[...m.fillLoops(m.traceLoops(bytes(mask), 8), 8, new Uint8Array(64))]"
    filled = call(f"{EDITOR}/contours.js", back, mask=ring)
    assert np.array_equal(np.reshape(filled, (8, 8)) > 127, ring > 127)


def test_filling_covers_pixels_by_their_share(call: Call) -> None:
    box = [[[1, 1], [3.5, 1], [3.5, 2.5], [1, 2.5]]]
    found = call(f"{EDITOR}/contours.js", "[...m.fillLoops(loops, 5, new Uint8Array(25))]", loops=box)
    assert np.reshape(found, (5, 5)).tolist() == [
        [0] * 5, [0, 255, 255, 128, 0], [0, 128, 128, 64, 0], [0] * 5, [0] * 5
    ]  # fmt: skip
    inside = "[...m.fillLoops(loops, 5, new Uint8Array(25).fill(7), [2, 1, 4, 2])]"
    found = np.reshape(call(f"{EDITOR}/contours.js", inside, loops=box), (5, 5))
    assert found[1].tolist() == [7, 7, 255, 128, 7] and set(found[2]) == {7}, "nothing outside of the box"


def test_a_loop_that_crosses_itself_is_known(call: Call) -> None:
    assert call(f"{EDITOR}/contours.js", "m.crosses([[0, 0], [2, 2], [2, 0], [0, 2]])") is True
    assert call(f"{EDITOR}/contours.js", "m.crosses([[0, 0], [2, 0], [2, 2], [0, 2]])") is False


# ---- handles


def test_the_corners_of_a_shape_are_its_handles(call: Call) -> None:
    text = "m.makeParts(bytes(mask), 32).map(({loop, handles}) => handles.map((at) => loop[at]))"
    (handles,) = call(f"{EDITOR}/handles.js", text, mask=shirt())
    for corner in ((3, 6), (29, 6), (3, 14), (29, 14), (10, 14), (10, 28.5)):
        assert min(abs(x - corner[0]) + abs(y - corner[1]) for x, y in handles) <= 1.1, corner


SQUARE = {"loop": [[x, 0] for x in range(4)] + [[4, y] for y in range(4)] + [[x, 4] for x in range(4, 0, -1)]
          + [[0, y] for y in range(4, 0, -1)], "handles": [0, 4, 8, 12]}  # fmt: skip


def test_what_lies_between_two_handles_goes_along_linearly(call: Call) -> None:
    moved, other = call(
        f"{EDITOR}/handles.js",
        "m.moveHandles([part, part], [{ part: 0, handle: 1, by: [2, -1] }])",
        part=SQUARE,
    )
    assert moved["loop"][4] == [6, -1] and moved["loop"][0] == [0, 0] and moved["loop"][8] == [4, 4]
    assert moved["loop"][2] == [3, -0.5] and moved["loop"][6] == [5, 1.5], "half way, half the shift"
    assert moved["loop"][9:] == SQUARE["loop"][9:] and other == SQUARE


def test_a_handle_taken_away_leaves_a_straight_line(call: Call) -> None:
    part = call(f"{EDITOR}/handles.js", "m.removeHandle(part, 1)", part=SQUARE)
    assert part["handles"] == [0, 8, 12] and part["loop"][4] == [2, 2], "on the diagonal"


def test_the_nearest_handle_and_vertex_are_found_within_reach(call: Call) -> None:
    both = "[m.nearestHandle([part], place, reach), m.nearestVertex([part], place, reach)]"
    assert call(f"{EDITOR}/handles.js", both, part=SQUARE, place=[4.2, 0.9], reach=1.5) == [[0, 4], [0, 5]]
    assert call(f"{EDITOR}/handles.js", both, part=SQUARE, place=[2, 2], reach=1.5) == [None, None]


def test_the_box_of_a_change_is_whole_pixels_around_it(call: Call) -> None:
    moved = {**SQUARE, "loop": [[x + 8.5, y + 8.5] for x, y in SQUARE["loop"]]}
    assert call(f"{EDITOR}/handles.js", "m.changedBox([part], [moved], 64)", part=SQUARE, moved=moved) == [0, 0, 15, 15]
    assert call(f"{EDITOR}/handles.js", "m.changedBox(parts, parts, 64)", parts=[SQUARE]) is None


# ---- SVG


def area(loop: list) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(loop, loop[1:] + loop[:1], strict=True)) / 2


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ("M0 0H10V10H0Z", 100),
        ("m0 0h10v10h-10z", 100),
        ("M0,0 10,0 10,10 0,10", 100),
        ("M0-0L10-0L10,1e1L0,10z", 100),
        ("M10 5A5 5 0 0 1 0 5A5 5 0 0 1 10 5Z", np.pi * 25),
        ("M10 5a5 5 0 01-10 0a5 5 0 0110 0z", np.pi * 25),
        ("M0 0Q5 10 10 0Z", -100 / 3),
        ("M0 0q2.5 5 5 5t5-5z", -100 / 3),
        ("M0 0C0 10 10 10 10 0Z", -60),
        ("M0 0c0 5 2.5 7.5 5 7.5s5-2.5 5-7.5z", -60),
    ],
)
def test_path_data_is_read_as_drawn(call: Call, data: str, wanted: float) -> None:
    (loop,) = call(f"{EDITOR}/svg.js", "m.pathLoops(data)", data=data)
    assert area(loop) == pytest.approx(wanted, rel=2e-3)


def test_subpaths_continue_where_the_last_one_ended(call: Call) -> None:
    loops = call(f"{EDITOR}/svg.js", "m.pathLoops('M1 1h2v2zm4 0h2v2zh-1v1z')")
    assert [loop[0] for loop in loops] == [[1, 1], [5, 1], [5, 1]] and [area(loop) for loop in loops] == [2, 2, -0.5]


def test_what_encloses_nothing_is_two_points_and_a_fault_ends_the_path(call: Call) -> None:
    assert call(f"{EDITOR}/svg.js", "m.pathLoops('M1 1L5 5L1 1Z')") == [[[1, 1], [5, 5]]]
    assert call(f"{EDITOR}/svg.js", "m.pathLoops('M0 0')") == []
    assert call(f"{EDITOR}/svg.js", "m.pathLoops('M0 0H4V4 nonsense 9 9')") == [[[0, 0], [4, 0], [4, 4]]]


def test_a_path_of_too_many_points_is_refused_quickly(call: Call) -> None:
    path = "m.pathLoops('M0 0' + 'L1 1'.repeat(1e6))"
    text = f"(() => {{ try {{ return {path} }} catch (error) {{ return error.message }} }})()"
    assert "more than 200000 points: simplify it first" in call(f"{EDITOR}/svg.js", text)


def test_transforms_apply_from_right_to_left(call: Call) -> None:
    module = f"{EDITOR}/svg.js"
    assert call(module, "m.parseTransform('translate(10 20) scale(2)')") == [2, 0, 0, 2, 10, 20]
    assert call(module, "m.parseTransform('rotate(90, 5, 5)')") == pytest.approx([0, 1, -1, 0, 10, 0], abs=1e-12)
    assert call(module, "m.parseTransform('matrix(1 2 3 4 5 6) turn(3) scale(x)')") == [1, 2, 3, 4, 5, 6]
    assert call(module, "m.parseTransform('skewX(45)')") == pytest.approx([1, 0, 1, 1, 0, 0])


def test_an_outline_written_as_svg_comes_back(call: Call) -> None:
    mask = shirt()
    text = call(
        f"{EDITOR}/svg.js",
        "import('/landmark_editor/contours.js').then((c) => {"
        " const data = m.pathData(c.traceLoops(bytes(mask), 32));"
        " return [...c.fillLoops(m.pathLoops(data), 32, new Uint8Array(1024))] })",
        mask=mask,
    )
    assert np.array_equal(np.reshape(text, (32, 32)) > 127, mask > 127)


# ---- the guide


@pytest.mark.parametrize("k", [1, 3, 8])
def test_the_guide_is_weighed_and_fused_as_in_python(call: Call, k: int) -> None:
    draw = torch.Generator().manual_seed(k)
    query, neighbours = torch.randn(24, generator=draw).double(), torch.randn(8, 24, generator=draw).double()
    masks = (torch.rand(8, 16, 16, generator=draw) > 0.5).double()
    offsets = neighbours - query
    film = {
        "gram": (offsets @ offsets.mT).tolist(),
        "along": (offsets @ query).tolist(),
        "length": float(query.square().sum()),
    }
    weights = call(f"{EDITOR}/slle.js", "m.weigh(film, k)", film=film, k=k)
    there = barycentric_weights(query[None], neighbours[None, :k])[0]
    assert weights == pytest.approx(there.tolist(), abs=1e-9)
    for support in (None, torch.rand(8, generator=draw)[:k]):
        fused = call(
            f"{EDITOR}/slle.js",
            "(({mean, iou, consensus}) => ({mean: [...mean], iou, consensus}))"
            "(m.fuse(masks.map(bytes), weights, support))",
            masks=[(mask * 255).int().tolist() for mask in masks[:k]],
            weights=weights,
            support=None if support is None else support.tolist(),
        )
        expected = fuse_landmarks(masks[:k].float(), there.float(), support)
        assert fused["consensus"] == expected.consensus
        assert fused["iou"] == pytest.approx(expected.iou.tolist(), abs=1e-6)
    turned = query + 0.7 * there @ offsets[:k]
    cosine = float(turned @ query / turned.norm() / query.norm())
    found = call(f"{EDITOR}/slle.js", "m.likeness(film, weights, 0.7)", film=film, weights=weights)
    assert found == pytest.approx(cosine)


def test_an_entry_that_is_the_photo_has_all_the_weight(call: Call) -> None:
    film = {"gram": [[4, 0, 0], [0, 0, 0], [0, 0, 9]], "along": [0, 0, 0], "length": 1}
    assert call(f"{EDITOR}/slle.js", "m.weigh(film, 3)", film=film) == [0, 1, 0]


# ---- view, keys, seeds, selection


def test_what_lies_under_the_pointer_stays_there_when_zoomed(call: Call) -> None:
    text = (
        "(() => { const view = new m.View(); view.fit(408, 308, 100); const first = view.toMask([120, 80]);"
        " const fit = [view.x, view.y, view.scale]; view.zoom(2.5, [120, 80]);"
        " return { fit, first, then: view.toMask([120, 80]), scale: view.scale, fitted: view.fitted } })()"
    )
    found = call(f"{EDITOR}/view.js", text)
    assert found["fit"] == pytest.approx([50 - 68, 50 - 308 / 6, 3]) and found["scale"] == 7.5 and not found["fitted"]
    assert found["then"] == pytest.approx(found["first"])
    assert call(f"{EDITOR}/view.js", "(() => { const v = new m.View(); v.zoom(1e9, [0, 0]); return v.scale })()") == 60


@pytest.mark.parametrize(
    ("binding", "event", "expected"),
    [
        ("b", {"key": "b"}, True),
        ("b", {"key": "B", "shiftKey": True}, True),
        ("b", {"key": "b", "ctrlKey": True}, False),
        ("+", {"key": "+", "shiftKey": True}, True),
        ("Ctrl+z", {"key": "z", "metaKey": True}, True),
        ("Ctrl+Shift+z", {"key": "Z", "ctrlKey": True, "shiftKey": True}, True),
        ("Ctrl+Shift+z", {"key": "z", "ctrlKey": True}, False),
        ("Shift+Digit1", {"key": "!", "code": "Digit1", "shiftKey": True}, True),
        ("Shift+Digit1", {"key": "1", "code": "Digit1"}, False),
        ("Alt+ArrowUp", {"key": "ArrowUp", "altKey": True}, True),
        ("ArrowUp", {"key": "ArrowUp", "altKey": True}, False),
        (" ", {"key": " "}, True),
    ],
)
def test_a_key_is_its_binding(call: Call, binding: str, event: dict, expected: bool) -> None:
    given = dict.fromkeys(("ctrlKey", "metaKey", "altKey", "shiftKey"), False) | {"code": ""} | event
    assert call("web/shared/actions.js", "m.matches(binding, event)", binding=binding, event=given) is expected


def test_the_first_enabled_action_of_the_nearest_section_has_the_key(call: Call) -> None:
    text = """(() => {
      const table = new m.ActionTable(), done = [];
      const act = (name, enabled) => ({ name, label: name, keys: ['x'], shown: 'X', enabled: () => enabled,
        perform: () => done.push(name) });
      table.add('page', [act('page', false)]);
      table.add('page', [act('page', true)]);  // mounted again
      table.add('board', [act('off', false), act('on', true)]);
      const press = (target, options = {}) => new Promise((found) => {
        document.body.append(target);
        target.addEventListener('keydown', (event) => found(table.press(event)), { once: true });
        target.dispatchEvent(new KeyboardEvent('keydown', { key: 'x', ...options }));
      });
      const make = (tag) => document.createElement(tag);
      return Promise.all([press(make('canvas')), press(make('textarea')), press(make('canvas'), { key: 'y' })])
        .then((pressed) => ({ pressed, done, help: table.help() }));
    })()"""
    found = call("web/shared/actions.js", text)
    assert found["pressed"] == [True, False, False] and found["done"] == ["on"]
    assert [section["title"] for section in found["help"]] == ["", "While the canvas has the focus"]
    assert found["help"][1]["rows"] == [{"keys": "X", "label": "off"}, {"keys": "X", "label": "on"}]


def test_an_event_that_is_kept_reaches_those_who_come_later(call: Call) -> None:
    text = """(() => {
      const heard = [];
      m.tell('mix', { likeness: 1, all: 2 });
      m.tell('pick', 3);
      m.hear('mix', (payload) => heard.push(payload.likeness));
      m.hear('pick', (payload) => heard.push(payload));
      m.tell('pick', 4);
      return heard;
    })()"""
    assert call("web/shared/events.js", text) == [1, 4], "a state is kept, a deed is not"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "0"),
        (" 007 ", "7"),
        ("9223372036854775807", "9223372036854775807"),
        ("9223372036854775808", None),
        ("9007199254740993", "9007199254740993"),
        ("-1", None),
        ("1e3", None),
        ("1.5", None),
        ("", None),
    ],
)
def test_seeds_reach_to_2_to_the_63(call: Call, text: str, expected: str | None) -> None:
    assert call("web/shared/seeds.js", "m.readSeed(text)", text=text) == expected


def test_the_next_seed_is_exact_and_stays_in_range(call: Call) -> None:
    step = "m.nextSeed(seed, by)"
    assert call("web/shared/seeds.js", step, seed="9007199254740992", by=1) == "9007199254740993"
    assert call("web/shared/seeds.js", step, seed=str(2**63 - 1), by=1) == str(2**63 - 1)
    assert call("web/shared/seeds.js", step, seed="0", by=-1) == "0"


def test_runs_are_selected_as_files_are(call: Call) -> None:
    text = """(() => {
      const chosen = new m.Selection(), order = [5, 4, 3, 2, 1], seen = [];
      const keys = (shiftKey, ctrlKey) => ({ shiftKey, ctrlKey, metaKey: false });
      for (const [run, shift, control] of [[4, 0, 0], [2, 1, 0], [3, 0, 1], [1, 0, 0], [1, 0, 1]]) {
        const alone = chosen.pick(run, order, keys(Boolean(shift), Boolean(control)));
        seen.push([alone, chosen.ids.toSorted()]);
      }
      return seen;
    })()"""
    found = call("web/shared/selection.js", text)
    assert found == [[True, [4]], [False, [2, 3, 4]], [False, [2, 4]], [True, [1]], [False, []]]


def test_a_lasso_holds_what_lies_within_it(call: Call) -> None:
    points = [[5, 5], [15, 5], [5, 15], [8, 8], [-1, 5]]
    # An L: the square from 0 to 10 without its lower right quarter.
    lasso = [[0, 0], [10, 0], [10, 6], [6, 6], [6, 10], [0, 10]]
    assert call("pages/bank/map.js", "m.within(points, lasso)", points=points, lasso=lasso) == [0]
    assert call("pages/bank/map.js", "m.within(points, lasso.reverse())", points=points, lasso=lasso) == [0]
    text = "m.numbersOf(btoa(String.fromCharCode(1, 0, 0, 0, 255, 1, 0, 0)), 4)"
    assert call("pages/bank/desk.js", text) == [1, 511]


def test_the_map_is_walked_by_direction(call: Call) -> None:
    points = [{"id": i, "kind": 0, "at": at} for i, at in enumerate([[0, 0], [10, 1], [5, 9], [-4, 0]])]
    module = "pages/insight/map.js"
    walk = "[[1, 0], [0, 1], [-1, 0], [0, -1]].map((way) => m.ahead(points, 0, way))"
    assert call(module, walk, points=points) == [1, 2, 3, -1]
    assert call(module, "m.closest(points, [9, 0], 5)", points=points) == 1
    assert call(module, "m.closest(points, [20, 20], 5)", points=points) == -1
