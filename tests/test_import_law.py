"""The law of the house, read from the syntax trees: who may import whom, and how long a file and a function may be.

Arrows point one way, `gateway -> adapters -> datamodel`, so that each package can be used and understood without the
ones to its left. Nothing is imported to check this, and imports inside functions count like all others.
"""

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("datamodel", "adapters", "gateway")  # each may import itself and what stands to its left
OUTSIDE = ("tests", "perf", "schemas")  # no package imports these
COMPOSITION_ROOT = "gateway.bootstrap"
# Package of concrete things -> its modules that others may name; its other modules only the composition root may.
CONCRETE = {"gateway.store": (), "adapters": ("adapters.port",)}
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40


def modules(root: Path, packages: tuple[str, ...] = LAYERS) -> dict[str, Path]:
    """Dotted name -> file of every module of the packages given."""
    found = {}
    for package in packages:
        for file in sorted((root / package).rglob("*.py")):
            parts = file.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imported(name: str, file: Path, known: dict[str, Path]) -> Iterator[str]:
    """Every module that a module names: `from a import b` is `a.b` where that is a module, else `a`."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in known else base


def import_graph(root: Path) -> dict[str, set[str]]:
    """Module -> the modules of any package in the repository that it imports."""
    known = modules(root)
    ours = (*LAYERS, *OUTSIDE)
    return {
        name: {target for target in imported(name, file, known) if target.partition(".")[0] in ours}
        for name, file in known.items()
    }


def layer_breaches(graph: dict[str, set[str]]) -> list[str]:
    """Imports that point to the right, or out of the packages."""
    breaches = []
    for name, targets in graph.items():
        allowed = LAYERS[: LAYERS.index(name.partition(".")[0]) + 1]
        breaches += [
            f"{name} imports {target}" for target in sorted(targets) if target.partition(".")[0] not in allowed
        ]
    return breaches


def concrete_breaches(graph: dict[str, set[str]]) -> list[str]:
    """Imports of a concrete store or adapter from outside its package, by anything but the composition root."""
    breaches = []
    for name, targets in graph.items():
        for package, open_to_all in CONCRETE.items():
            inside = name == package or name.startswith(f"{package}.")
            if inside or name == COMPOSITION_ROOT:
                continue
            hidden = {target for target in targets if target.startswith(f"{package}.")} - set(open_to_all)
            breaches += [f"{name} imports {target}" for target in sorted(hidden)]
    return breaches


def cycle(graph: dict[str, set[str]]) -> str | None:
    """One import cycle as `a -> b -> a`, or None."""
    try:
        graphlib.TopologicalSorter({name: targets - {name} for name, targets in graph.items()}).prepare()
    except graphlib.CycleError as error:
        return " -> ".join(reversed(error.args[1]))
    return None


def python_files(root: Path, folders: tuple[str, ...]) -> list[Path]:
    """All Python files below the folders given, save in hidden folders, which hold what was installed or made."""
    found = (file for folder in folders for file in sorted((root / folder).rglob("*.py")))
    return [file for file in found if not any(part.startswith(".") for part in file.relative_to(root).parts)]


def long_files(root: Path) -> list[str]:
    """Files with more lines than the house allows, tests included."""
    counts = {
        file: len(file.read_text(encoding="utf-8").splitlines())
        for file in python_files(root, (*LAYERS, "perf", "tests"))
    }
    return [f"{file.relative_to(root)}: {count} lines" for file, count in counts.items() if count > MAX_FILE_LINES]


def long_functions(root: Path) -> list[str]:
    """Functions with more lines than the house allows, signature and docstring counted, decorators not."""
    found = []
    for file in python_files(root, (*LAYERS, "perf")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    found.append(f"{file.relative_to(root)}:{node.lineno} {node.name}: {lines} lines")
    return found


@pytest.fixture(scope="module")
def house() -> dict[str, set[str]]:
    return import_graph(ROOT)


def test_arrows_point_from_gateway_to_adapters_to_datamodel(house):
    assert len(house) > len(LAYERS), "the packages were not found"
    assert layer_breaches(house) == []


def test_only_the_composition_root_names_concrete_stores_and_adapters(house):
    assert COMPOSITION_ROOT in house
    assert concrete_breaches(house) == []


def test_no_import_cycles(house):
    assert cycle(house) is None


def test_files_stay_within_their_length():
    assert long_files(ROOT) == []


def test_functions_stay_within_their_length():
    assert long_functions(ROOT) == []


def test_schemas_holds_data_only():
    assert python_files(ROOT, ("schemas",)) == []


# The law is only as good as its reading: each breach below is written out and must be found.


def write(root: Path, sources: dict[str, str]) -> Path:
    for package in LAYERS:
        (root / package).mkdir(exist_ok=True)
        (root / package / "__init__.py").touch()
    for name, source in sources.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(source)
    return root


@pytest.mark.parametrize(
    ("file", "source", "breach"),
    [
        ("datamodel/a.py", "import adapters.port", "datamodel.a imports adapters.port"),
        ("datamodel/a.py", "from gateway import ports", "datamodel.a imports gateway.ports"),
        ("adapters/a.py", "def f():\n    from gateway.ports import Store", "adapters.a imports gateway.ports"),
        ("adapters/sub/a.py", "from ...gateway.ports import Store", "adapters.sub.a imports gateway.ports"),
        ("gateway/a.py", "from tests import helpers", "gateway.a imports tests"),
        ("gateway/a.py", "import perf.bench_codecs as b", "gateway.a imports perf.bench_codecs"),
    ],
)
def test_a_wrong_arrow_is_found(tmp_path, file, source, breach):
    sources = {"gateway/ports.py": "class Store: ...", "adapters/port.py": "", file: source}
    assert layer_breaches(import_graph(write(tmp_path, sources))) == [breach]


@pytest.mark.parametrize(
    ("file", "source", "breaches"),
    [
        (
            "gateway/intake.py",
            "from gateway.store.sqlite import Sqlite",
            ["gateway.intake imports gateway.store.sqlite"],
        ),
        ("gateway/intake.py", "from .store import sqlite", ["gateway.intake imports gateway.store.sqlite"]),
        ("gateway/outbox.py", "from adapters import http", ["gateway.outbox imports adapters.http"]),
        ("gateway/outbox.py", "from adapters.port import Adapter", []),
        ("gateway/bootstrap.py", "from gateway.store import sqlite\nimport adapters.http", []),
        ("gateway/store/group.py", "from gateway.store import sqlite", []),
    ],
)
def test_a_concrete_name_is_allowed_in_its_place_only(tmp_path, file, source, breaches):
    sources = {
        "gateway/store/__init__.py": "",
        "gateway/store/sqlite.py": "",
        "adapters/http.py": "",
        "adapters/port.py": "",
    }
    assert concrete_breaches(import_graph(write(tmp_path, {**sources, file: source}))) == breaches


def test_a_cycle_is_found_even_through_a_function(tmp_path):
    sources = {
        "gateway/a.py": "from gateway import b",
        "gateway/b.py": "from gateway.c import thing",
        "gateway/c.py": "def thing():\n    import gateway.a",
    }
    found = cycle(import_graph(write(tmp_path, sources)))
    assert found is not None
    assert set(found.split(" -> ")) == {"gateway.a", "gateway.b", "gateway.c"}


def test_a_package_and_its_submodules_are_no_cycle(tmp_path):
    sources = {
        "gateway/cli/__init__.py": "from gateway.cli import a",
        "gateway/cli/a.py": "from gateway.cli import b",
        "gateway/cli/b.py": "",
    }
    assert cycle(import_graph(write(tmp_path, sources))) is None


def test_lengths_are_counted_to_the_line(tmp_path):
    function = "def f():\n" + "    x = 1\n" * (MAX_FUNCTION_LINES - 1)
    longer = "@staticmethod\nasync def g():\n" + "    x = 1\n" * MAX_FUNCTION_LINES
    full = "x = 1\n" * MAX_FILE_LINES
    sources = {
        "gateway/fits.py": function,
        "gateway/long.py": longer,
        "tests/fits.py": full,
        "tests/long.py": full + "x = 1\n",
    }
    write(tmp_path, sources)
    assert long_functions(tmp_path) == [f"gateway/long.py:2 g: {MAX_FUNCTION_LINES + 1} lines"]
    assert long_files(tmp_path) == [f"tests/long.py: {MAX_FILE_LINES + 1} lines"]
