"""Installations with derived packages, made for a test: the base of the repository and package.toml files as given."""

import json
import shutil
from pathlib import Path
from typing import Any

from tests.conftest import SCHEMAS

SAMPLE = SCHEMAS / "samples" / "import-cut-flowers-kenya.json"
HEAD = 'title = "T"\nextends = "wco-dms/3.6"\n[namespaces]\nxx = "urn:xx:customs"\n[messages.DEC]\n'


def installation(folder: Path, **packages: str) -> Path:
    """A schemas folder with wco-dms/3.6, the code lists and derived packages: `xx_2026="..."` is xx/2026."""
    shutil.copytree(SCHEMAS / "packages" / "wco-dms", folder / "packages" / "wco-dms")
    shutil.copytree(SCHEMAS / "codelists", folder / "codelists")
    for name, text in packages.items():
        write_package(folder / "packages", name, text)
    return folder


def write_package(packages: Path, name: str, text: str) -> Path:
    """Write one package.toml; its folder."""
    made = packages / Path(*name.split("_"))
    made.mkdir(parents=True)
    (made / "package.toml").write_text(text, encoding="utf-8")
    return made


def sample() -> dict[str, Any]:
    """An import declaration that is valid under wco-dms/3.6 and under xz-dms."""
    found: dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))
    return found
