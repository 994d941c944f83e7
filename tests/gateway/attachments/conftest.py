"""A house with a gateway that takes documents."""

from tests.gateway.http.conftest import house

__all__ = ["house"]
