"""What the packages import is declared: a library that only comes along with another may be gone tomorrow."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("datamodel", "adapters", "gateway")


def imported() -> dict[str, str]:
    """Top-level module from outside -> a file that imports it."""
    found = {}
    for package in LAYERS:
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and not node.level:
                    names.append(node.module or "")
                found |= {name.partition(".")[0]: str(file.relative_to(ROOT)) for name in names}
    return {name: file for name, file in found.items() if name not in {*sys.stdlib_module_names, *LAYERS}}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_library_that_is_imported_is_declared_and_explained():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["traces"]]
    declared = {plain(re.match(r"[\w.-]+", each)[0]) for each in listed}
    explained = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    distributions = packages_distributions()
    assert imported()
    for name, file in imported().items():
        sources = {plain(source) for source in distributions[name]}
        assert sources & declared, f"{file} imports {name}, which pyproject.toml does not declare"
        assert any(f"`{source}`" in explained for source in sources), f"docs/dependencies.md says nothing of {name}"
