"""The program as its users meet it: the installed command, real processes, real HTTP."""

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.demo.processes import Children
from gateway.demo.stage import Stage, set_stage

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "schemas" / "samples"
GUICHET = Path(sys.executable).with_name("guichet")

Guichet = Callable[..., subprocess.CompletedProcess[bytes]]


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment without settings that would change what a test sees."""
    told = {"COLUMNS", "LINES"}  # by who runs tests side by side, of a terminal that there is not
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GUICHET_") and name not in told}
    kept |= {"LC_ALL": "C.UTF-8"}  # English, whatever is spoken here
    return {**kept, **extra}


@pytest.fixture
def guichet(tmp_path: Path) -> Guichet:
    """Runs the command in an empty folder and returns how it ended."""

    def run(*arguments: str | Path, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
        command = [GUICHET, *map(str, arguments)]
        env = clean_environment(**environment)
        return subprocess.run(command, input=stdin, capture_output=True, cwd=tmp_path, env=env, timeout=50, check=False)

    return run


def missing(what: str) -> None:
    """Skip a test that lacks something to test with, but never in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture
def corpus() -> Path:
    """The folder of public samples."""
    folder = Path(os.environ.get("GUICHET_CORPUS", ROOT.parent / "shared" / "corpus"))
    if not folder.is_dir():
        missing(f"no corpus at {folder}; GUICHET_CORPUS names the folder")
    return folder


@pytest.fixture
def curl() -> None:
    """The program curl is there."""
    if shutil.which("curl") is None:
        missing("curl is not installed")


@pytest.fixture
async def children(tmp_path: Path) -> AsyncIterator[Children]:
    """Programs that a test starts; they end with it."""
    async with Children(tmp_path / "logs") as running:
        yield running


@pytest.fixture
async def stage(children: Children, tmp_path: Path) -> Stage:
    """A gateway, its agencies, and a trader's account."""
    return await set_stage(children, tmp_path)
