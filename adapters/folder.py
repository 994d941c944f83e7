"""The `folder` channel: deliveries and decisions are files in a folder that gateway and agency share.

    ROOT/to-agency/    one file per delivery, <delivery id>.xml or .json, and per notice, <delivery id>.<number>.xml or
                       .json; the agency takes each away when it has read it
    ROOT/from-agency/  decisions, any name ending in .xml or .json; the gateway takes them away
    ROOT/done/         decisions that were stored
    ROOT/rejected/     files that were not, each with <name>.problem.txt beside it

The rule for both sides is *rename*: write under a name that starts with a dot or ends in .tmp or .part, then rename
within the folder. A rename shows the whole file or none; how old or how quiet a file is proves nothing, so neither is
looked at. A decision holds its delivery's id inside; its file name says nothing.

The agency can put anything into this folder, so files are opened relative to folders that are held open, symbolic
links are never followed and only regular files are read. ROOT itself must exist: where a share is not mounted, making
the folder would hide every delivery on the local disk.
"""

import asyncio
import errno
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import TypeVar

from adapters.port import DEFAULT_TIMEOUT_SECONDS, Declined, Outgoing, OutgoingNotice, Pickup, Receipt, Unreachable

MAX_FILE_BYTES = 1024 * 1024
MAX_FILES_AT_ONCE = 32
MAX_PROBLEM_CHARACTERS = 4000
MAX_NAME_CHARACTERS = 120
# One for drops and one for pick-ups. A share that hangs holds these two and not the threads of the other channels.
THREADS = 2

TO_AGENCY, FROM_AGENCY, DONE, REJECTED = "to-agency", "from-agency", "done", "rejected"
ENDINGS = {"application/xml": ".xml", "application/json": ".json"}
MEDIA = {ending: media for media, ending in ENDINGS.items()}
PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
ODD = re.compile(r"[^A-Za-z0-9._-]", re.ASCII)

Result = TypeVar("Result")


class FolderAdapter:
    """One agency's folder. `timeout` is in seconds, for one drop, one pick-up or one settlement."""

    def __init__(self, folder: str | Path, *, timeout: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        self._root = Path(folder)
        self._timeout = timeout
        self._closed = False
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="folder")

    async def send(self, outgoing: Outgoing) -> Receipt:
        """Drop one file. The same delivery again replaces the file, or puts it back if the agency took it away."""
        await self._put(outgoing.delivery_id, outgoing.media, outgoing.body)
        return Receipt()

    async def tell(self, notice: OutgoingNotice) -> None:
        """Drop one file beside that of the delivery, which stays as it is."""
        await self._put(notice.notice_id, notice.media, notice.body)

    async def _put(self, name: str, media: str, body: bytes) -> None:
        ending = ENDINGS.get(media)
        if ending is None or not PLAIN_ID.fullmatch(name):
            raise Declined(f"cannot be a file name: {name!r} as {media!r}")
        await self._away(lambda: self._drop(name, ending, body))

    async def pick_up(self) -> list[Pickup]:
        """At most 32 decisions, oldest first. What cannot be one is moved to rejected/ on the way."""
        return await self._away(self._pick_up)

    async def settle(self, token: str, problem: str | None) -> None:
        """Move the file away. One that is gone already, or was replaced since the pick-up, is left as it is."""
        await self._away(lambda: self._settle(token, problem))

    async def close(self) -> None:
        """Let running file work end by itself; nothing new is begun."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _away(self, work: Callable[[], Result]) -> Result:
        """Blocking file work in this channel's own threads."""
        if self._closed:
            raise Unreachable("this channel is closed")
        try:
            running = asyncio.get_running_loop().run_in_executor(self._threads, work)
            return await asyncio.wait_for(running, self._timeout)
        except TimeoutError as error:
            raise Unreachable(f"the folder did not answer within {self._timeout:g} s") from error
        except OSError as error:
            raise Unreachable(f"the folder is not usable: {error.strerror or error}") from error

    @contextmanager
    def _open(self, *names: str) -> Iterator[list[int]]:
        """Descriptors of subfolders, made where missing, that stay what they are even if somebody renames them."""
        opened: list[int] = []
        try:
            root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
            opened.append(root)
            for name in names:
                opened.append(_subfolder(root, name))
            yield opened[1:]
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def _drop(self, delivery_id: str, ending: str, body: bytes) -> None:
        with self._open(TO_AGENCY) as (folder,):
            _write(folder, delivery_id + ending, body)

    def _pick_up(self) -> list[Pickup]:
        found: list[Pickup] = []
        with self._open(FROM_AGENCY, REJECTED) as (source, rejected):
            for name in _complete(source):
                pickup = _offer(source, rejected, name)
                if pickup is not None:
                    found.append(pickup)
                if len(found) == MAX_FILES_AT_ONCE:
                    break
        return found

    def _settle(self, token: str, problem: str | None) -> None:
        name, _, mark = token.rpartition("?")
        with self._open(FROM_AGENCY, DONE, REJECTED) as (source, done, rejected):
            try:
                facts = os.stat(name, dir_fd=source, follow_symlinks=False)
            except FileNotFoundError:
                return
            if _mark(facts) != mark:
                return
            if problem is None:
                _move(source, name, done)
            else:
                _reject(source, name, rejected, problem)


