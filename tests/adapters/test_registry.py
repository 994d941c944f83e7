"""The table of channels."""

from pathlib import Path

import pytest

from adapters.folder import FolderAdapter
from adapters.http import HttpAdapter
from adapters.registry import build


def test_each_channel_has_its_adapter(tmp_path: Path) -> None:
    assert isinstance(build("http", url="https://agency.example/in", token="t", timeout=3), HttpAdapter)
    assert isinstance(build("folder", folder=tmp_path), FolderAdapter)
    assert build("inbox") is None


def test_an_unknown_channel_names_the_choices() -> None:
    with pytest.raises(ValueError, match="'fax'.*folder, http, inbox"):
        build("fax")


@pytest.mark.parametrize(("channel", "missing"), [("http", "url"), ("folder", "folder")])
def test_what_a_channel_needs_is_asked_for(channel: str, missing: str) -> None:
    with pytest.raises(ValueError, match=f"{channel}.*needs a {missing}"):
        build(channel)


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_must_be_time(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout"):
        build("http", url="https://agency.example/", timeout=timeout)
