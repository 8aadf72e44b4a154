"""The studio's API as a program meets it: gradio_client against a studio that was started; no browser."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from app.session_log.sampling import SETTINGS
from tests.app.in_browser import PATIENCE, Studio

ENDPOINTS = {"/retrieve", "/generate", "/run", "/history"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whose name means something in a URL."""
    folder = tmp_path_factory.mktemp("workspaces") / "50% off?mode=ro#1 %41"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def client(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    made = Client(studio.address, download_files=tmp_path_factory.mktemp("received"), verbose=False)
    yield made
    made.close()


@pytest.fixture
def photo(photo_bytes: Callable[..., bytes], tmp_path: Path) -> Path:
    path = tmp_path / "shirt.png"
    path.write_bytes(photo_bytes())
    return path


def test_only_the_named_endpoints_are_there(client: Client) -> None:
    found = client.view_api(all_endpoints=True, return_format="dict")
    assert set(found["named_endpoints"]) == ENDPOINTS and found["unnamed_endpoints"] == {}
    public = {
        dependency["api_name"]
        for dependency in client.config["dependencies"]
        if dependency["api_visibility"] != "private"
    }
    assert public == {name[1:] for name in ENDPOINTS}
    wanted = {
        parameter["parameter_name"]: parameter["parameter_has_default"]
        for parameter in found["named_endpoints"]["/generate"]["parameters"]
    }
    assert [name for name, optional in wanted.items() if not optional] == ["photo"]
    types = {
        parameter["parameter_name"]: parameter["python_type"]["type"]
        for parameter in found["named_endpoints"]["/retrieve"]["parameters"]
    }
    assert types["photo"] == types["mask"] == "filepath" and types["attributes"].startswith("dict(str, str")
    assert {"k", "alpha", "attributes", "candidate", "mask", "seeds", *SETTINGS} <= set(wanted)


def test_retrieve_gives_neighbours_and_the_landmark(client: Client, photo: Path, tmp_path: Path) -> None:
    guide, landmark = client.predict(handle_file(photo), k=3, alpha=0.25, api_name="/retrieve")
    candidates = guide["candidates"]
    assert len(candidates) == 3 and (guide["k"], guide["alpha"]) == (3, 0.25)
    assert all({"id", "similarity", "weight", "iou", "attributes", "source"} <= set(each) for each in candidates)
    assert sum(each["weight"] for each in candidates) == pytest.approx(1)
    assert len({each["id"] for each in candidates}) == 3
    assert all(-1 <= each["similarity"] <= 1 for each in candidates)  # what fits the photo's shape better comes first
    consensus = np.asarray(Image.open(landmark))
    picked, outline = client.predict(handle_file(photo), k=3, candidate=2, api_name="/retrieve")
    assert (picked["landmark_source"], picked["choice"]) == ("candidate", 2)
    assert np.array_equal(np.asarray(Image.open(outline)), consensus) == (guide["consensus"] == 2)
    mask = np.zeros(consensus.shape, np.uint8)
    mask[100:400, 150:350] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    edited, outline = client.predict(handle_file(photo), mask=handle_file(tmp_path / "mask.png"), api_name="/retrieve")
    assert edited["landmark_source"] == "edited"
    assert np.array_equal(np.asarray(Image.open(outline)), mask)
    dress, _ = client.predict(handle_file(photo), attributes={"Category": "dress"}, api_name="/retrieve")
    assert dress["attributes"]["category"] == "Dress" and "category" not in dress["attribute_confidence"]


def test_a_run_is_logged_like_any_other(client: Client, photo: Path, studio: Studio) -> None:
    made, landmark, pictures = client.predict(
        handle_file(photo), k=4, seed=7, seeds=2, steps=1, background="#f4f1ea", api_name="/generate"
    )
    assert [(run["seed"], run["status"], run["steps"]) for run in made["runs"]] == [(7, "done", 1), (8, "done", 1)]
    numbers = [run["run"] for run in made["runs"]]
    assert [Image.open(path).size for path in pictures] == [(400, 400)] * 2
    assert Image.open(landmark).mode == "L" and made["runs"][0]["timings_ms"]["total"] > 0
    found = client.predict(status="done", count=1, api_name="/history")
    assert found["total"] >= 2 and [run["run"] for run in found["runs"]] == [numbers[1]]
    further = client.predict(before=numbers[1], text="seed 7", api_name="/history")
    assert [run["run"] for run in further["runs"]] == [numbers[0]]
    assert further["runs"][0]["garment"] is None, "nobody said which"
    hidden = {"owner", "photo_path", "landmark_path", "embedding"}
    assert not hidden & set(further["runs"][0]), "no path and no name of a person"
    with sqlite3.connect(studio.workspace / "studio.sqlite3") as database:
        kept = database.execute("SELECT photo_name, status, k FROM runs WHERE id = ?", (numbers[0],)).fetchone()
    assert kept == ("shirt.png", "done", 4)
    run, outline, picture = client.predict(numbers[0], api_name="/run")
    assert run == made["runs"][0] and Path(picture).read_bytes() == Path(pictures[0]).read_bytes()
    assert Path(outline).read_bytes() == Path(landmark).read_bytes()


def test_who_does_not_wait_asks_later(client: Client, photo: Path) -> None:
    made, _, pictures = client.predict(handle_file(photo), steps=50, wait=False, api_name="/generate")
    number = made["runs"][0]["run"]
    assert made["runs"][0]["status"] in ("queued", "running") and pictures == []
    while (answer := client.predict(number, api_name="/run"))[0]["status"] in ("queued", "running"):
        pass
    assert answer[0]["status"] == "done" and Image.open(answer[2]).size == (400, 400)


def test_the_example_of_the_page_runs(studio: Studio, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    photo.rename(photo.with_name("photo.jpg"))
    monkeypatch.chdir(photo.parent)
    names: dict = {}
    exec(compile(block.replace("http://127.0.0.1:7860", studio.address), "api.md", "exec"), names)
    names["studio"].close()
    assert len(names["guide"]["candidates"]) == 4 and names["guide"]["alpha"] == 0.5
    assert [run["seed"] for run in names["made"]["runs"]] == [7, 8] and len(names["pictures"]) == 2
    assert {run["run"] for run in names["made"]["runs"]} <= {run["run"] for run in names["found"]["runs"]}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"k": 0}, "K must be a whole number"),
        ({"k": 2.5}, "k must be a whole number, got 2.5"),
        ({"alpha": 2}, "alpha"),
        ({"candidate": 9}, "candidate must be a whole number from 0 to"),
        ({"attributes": {"category": "Spaceship"}}, "Spaceship"),
        ({"attributes": [1]}, "attributes must be an object"),
        ({"drafted": True}, "no shape was drafted for this photo"),
        ({"measures": [1]}, "measures must be an object"),
        ({"measures": {"chest": 50}, "candidate": 0}, "candidate and drafted both name a landmark"),
        ({"seeds": 17}, "the number of seeds is 1 to 16"),
        ({"steps": 0}, "steps must be a whole number from 1 to 50"),
        ({"background": "red"}, "the background is white"),
    ],
)
def test_what_cannot_be_used_is_said_and_logs_nothing(
    client: Client, photo: Path, values: dict, message: str, studio: Studio
) -> None:
    before = client.predict(api_name="/history")["total"]
    with pytest.raises(AppError, match=message) as refused:
        client.predict(handle_file(photo), **values, api_name="/generate")
    assert str(studio.workspace) not in str(refused.value)
    assert client.predict(api_name="/history")["total"] == before