def _subfolder(root: int, name: str) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(name, flags, dir_fd=root)
    except FileNotFoundError:
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=root)
        return os.open(name, flags, dir_fd=root)


def _write(folder: int, name: str, body: bytes) -> None:
    """A whole file or none, also through a power cut: file synced, renamed, folder synced."""
    hidden = f".{name}.{secrets.token_hex(4)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(hidden, flags, 0o640, dir_fd=folder), "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.rename(hidden, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(hidden, dir_fd=folder)
        raise
    os.fsync(folder)


def _complete(source: int) -> list[str]:
    """Names that the rename rule calls complete, oldest first. Subfolders are the agency's own affair."""
    aged: list[tuple[int, str]] = []
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.endswith((".tmp", ".part")):
                continue
            if entry.is_dir(follow_symlinks=False):
                continue
            try:
                aged.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))
            except FileNotFoundError:
                continue
    return [name for _, name in sorted(aged)]


def _offer(source: int, rejected: int, name: str) -> Pickup | None:
    """A decision waiting, or None: gone meanwhile (somebody else took it), or moved to rejected/ with the reason."""
    media = MEDIA.get(PurePath(name).suffix)
    try:
        if media is None:
            raise _NotADecision("the name does not end in .xml or .json")
        if len(name) > MAX_NAME_CHARACTERS or ODD.search(name):
            raise _NotADecision(f"the name must be at most {MAX_NAME_CHARACTERS} of A-Z a-z 0-9 . _ -")
        mark, body = _read(source, name)
    except FileNotFoundError:
        return None
    except _NotADecision as problem:
        _reject(source, name, rejected, str(problem))
        return None
    return Pickup(f"{name}?{mark}", media, body)


class _NotADecision(Exception):
    """Why this file is put aside without reading it further."""


def _read(source: int, name: str) -> tuple[str, bytes]:
    try:
        # O_NONBLOCK: opening a named pipe would otherwise wait for a writer.
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=source)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _NotADecision("symbolic links are not followed") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.ENXIO):
            raise _NotADecision(f"the file cannot be opened: {error.strerror}") from error
        raise
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise _NotADecision("not a regular file")
        body = file.read(MAX_FILE_BYTES + 1)
    if len(body) > MAX_FILE_BYTES:
        raise _NotADecision(f"longer than {MAX_FILE_BYTES} bytes")
    return _mark(facts), body


def _mark(facts: os.stat_result) -> str:
    """Tells a file from one that later takes its name."""
    return f"{facts.st_ino}-{facts.st_mtime_ns}-{facts.st_size}"


def _reject(source: int, name: str, rejected: int, problem: str) -> None:
    kept = _move(source, name, rejected)
    if kept is not None:
        text = "".join(character if character.isprintable() else " " for character in problem)
        _write(rejected, f"{kept}.problem.txt", f"{text[:MAX_PROBLEM_CHARACTERS]}\n".encode("utf-8", "replace"))


def _move(source: int, name: str, target: int) -> str | None:
    """Out of from-agency/, under a plain name that is free; None where somebody else moved it first."""
    kept = _free_name(target, name)
    try:
        os.rename(name, kept, src_dir_fd=source, dst_dir_fd=target)
    except FileNotFoundError:
        return None
    os.fsync(target)
    os.fsync(source)
    return kept


def _free_name(folder: int, name: str) -> str:
    plain = PurePath(ODD.sub("_", name))
    stem, ending = plain.stem[:MAX_NAME_CHARACTERS], plain.suffix[:MAX_NAME_CHARACTERS]
    kept = stem + ending
    try:
        os.stat(kept, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return kept
    return f"{stem}.{secrets.token_hex(4)}{ending}"
