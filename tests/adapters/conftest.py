"""What the adapter tests share."""

import pytest

from datamodel.registry import Registry
from tests.adapters.desk import SCHEMAS


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry.load(SCHEMAS)
