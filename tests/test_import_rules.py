"""Who may import whom, and that importing does nothing else.

Long because the rules of all rooms stand in one place.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent
_FILES = sorted(path for package in ("app", "ragdiffusion") for path in (_ROOT / package).rglob("*.py"))
_PURE = ("slle.py", "losses.py", "image.py")
_TOP = ("training", "evaluation")
_LOADING = frozenset(
    "open load load_file safe_open from_pretrained read_text read_bytes imread read_index connect "
    "create_engine urlopen urlretrieve load_state_dict hf_hub_download snapshot_download loadtxt".split()
)


# ---- the checker


def _imports(tree: ast.Module, file: Path) -> Iterator[tuple[str, int, bool]]:
    """Every imported dotted name, its line, and whether it runs at import; ``from a import b`` is ``a.b``.

    What stands under ``if TYPE_CHECKING`` never runs.
    """
    package = file.parent.parts
    late = {id(n) for f in ast.walk(tree) if _is_function(f) or _is_for_types(f) for s in f.body for n in ast.walk(s)}
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            up = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*up, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        for name in names:
            yield name, node.lineno, id(node) not in late


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _calls_at_import(node: ast.AST) -> Iterator[ast.Call]:
    """Calls that run when the module is imported: in class bodies, decorators and defaults too."""
    if isinstance(node, ast.Call):
        yield node
    for child in ast.iter_child_nodes(node):
        in_function = _is_function(node) and child in node.body
        in_lambda = isinstance(node, ast.Lambda) and child is node.body
        in_main = isinstance(node, ast.If) and "__main__" in ast.unparse(node.test) and child in node.body
        if not (in_function or in_lambda or in_main):
            yield from _calls_at_import(child)


def _within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def violations(file: Path, source: str) -> list[str]:
    """Check one file, named relative to the repository."""
    tree = ast.parse(source)
    package, inner = file.parts[0], file.parts[1] if len(file.parts) > 2 else ""
    found = []
    for name, line, at_import in _imports(tree, file):
        if package == "ragdiffusion" and _within(name, "app"):
            found.append(f"{file}:{line} imports {name}: the model package does not know the studio")
        if package == "ragdiffusion" and _within(name, "gradio", "gradio_client"):
            found.append(f"{file}:{line} imports {name}: only app may")
        if file.name in _PURE and _within(name, "ragdiffusion", "app"):
            found.append(f"{file}:{line} imports {name}: pure functions import no sibling")
        if _within(name, *(f"ragdiffusion.{top}" for top in _TOP)) and inner not in _TOP:
            if at_import or file.parent.as_posix() != "ragdiffusion/commands":
                found.append(f"{file}:{line} imports {name}: only commands may, inside their functions")
    for call in _calls_at_import(tree):
        function = ast.unparse(call.func)
        if function.rpartition(".")[2] in _LOADING:
            found.append(f"{file}:{call.lineno} calls {function} when imported")
    return found


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.relative_to(_ROOT).as_posix())
def test_a_file_keeps_the_rules(path: Path) -> None:
    assert violations(path.relative_to(_ROOT), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("file", "source", "expected"),
    [
        ("ragdiffusion/api.py", "import app.engine", "the studio"),
        ("ragdiffusion/bank/bank.py", "def f():\n    from app import engine", "the studio"),
        ("ragdiffusion/api.py", "from gradio import Blocks", "only app may"),
        ("ragdiffusion/retrieval/slle.py", "from ragdiffusion.images import load_mask", "no sibling"),
        ("ragdiffusion/retrieval/slle.py", "def f():\n    from . import images", "no sibling"),
        ("ragdiffusion/structure/losses.py", "from ..images import load_mask", "no sibling"),
        ("ragdiffusion/metrics/image.py", "import ragdiffusion", "no sibling"),
        ("ragdiffusion/api.py", "from ragdiffusion import training", "only commands"),
        ("ragdiffusion/api.py", "def f():\n    import ragdiffusion.evaluation.tables", "only commands"),
        ("ragdiffusion/commands/train.py", "from ragdiffusion.training.flow import main", "only commands"),
        ("ragdiffusion/bank/building.py", "from ..training import flow", "only commands"),
        (
            "app/insight.py",
            "try:\n    from ragdiffusion.evaluation import tables\nfinally:\n    pass",
            "only commands",
        ),
        ("ragdiffusion/api.py", "import torch\nW = torch.load('w')", "calls torch.load"),
        ("ragdiffusion/api.py", "class A:\n    text = open('x').read()", "calls open"),
        ("ragdiffusion/api.py", "from p import Q\ndef f(x=Q('a').read_text()):\n    pass", "read_text"),
        ("app/studio.py", "MODEL = [M.from_pretrained(n) for n in 'ab']", "calls M.from_pretrained"),
    ],
)
def test_the_checker_has_teeth(file: str, source: str, expected: str) -> None:
    found = violations(Path(file), source)
    assert len(found) == 1 and expected in found[0] and found[0].startswith(file)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        (
            "app/studio.py",
            "import gradio\nfrom ragdiffusion.api import Studio\nfrom app.engine import Engine",
        ),
        ("ragdiffusion/commands/train.py", "def main():\n    from ragdiffusion.training import flow\n    return flow"),
        ("ragdiffusion/training/flow.py", "from ragdiffusion.evaluation import tables\nfrom . import data"),
        ("ragdiffusion/api.py", "import apparatus\nimport torch\ndef f(p):\n    return torch.load(p)"),
        ("ragdiffusion/api.py", "LOADERS = {'a': lambda p: open(p)}"),
        (
            "ragdiffusion/retrieval/slle.py",
            "from __future__ import annotations\nimport torch\nfrom torch import Tensor",
        ),
    ],
)
def test_the_checker_lets_good_code_pass(file: str, source: str) -> None:
    assert violations(Path(file), source) == []


# ---- rooms and layers of the studio

_MAX_LAYERS = 9
_ROOMS = (
    {"app.errors", "app.options"},
    {"app.session_log"},
    {"app.files"},
    {"app.web"},
    {"app.landmark_editor"},
    {"app.runs"},
    {"app.curation"},
    {"app.api", "app.pages.shared"},
    {"app.pages.design", "app.pages.history", "app.pages.insight", "app.pages.bank"},
    {"app.studio", "app.opening"},
    {"app.__main__", "app.worker"},
)
"""Rooms from the ground up: a module knows its own room and those of lower rows, and nothing of its own row."""
Graph = dict[str, set[str]]


def _module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph(sources: dict[str, str], *, late: bool) -> Graph:
    """Which modules each one imports, of those given.

    Args:
        sources: text by module name.
        late: whether imports inside functions and for types count too.
    """
    graph: Graph = {name: set() for name in sources}
    for name, source in sources.items():
        file = Path(*name.split(".")).with_suffix(".py")
        for target, _, at_import in _imports(ast.parse(source), file):
            found = target if target in sources else target.rpartition(".")[0]
            if found in sources and found != name and (late or at_import):
                graph[name].add(found)
    return graph


def circle(graph: Graph) -> list[str]:
    """A way from a module back to itself; empty if there is none."""
    ended: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in ended:
            return []
        for target in sorted(graph[name]):
            found = walk(target, [*way, name])
            if found:
                return found
        ended.add(name)
        return []

    return next(filter(None, (walk(name, []) for name in sorted(graph))), [])


def longest_chain(graph: Graph) -> list[str]:
    """The longest way down from a module, of a graph without circles; as many layers as it has modules."""
    chains: dict[str, list[str]] = {}

    def chain(name: str) -> list[str]:
        if name not in chains:
            below = (chain(target) for target in sorted(graph[name]))
            chains[name] = [name, *max(below, key=len, default=[])]
        return chains[name]

    return max(map(chain, sorted(graph)), key=len, default=[])


def _row_and_room(name: str) -> tuple[int, str]:
    for row, rooms in enumerate(_ROOMS):
        for room in rooms:
            if _within(name, room):
                return row, room
    raise ValueError(f"{name} stands in no room: give it one in _ROOMS")


def arrows_up(graph: Graph) -> list[str]:
    """Imports of a room that is not below the importer's; packages that only hold rooms are none."""
    holders = {"app", "app.pages"}
    found = []
    for name in sorted(set(graph) - holders):
        row, room = _row_and_room(name)
        for target in sorted(graph[name] - holders):
            below, other = _row_and_room(target)
            if other != room and below >= row:
                found.append(f"{name} imports {target}: {room} stands no higher than {other}")
    return found