def test_bad_files_and_numbers_are_refused(client: Client, photo: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(photo.read_bytes()[:200])
    with pytest.raises(AppError, match="broken.png"):
        client.predict(handle_file(broken), api_name="/retrieve")
    with pytest.raises(AppError, match="both name a landmark"):
        client.predict(handle_file(photo), candidate=0, mask=handle_file(photo), api_name="/retrieve")
    with pytest.raises(AppError, match="no run 99999"):
        client.predict(99999, api_name="/run")
    with pytest.raises(AppError, match="no date"):
        client.predict(since="soon", api_name="/history")


def called(studio: Studio, name: str, data: list, **options: object) -> str:
    """What a program without gradio_client is told."""
    call = f"{studio.address}/gradio_api/call/{name}"
    asked = httpx.post(call, json={"data": data}, timeout=LONG, **options)
    if asked.status_code != 200:
        return asked.text
    return httpx.get(f"{call}/{asked.json()['event_id']}", timeout=LONG).text


def sent(studio: Studio, data: bytes, name: str = "shirt.png") -> dict:
    (path,) = httpx.post(f"{studio.address}/gradio_api/upload", files={"files": (name, data)}, timeout=LONG).json()
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


NONE = [None] * 10
LONG = PATIENCE / 1000  # seconds that a busy machine is given


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("retrieve", ["/etc/passwd", 3, 0.5, *NONE], "a file is sent first"),
        ("retrieve", [{"path": "/etc/passwd"}, 3, 0.5, *NONE], "a file is sent first"),
        ("retrieve", [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}, 3, 0.5, *NONE], "was never sent"),
        ("retrieve", [None, 3, 0.5, *NONE], "a photo is needed"),
        ("retrieve", [], "didn't receive enough input values"),
        ("retrieve", ["photo"], "is not of the kind|didn't receive enough"),
        ("run", ["x"], "number must be a whole number, got 'x'"),
        ("run", [1e300], "number must be a whole number, got 1e"),
        ("run", [None], "no run None|number must be"),
        ("run", [{}], "number must be a whole number, got {}"),
        ("history", ["", None, None, None, None, None, "many", None], "count must be a whole number"),
        ("history", ["", "asleep", None, None, None, None, 5, None], "no status of a run"),
        ("nosuch", [], "there is no endpoint of that name"),
    ],
)
def test_whatever_goes_wrong_is_said(studio: Studio, name: str, data: list, message: str) -> None:
    answer = called(studio, name, data)
    assert re.search(message, answer), answer
    assert '"error": null' not in answer and "Traceback" not in answer and str(studio.workspace) not in answer
    assert answer.startswith("event: error\n") or '"error":"' in answer


