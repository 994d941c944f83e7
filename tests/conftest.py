"""Fixtures for every test: the message types, and the public corpus where it is present."""

import os
from pathlib import Path

import pytest

from datamodel.registry import Registry

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = ROOT / "schemas"


def corpus_folder() -> Path:
    """The folder named by GUICHET_CORPUS, by default ../shared/corpus."""
    return Path(os.environ.get("GUICHET_CORPUS", ROOT.parent / "shared" / "corpus"))


@pytest.fixture(scope="session")
def registry() -> Registry:
    """All message types of this repository."""
    return Registry.load(SCHEMAS)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The UK CDS corpus. Absent: the test is skipped, in CI it fails."""
    folder = corpus_folder() / "uk-cds"
    if not folder.is_dir():
        told = f"the public corpus is not at {folder}; set GUICHET_CORPUS to the folder that holds uk-cds"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)
    return folder