@pytest.fixture(scope="module")
def studio_sources() -> dict[str, str]:
    files = (path for path in _FILES if path.relative_to(_ROOT).parts[0] == "app" and "versions" not in path.parts)
    return {_module_name(path, _ROOT): path.read_text(encoding="utf-8") for path in files}


def test_the_studio_has_no_circle_and_no_arrow_up(studio_sources: dict[str, str]) -> None:
    graph = import_graph(studio_sources, late=True)
    assert circle(graph) == [] and arrows_up(graph) == []


def test_the_studio_has_few_layers(studio_sources: dict[str, str]) -> None:
    chain = longest_chain(import_graph(studio_sources, late=False))
    assert len(chain) <= _MAX_LAYERS, " -> ".join(chain)


def test_no_class_of_the_studio_has_the_name_of_one_of_the_model() -> None:
    names: dict[str, set[str]] = {"app": set(), "ragdiffusion": set()}
    for path in _FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        names[path.relative_to(_ROOT).parts[0]] |= {name for name in classes if not name.startswith("_")}
    assert sorted(names["app"] & names["ragdiffusion"]) == []


_HOUSE = {
    "app.errors": "",
    "app.session_log.log": "from app.errors import explain",
    "app.runs.queue": "from app.session_log import log",
    "app.pages.design.page": "import app.runs.queue\nfrom ragdiffusion.config import PRESETS",
    "app.pages.history.page": "def build():\n    from app.runs.queue import RunQueue",
}


