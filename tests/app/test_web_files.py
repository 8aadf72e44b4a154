"""How the browser gets its files: addresses that name their content, nothing but modules, behind a login and a path."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Playwright, expect
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.web import files
from app.web.seed_field import SeedField
from tests.app.in_browser import FLAGS, PATIENCE, Studio


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=[files.route()]))


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A room of our own in place of app's."""
    shutil.copy(files.ROOT / "web" / "shared" / "masthead.html", tmp_path)
    (tmp_path / "masthead.js").write_text("export const ASKS = /** @type {const} */ (['look',\n  'say']);")
    monkeypatch.setattr(files, "ROOT", tmp_path)
    yield from _uncached(tmp_path)


def _uncached(folder: Path) -> Iterator[Path]:
    for cached in (files.modules, files.version):
        cached.cache_clear()
    yield folder
    for cached in (files.modules, files.version):
        cached.cache_clear()


def test_a_module_is_served_as_it_lies_and_kept(client: TestClient) -> None:
    for name in ("pages/design/photo.js", "landmark_editor/tools/brush.js"):
        answer = client.get(f"/web/{files.version()}/{name}")
        assert answer.status_code == 200 and answer.content == (files.ROOT / name).read_bytes()
        assert answer.headers["content-type"].startswith("text/javascript")
        assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/web/{}/__main__.py",
        "/web/{}/web/shared/studio.css",
        "/web/{}/../../pyproject.toml",
        "/web/{}/%2e%2e/launch.py",
        "/web/{}/",
        "/web/0123456789ab/pages/design/photo.js",
    ],
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    answer = client.get(path.format(files.version()))
    assert answer.status_code == 404 and b"import" not in answer.content
    assert "immutable" not in answer.headers.get("cache-control", "")


def test_every_import_leads_to_a_module() -> None:
    for name, text in files.modules().items():
        for target in re.findall(r"^(?:import|export) [^;]*?from '(\.[^']+)'", text.decode(), flags=re.M):
            found = (files.ROOT / name).parent.joinpath(target).resolve().relative_to(files.ROOT).as_posix()
            assert found in files.modules(), f"{name} imports {target}"


def test_the_address_changes_with_the_content(copied: Path) -> None:
    before = files.loader("masthead")
    assert f"/web/{files.version()}/masthead.js" in before and "'look', 'say'" in before
    (copied / "masthead.js").write_text("export const mount = () => {};")
    assert files.loader("masthead") == before, "what was read stays of one version"
    for cached in (files.modules, files.version):
        cached.cache_clear()
    assert files.loader("masthead") != before and "nothing" in files.loader("masthead")


def test_a_panel_without_its_files_is_named(copied: Path) -> None:
    with pytest.raises(ValueError, match="the panel 'queue' needs one template .* found none"):
        files.template("queue")
    (copied / "room").mkdir()
    shutil.copy(copied / "masthead.html", copied / "room")
    with pytest.raises(ValueError, match="found masthead.html, room/masthead.html"):
        files.template("masthead")
    (copied / "lone.html").write_text("<p></p>")
    with pytest.raises(ValueError, match="the panel 'lone' has no module: lone.js is missing"):
        files.loader("lone")


@pytest.mark.parametrize(
    ("typed", "seed"),
    [("9223372036854775807", 2**63 - 1), ("0", 0), ("", ""), ("-1", "-1"), ("1.5", "1.5"), (None, None)],
)
def test_a_seed_is_digits_in_the_browser_and_a_number_here(typed: str | None, seed: object) -> None:
    field = SeedField(0, js_on_load="")
    assert field.preprocess(typed) == seed and field.postprocess(seed) == typed


@pytest.fixture
def guarded(workspace: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    """A studio with a login, that stands at /studio for those who come through a proxy."""
    monkeypatch.setenv("GRADIO_ROOT_PATH", "/studio")
    monkeypatch.setenv("RAGDIFFUSION_LOGINS", "ana:a long secret")
    made = Studio(workspace, checkpoint)
    made.start()
    yield made
    made.stop()


@pytest.mark.browser
def test_panels_work_behind_a_login_and_a_path(playwright: Playwright, chromium: str, guarded: Studio) -> None:
    browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{guarded.address}/studio/")
    page.get_by_label("username").fill("ana")
    page.get_by_label("password").fill("a long secret")
    page.get_by_role("button", name="Login").click()
    expect(page.locator("#status[data-state=ready], #status [data-state=ready]")).to_be_attached(timeout=PATIENCE)
    page.locator(".masthead [data-act=keys]").click()
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("Generate")
    modules = [url for url in asked if "/web/" in url and url.endswith(".js")]
    assert len(modules) > 20 and all(url.startswith(f"{guarded.address}/studio/web/") for url in modules)
    # A proxy may pass the path on, as here, or leave it out.
    assert page.request.get(modules[0].replace("/studio", "", 1)).text() == page.request.get(modules[0]).text() != ""
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("password")).to_be_visible()
    assert httpx.get(f"{guarded.address}/openapi.json", timeout=PATIENCE / 1000).status_code == 401
    wrong = {"username": "ana", "password": "a guess"}
    assert httpx.post(f"{guarded.address}/login", data=wrong, timeout=PATIENCE / 1000).status_code == 400
    log = (guarded.workspace / "log").read_text()
    assert "wrong password number 1 for 'ana' from 127.0.0.1" in log and "a guess" not in log
    browser.close()
