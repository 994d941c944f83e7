"""Where the bytes of documents stay, behind one URL: a folder of this host, or a store of S3, Google or Azure.

Rule: what stands under a key is whole, or is not there. Reason: a document that was confirmed must be there after any
crash. Into a folder a file is moved, which is one step of the file system, when what it holds is on disk; and the
folder is written too, before anybody is told. The other stores do the same for an upload that ends.
Credentials of those are in the environment, under the names that the provider's own tools have.
"""

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

BLOCK: Final = 256 * 1024
PART: Final = 8 * 1024 * 1024  # bytes of one part of an upload to a store elsewhere
PARTS: Final = 2  # of one document under way at one time: more would only take memory
_FOLDER: Final = "file://"


class ObjectsAtUrl:
    """Objects in a store that obstore knows."""

    def __init__(self, store: ObjectStore | None) -> None:
        self._opened = store

    @property
    def _store(self) -> ObjectStore:
        if self._opened is None:
            raise FileNotFoundError("there is no store of objects yet")
        return self._opened

    async def put(self, key: str, file: Path) -> None:
        await obstore.put_async(self._store, key, file, chunk_size=PART, max_concurrency=PARTS)
        await asyncio.to_thread(file.unlink, missing_ok=True)

    async def has(self, key: str) -> bool:
        try:
            await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return False
        return True

    async def read(self, key: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        found = await obstore.get_async(self._store, key, options={"range": (start, end)})
        async for block in found.stream(min_chunk_size=BLOCK):
            yield bytes(block)

    async def delete(self, key: str) -> None:
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return


class ObjectsInFolder(ObjectsAtUrl):
    """Objects as files of a folder, which is made when the first comes; the files that come are beside it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(None)
        self._folder = folder.resolve()

    @property
    def _store(self) -> ObjectStore:
        if self._opened is None and self._folder.is_dir():
            self._opened = LocalStore(self._folder)
        return super()._store

    async def put(self, key: str, file: Path) -> None:
        await asyncio.to_thread(self._move, key, file)

    def _move(self, key: str, file: Path) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.replace(self._folder / key)
        for folder in self._folder, self._folder.parent, file.parent:
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


class Place(NamedTuple):
    """Where documents stay, and the folder of this host in which they come in."""

    objects: ObjectsAtUrl
    incoming: Path


def place_at(url: str, beside: Path) -> Place:
    """The place that the URL names; without one, the folder `beside`. Raises ValueError."""
    if not url or url.startswith(_FOLDER):
        folder = Path(unquote(url.removeprefix(_FOLDER))) if url else beside
        if not folder.is_absolute() and url:
            raise ValueError(f"documents.url: {url!r} must be file:/// and an absolute path")
        return Place(ObjectsInFolder(folder / "objects"), folder / "incoming")
    try:
        store = from_url(url)
    except Exception as error:  # obstore has many, and each is about the URL or what the environment says to it
        raise ValueError(f"documents.url: {url!r} cannot be used: {str(error).splitlines()[0]}") from error
    return Place(ObjectsAtUrl(store), beside / "incoming")