def test_a_graph_by_hand() -> None:
    graph = import_graph(_HOUSE, late=False)
    assert graph["app.session_log.log"] == {"app.errors"} and graph["app.pages.history.page"] == set()
    assert import_graph(_HOUSE, late=True)["app.pages.history.page"] == {"app.runs.queue"}
    assert longest_chain(graph) == [
        "app.pages.design.page",
        "app.runs.queue",
        "app.session_log.log",
        "app.errors",
    ]
    assert circle(graph) == [] and arrows_up(graph) == []


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        ("app.errors", "def f():\n    from app.pages.design import page", "circle"),
        ("app.session_log.log", "if TYPE_CHECKING:\n    import app.runs.queue", "circle"),
        ("app.errors", "import app.files.store", "app.errors imports app.files.store"),
        ("app.pages.history.page", "from app.pages.design import page", "imports app.pages.design.page"),
        ("app.files.store", "from app.runs.queue import RunQueue", "app.files stands no higher than app.runs"),
        ("app.attic.page", "", "stands in no room"),
    ],
)
def test_the_rooms_have_teeth(module: str, source: str, expected: str) -> None:
    graph = import_graph({**_HOUSE, "app.files.store": "", module: source}, late=True)
    if expected == "circle":
        found = circle(graph)
        assert found[0] == found[-1] and module in found
    elif "no room" in expected:
        with pytest.raises(ValueError, match=expected):
            arrows_up(graph)
    else:
        assert [line for line in arrows_up(graph) if expected in line] and circle(graph) == []


# ---- what importing really does

