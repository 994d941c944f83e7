"""docs/packages.md does what it says: its files are written, its commands run, and what it shows is printed."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.system.conftest import GUICHET, ROOT, clean_environment

PAGE = ROOT / "docs" / "packages.md"
BLOCK = re.compile(r"^```(toml|sh|text) ?(\S*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: its kind, what is said after it (a file's name, or `fails`), its lines."""

    kind: str
    note: str
    text: str


def run(script: str, folder: Path, schemas: Path) -> subprocess.CompletedProcess[str]:
    path = f"{GUICHET.parent}:/usr/bin:/bin"
    environment = clean_environment(PATH=path, SCHEMAS=str(schemas), GUICHET_SCHEMAS=str(schemas))
    command = ["bash", "-euo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_page_can_be_followed_step_by_step(tmp_path):
    blocks = [Block(*found) for found in BLOCK.findall(PAGE.read_text(encoding="utf-8"))]
    assert len([block for block in blocks if block.kind == "sh"]) >= 6
    schemas, printed = tmp_path / "schemas", ""
    shutil.copytree(ROOT / "schemas", schemas)
    for block in blocks:
        if block.kind == "toml":
            (tmp_path / block.note).parent.mkdir(parents=True)
            (tmp_path / block.note).write_text(block.text, encoding="utf-8")
        elif block.kind == "sh":
            done = run(block.text, tmp_path, schemas)
            printed = done.stdout
            assert (done.returncode != 0) == (block.note == "fails"), done.stdout + done.stderr
        else:
            for line in block.text.splitlines():
                assert line in printed
