"""The wheel holds the whole house: installed away from the repository, the command finds its data."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.system.conftest import ROOT, SAMPLES, clean_environment


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as an installer would."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=50)
    (wheel,) = folder.glob("guichet-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    # The path set here goes before the repository, which an editable installation adds.
    environment = clean_environment(PYTHONPATH=str(installed))
    command = [sys.executable, "-P", "-m", "gateway", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, cwd=installed.parent, env=environment, timeout=50, check=False)


def test_the_data_is_in_the_wheel(installed):
    kept = {file.relative_to(ROOT) for file in (ROOT / "schemas").rglob("*") if file.is_file()}
    packed = {file.relative_to(installed) for file in (installed / "schemas").rglob("*") if file.is_file()}
    assert kept
    assert packed == kept
    assert (installed / "gateway" / "store" / "migrations").is_dir()


def test_no_test_or_bench_is_in_the_wheel(installed):
    assert {"tests", "perf", "docs"}.isdisjoint(found.name for found in installed.iterdir())


def test_the_command_works_from_the_wheel(installed):
    where = "import gateway.settings as s; print(s.SCHEMAS)"
    environment = clean_environment(PYTHONPATH=str(installed))
    found = subprocess.run([sys.executable, "-P", "-c", where], capture_output=True, env=environment, check=True)
    assert found.stdout.decode().strip() == str(installed / "schemas"), "this test would try the repository otherwise"
    done = run(installed, "validate", SAMPLES / "import-relief-goods.xml")
    assert (done.returncode, done.stderr) == (0, b"")
    assert run(installed, "demo", "--once", "--count", "2").returncode == 0