_WATCH = """
import importlib, json, os, sys, sysconfig, tempfile

root, modules, libraries = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
sys.path.insert(0, root)
sys.dont_write_bytecode = True
for name in libraries:  # what other people's libraries do when imported is theirs to answer for
    importlib.import_module(name)

system = ["/proc", "/sys", "/etc", "/dev", "/usr", "/lib", sys.prefix, sys.base_prefix]
known = {os.path.realpath(folder) + os.sep for folder in [*system, *sysconfig.get_paths().values()]}
services = {"socket.connect", "socket.getaddrinfo", "sqlite3.connect", "subprocess.Popen", "os.system"}
found = []

def allowed(path, mode):
    if isinstance(path, int):
        return True
    path = os.path.realpath(os.fsdecode(path))
    inside = path.startswith(os.path.realpath(root) + os.sep)
    if inside and path.endswith(".pyi"):  # gradio writes an interface file beside a component
        return True
    if inside and ".egg-info" + os.sep in path:  # `pip install .` leaves it there, and libraries look for plug-ins
        return True
    if mode and set(mode) & set("wax+"):
        return path.startswith(tempfile.gettempdir()) and not inside
    if path.endswith((".py", ".pyc", ".so", ".pyd")):
        return True
    if inside and "site-packages" not in path:  # .venv may lie in the checkout
        return False
    return path.startswith(tuple(known))

def watch(event, arguments):
    if event == "open" and not allowed(arguments[0], arguments[1]):
        found.append(f"open {arguments[0]}")
    elif event in services:
        found.append(f"{event} {arguments}")

sys.addaudithook(watch)
for name in modules:
    before = len(found)
    importlib.import_module(name)
    found[before:] = [f"{name}: {event}" for event in found[before:]]
print("FOUND" + json.dumps(found))
"""


def _effects(root: Path, files: list[Path]) -> list[str]:
    """Import the files as modules in a fresh Python; report what it opened, connected to or started."""
    own = {path.name for path in root.iterdir()}
    libraries = {
        name.partition(".")[0]
        for path in files
        for name, _, at_import in _imports(ast.parse(path.read_text(encoding="utf-8")), path.relative_to(root))
        if at_import and name.partition(".")[0] not in own
    }
    modules = [_module_name(path, root) for path in files if path.name != "__main__.py"]
    call = [sys.executable, "-c", _WATCH, str(root), json.dumps(modules), json.dumps(sorted(libraries))]
    result = subprocess.run(call, capture_output=True, text=True, cwd=root)
    assert result.returncode == 0, result.stderr[-3000:]
    return json.loads(result.stdout.rpartition("FOUND")[2])


def test_importing_opens_no_file_and_no_connection() -> None:
    packages = [path.relative_to(_ROOT).parts[0] for path in _FILES]
    assert {*packages} == {"app", "ragdiffusion"}
    assert _effects(_ROOT, [*_FILES[packages.index("ragdiffusion") :], *_FILES[: packages.index("ragdiffusion")]]) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from pathlib import Path\nTEXT = Path(__file__).with_name('data.json').read_bytes()", "data.json"),
        ("import os\nos.close(os.open(os.path.expanduser('~/none'), os.O_CREAT | os.O_RDONLY))", "none"),
        (
            "import socket\ns = socket.socket()\ns.settimeout(0.1)\ns.connect_ex(('127.0.0.1', 9))",
            "socket.connect",
        ),
        ("import sqlite3\nD = sqlite3.connect(':memory:')", "sqlite3.connect"),
        ("import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])", "subprocess.Popen"),
        ("open(__file__ + '.log', 'w').close()", ".log"),
    ],
    ids="read open socket database process write".split(),
)
def test_the_watch_has_teeth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, expected: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    package = tmp_path / "ragdiffusion"
    package.mkdir()
    (package / "data.json").write_text("{}")
    (package / "__init__.py").write_text("")
    (package / "good.py").write_text("import json\nVALUE = json.dumps({})\n")
    (package / "bad.py").write_text(source)
    found = _effects(tmp_path, sorted(package.glob("*.py")))
    assert found and all(line.startswith("ragdiffusion.bad: ") for line in found)
    assert any(expected in line for line in found)