def test_a_call_that_is_no_call_is_answered_in_words_too(studio: Studio) -> None:
    for address, options in (
        ("call/run", {"content": b"{"}),
        ("call/run", {"json": [1]}),
        ("call/run", {"json": {"data": 5}}),
        ("run/run", {"json": {"data": ["x"]}}),
        ("run/nosuch", {"json": {"data": []}}),
        ("call/v2/nosuch", {"json": {}}),
        ("call/v2/run", {"json": {"other": 1}}),
        ("queue/join", {"json": {"data": []}}),
    ):
        answer = httpx.post(f"{studio.address}/gradio_api/{address}", timeout=LONG, **options)
        assert 400 <= answer.status_code <= 500, address
        told = answer.json()
        assert (told.get("error") or told.get("detail")) and told.get("error", "") is not None, (address, told)


def test_the_same_photo_at_once_and_again_has_all_its_readers(
    studio: Studio, photo_bytes: Callable[..., bytes]
) -> None:
    """One file on the server: as photo and as mask, by several programs at once, and again afterwards."""
    photo = sent(studio, photo_bytes())
    assert sent(studio, photo_bytes()) == photo
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: called(studio, "retrieve", [photo, 3, 0.5, *NONE]), range(10)))
    answers.append(called(studio, "retrieve", [photo, 3, 0.5, *NONE]))
    assert all("event: complete" in answer for answer in answers), answers
    both = called(studio, "retrieve", [photo, 3, 0.5, None, None, photo, *NONE[3:]])
    assert "received too long ago" not in both and ("complete" in both or "shirt.png" in both), both


