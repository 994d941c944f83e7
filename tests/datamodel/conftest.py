"""The message types in both ways of reading them."""

import pytest

from datamodel import native
from datamodel.registry import Registry
from tests.conftest import SCHEMAS


@pytest.fixture(scope="session", params=["native", "python"])
def either_registry(request: pytest.FixtureRequest) -> Registry:
    """All message types of this repository, read by the compiled codecs and without them."""
    if request.param == "native" and not native.AVAILABLE:
        pytest.skip("datamodel/native is not compiled: no C compiler was found")
    return Registry.load(SCHEMAS, accelerated=request.param == "native")
