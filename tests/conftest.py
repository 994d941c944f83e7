"""Fixtures for every test: the message types, and the public corpus where it is present.

Tests run side by side, one line of them for each core. One that measures time or memory is marked `alone`, and no other
runs beside it.
"""

import fcntl
import os
from collections.abc import Iterator
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


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Lets a test wait until it may begin, before its time limit counts.

    All share one lock, which a test that is `alone` has to itself. Whoever wants it passes a gate first, where such a
    test stands while it waits: so the others cannot keep it waiting by taking turns.
    """
    place = item.config.cache.mkdir("turns")
    alone = item.get_closest_marker("alone") is not None
    with (place / "gate").open("w") as gate, (place / "lock").open("w") as lock:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        return (yield)