def test_thirty_clients_get_each_their_own(studio: Studio, photo_bytes: Callable[..., bytes], tmp_path: Path) -> None:
    """Photos of one name and thirty sizes: each run keeps the one that its own client sent."""

    def work(client: int) -> tuple[int, str, str]:
        data = photo_bytes(f"#{8 * client:02x}4060", size=(100 + client, 120))
        answer = called(
            studio,
            "generate",
            [sent(studio, data), 3, 0.5, *NONE[:5], client, 1, 1, 1.0, 1.0, False, "white", True, *NONE[5:]],
        )
        found = re.search(r"event: complete\ndata: (.*)", answer)
        assert found, answer
        (run,) = json.loads(found[1])[0]["runs"]
        return client, hashlib.sha256(data).hexdigest(), json.dumps(run)

    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(work, range(30)))
    numbers = set()
    for client, digest, text in answers:
        run = json.loads(text)
        numbers.add(run["run"])
        assert (run["seed"], run["photo_sha256"], run["status"]) == (client, digest, "done"), "no other's photo"
        kept = studio.workspace / "images" / digest[:2] / f"{digest}.photo"
        assert Image.open(kept).size == (100 + client, 120)
    assert len(numbers) == 30


def test_only_its_own_names_and_pages_are_answered(studio: Studio) -> None:
    web = httpx.Client(timeout=LONG)
    evil, own = "http://evil.example", studio.address
    for path in ("/", "/config", "/gradio_api/info", "/gradio_api/upload", "/web/1/x.js", "/gradio_api/mcp/"):
        assert web.get(own + path, headers={"Host": "evil.example"}).status_code == 421, path
        assert web.get(own + path, headers={"Origin": evil}).status_code == 403, path
    files = {"files": ("a.png", b"x")}
    for headers in ({"Origin": evil}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert web.post(f"{own}/gradio_api/upload", files=files, headers=headers).status_code == 403, headers
    assert web.post(f"{own}/gradio_api/upload", files=files, headers={"Origin": own}).status_code == 200
    page = web.get(own)
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    asked = web.options(f"{own}/gradio_api/upload", headers={"Origin": evil, "Access-Control-Request-Method": "POST"})
    assert asked.status_code == 403 and "access-control-allow-origin" not in asked.headers


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such permissions")
def test_nobody_else_can_look_into_the_workspace(studio: Studio) -> None:
    assert stat.S_IMODE(studio.workspace.stat().st_mode) == 0o700
    for name in ("studio.sqlite3", "studio.sqlite3-wal", "studio.sqlite3-shm"):
        assert stat.S_IMODE((studio.workspace / name).stat().st_mode) == 0o600, name
    assert [path.name for path in studio.workspace.parent.iterdir()] == [studio.workspace.name], "nothing beside it"
    with closing(sqlite3.connect(studio.workspace / "studio.sqlite3")) as database:
        assert database.execute("SELECT count(*) FROM runs").fetchone()[0] > 0


def test_files_of_the_machine_itself_are_not_read(studio: Studio, photo: Path) -> None:
    """Without gradio_client, which would send the file: a path that was never uploaded."""
    for named in (str(photo), {"path": str(photo)}, {"path": str(photo), "meta": {"_type": "gradio.FileData"}}):
        call = f"{studio.address}/gradio_api/call/retrieve"
        asked = httpx.post(call, json={"data": [named, 3, 0.5, *NONE]}, timeout=LONG)
        answer = httpx.get(f"{call}/{asked.json()['event_id']}", timeout=LONG).text
        assert answer.startswith("event: error") and "candidates" not in answer and "enough" not in answer, named
        assert photo.exists()
