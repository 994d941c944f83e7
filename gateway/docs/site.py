"""All publications as files of one folder. Every link is relative, so that the folder works where it is opened."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from gateway.docs.library import Library

NOTE = "files.txt"  # what the last build wrote, a name a line


class Publication(NamedTuple):
    """One publication, made when it is asked for: file names below the folder, and their bytes."""

    name: str
    make: Callable[[], dict[str, bytes]]


def publications(library: Library, description: bytes) -> Iterator[Publication]:
    """Everything, the first page first; `description` is the OpenAPI document."""
    yield Publication("index", lambda: {"index.html": library.index})
    for key in sorted(library.registry.messages):
        yield Publication(key, lambda key=key: _message(library, key))  # type: ignore[misc]
    yield Publication("code lists", lambda: {"codelists.html": library.codelists_page, **_codelists(library)})
    yield Publication("rules", lambda: {"rules.html": library.rules_page})
    yield Publication("requirements", lambda: {"requirements.html": library.requirements_page})
    api = {"openapi.json": description, "api.html": library.api_page(description, "openapi.json")}
    yield Publication("interface", lambda: api)
    yield Publication("response codes", lambda: {"response-codes.html": library.response_codes_page})


def _message(library: Library, key: str) -> dict[str, bytes]:
    place = f"packages/{key}"
    files = library.xsd_files(key)
    below = {f"{place}/{path}": text for path, text in files.items()} if len(files) > 1 else {}
    return {
        f"{place}.html": library.page(key),
        f"{place}.xsd": library.xsd(key),
        f"{place}.schema.json": library.json_schema(key),
        **below,
    }


def _codelists(library: Library) -> dict[str, bytes]:
    return {f"codelists/{name}.html": library.codelist_page(name) for name in library.codelists.lists}


class Folder:
    """The folder that is written to. It knows what an earlier build left there, so that nothing outdated stays."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written: list[str] = []

    def write(self, files: dict[str, bytes]) -> None:
        """Put files below the folder. Raises ValueError for a name that leads out of it: names come from packages."""
        for name, body in files.items():
            file = self._within(name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
            self.written.append(name)

    def finish(self) -> None:
        """Remove what the build before wrote and this one did not, and note what this one wrote."""
        note = self.path / NOTE
        before = note.read_text(encoding="utf-8").splitlines() if note.is_file() else []
        for name in set(before) - set(self.written):
            self._within(name).unlink(missing_ok=True)
        note.write_text("".join(f"{name}\n" for name in self.written), encoding="utf-8")

    def _within(self, name: str) -> Path:
        file = (self.path / name).resolve()
        if not file.is_relative_to(self.path.resolve()):
            raise ValueError(f"{name} leads out of {self.path}")
        return file
