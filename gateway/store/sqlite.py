"""The embedded store: one SQLite file, one writer that commits in groups, a few readers.

Rule: a method that writes returns after its commit is on disk (write-ahead log, synchronous FULL); a reading that
starts afterwards sees it. Reason: the trader's 202 is a promise, and a promise must survive a power cut.
The methods say no more than the protocol in `gateway.ports`; what they do is in `sqlite_groups`, `sqlite_writes` and
`sqlite_reads`.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from time import time_ns
from typing import NamedTuple

from gateway.access.users import SigningKey, User
from gateway.acts.appeals import Appeal, AppealMessage
from gateway.acts.due import Due
from gateway.acts.keys import ActKey, KeyUse
from gateway.bulk.taken import TakenItem
from gateway.census import Census
from gateway.conflicts import Conflict
from gateway.notices.records import KeptAnswer, ListedNotice
from gateway.ports import (
    FIRST_KEY,
    Acceptance,
    Account,
    AdditionalMessage,
    Admission,
    CaseChange,
    CaseFile,
    CasesAsked,
    CasesFound,
    Claim,
    Dispatch,
    Holder,
    KeyTerms,
    Listed,
    StoredMessage,
)
from gateway.store import (
    sqlite_appeals,
    sqlite_bulk,
    sqlite_cases,
    sqlite_file,
    sqlite_groups,
    sqlite_keys,
    sqlite_notices,
    sqlite_pushes,
    sqlite_reads,
    sqlite_supplements,
    sqlite_trial,
    sqlite_users,
    sqlite_writes,
)
from gateway.store.readers import Readers
from gateway.store.sqlite_attachments import SqliteDocuments, gone_is_told
from gateway.store.sqlite_mandates import Mandates
from gateway.store.sqlite_told import SqliteTold
from gateway.store.turns import Turns
from gateway.store.writer import Writer
from gateway.traces.span import Facts
from gateway.traces.tracer import Tracer
from gateway.trial.kept import Pending, Turn

BUSY_SECONDS = 5.0


class _Session(NamedTuple):
    lock: int | None
    turns: Turns
    writer: Writer
    readers: Readers


class SqliteStore(Mandates, SqliteDocuments, SqliteTold):
    """A `gateway.ports.Store` in the file at `path`, made with its folders when it is not there.

    `group_limit` bounds what one commit holds, `waiting_limit` how many writes may wait before callers do;
    `busy_seconds` is how long to wait for some other program that holds the database's write lock. One that is not
    `exclusive` may be opened beside others: by each process of a gateway that holds the database (see `held`), and
    beside a running gateway, for the few writes of an operator. It makes no folders, because a path that does not exist
    is then a slip of the pen. `committed` is told of every commit (see `Writer`),
    `tracer` of every step of a case.
    """

    def __init__(  # noqa: PLR0913  what may be chosen of a store
        self,
        path: Path,
        *,
        readers: int = 2,
        group_limit: int = 256,
        waiting_limit: int = 2048,
        busy_seconds: float = BUSY_SECONDS,
        exclusive: bool = True,
        committed: Callable[[int, float], None] | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self._path = path.resolve()  # one lock for one file, however it is spelled
        self._readers, self._group_limit, self._waiting_limit = readers, group_limit, waiting_limit
        self._busy_seconds, self._exclusive, self._committed = busy_seconds, exclusive, committed
        self._tracer = tracer
        self._session: _Session | None = None

    @property
    def commits(self) -> int:
        """How many groups this session has committed."""
        return self._opened.writer.commits

    @property
    def _opened(self) -> _Session:
        if self._session is None:
            raise RuntimeError("the store is not open")
        return self._session

    async def open(self) -> None:
        """Raises DatabaseInUse where another process writes to the file, UnfitDatabase where it cannot serve."""
        if self._session is not None:
            raise RuntimeError("the store is open already")
        try:
            lock, turns, writing, reading = await asyncio.to_thread(self._connect)
        except (OSError, sqlite3.Error) as error:
            raise sqlite_file.UnfitDatabase(f"{self._path} cannot be opened: {error}") from error
        writer = Writer(
            writing,
            group_limit=self._group_limit,
            waiting_limit=self._waiting_limit,
            turns=turns,
            committed=self._committed,
        )
        self._session = _Session(lock, turns, writer, Readers(reading))

    def _connect(self) -> tuple[int | None, Turns, sqlite3.Connection, list[sqlite3.Connection]]:
        with ExitStack() as undo:
            lock = None
            if self._exclusive:
                lock = _claim(self._path)
                undo.callback(os.close, lock)
            turns = Turns(sqlite_file.turns_file(self._path))
            undo.callback(turns.close)
            writing = sqlite_file.connect_to_write(self._path, self._busy_seconds)
            undo.callback(writing.close)
            reading = [sqlite_file.connect_to_read(self._path, self._busy_seconds) for _ in range(self._readers)]
            undo.pop_all()
        return lock, turns, writing, reading

    async def close(self) -> None:
        """The writer goes last, so that its connection can fold the write-ahead log into the file."""
        session, self._session = self._session, None
        if session is None:
            return
        await session.readers.stop()
        await session.writer.stop()
        session.turns.close()
        if session.lock is not None:
            os.close(session.lock)

    async def ping(self) -> None:
        await self._opened.writer.run(sqlite_writes.ping)

    async def add_account(
        self,
        name: str,
        role: str,
        agency: str | None,
        key_digest: str,
        terms: KeyTerms = FIRST_KEY,
        test: bool = False,
    ) -> Account:
        return await self._opened.writer.run(
            lambda db: sqlite_writes.add_account(db, name, role, agency, key_digest, terms, test)
        )

    async def add_key(self, name: str, key_digest: str, terms: KeyTerms, today: str, most: int) -> Holder:
        return await self._opened.writer.run(lambda db: sqlite_writes.add_key(db, name, key_digest, terms, today, most))

    async def revoke_key(self, name: str, key_id: str, at: str) -> Holder:
        return await self._opened.writer.run(lambda db: sqlite_writes.revoke_key(db, name, key_id, at))

    async def note_use(self, key_digest: str, day: str) -> None:
        await self._opened.writer.run(lambda db: sqlite_writes.note_use(db, key_digest, day))

    async def holder(self, key_digest: str) -> Holder | None:
        return await self._opened.readers.run(lambda db: sqlite_reads.holder(db, key_digest))

    async def keys(self, name: str | None = None) -> list[Holder]:
        return await self._opened.readers.run(lambda db: sqlite_reads.keys(db, name))

    async def accounts(self) -> list[Account]:
        return await self._opened.readers.run(sqlite_reads.accounts)

    async def revoke_account(self, name: str, at: str) -> Account:
        return await self._opened.writer.run(lambda db: sqlite_writes.revoke_account(db, name, at))

    async def users(self, account: str | None = None) -> list[User]:
        return await self._opened.readers.run(lambda db: sqlite_users.users(db, account))

    async def add_user(self, account: str, name: str, scopes: tuple[str, ...] | None, at: str) -> User:
        return await self._opened.writer.run(lambda db: sqlite_users.add_user(db, account, name, scopes, at))

    async def revoke_user(self, account: str, name: str, at: str) -> User:
        return await self._opened.writer.run(lambda db: sqlite_users.revoke_user(db, account, name, at))

    async def signing_keys(self) -> list[SigningKey]:
        return await self._opened.readers.run(sqlite_users.signing_keys)

    async def first_signing_key(self, key: SigningKey) -> None:
        await self._opened.writer.run(lambda db: sqlite_users.first_signing_key(db, key))

    async def rotate_signing_key(self, key: SigningKey, forget: bool) -> None:
        await self._opened.writer.run(lambda db: sqlite_users.rotate_signing_key(db, key, forget))

    async def accept(self, admission: Admission) -> Acceptance:
        with gone_is_told():
            answer = await self._opened.writer.join(sqlite_groups.accept, admission)
        if isinstance(answer, Conflict):
            raise answer
        return answer

    async def repeated(self, admission: Admission) -> Acceptance | None:
        (found,) = await self._opened.readers.run(lambda db: sqlite_reads.earlier(db, [admission]))
        if isinstance(found, Conflict):
            raise found
        return None if found is None else found.answer

    async def case_file(self, mrn: str, account_id: int | None = None) -> CaseFile | None:
        find = sqlite_reads.CASE_BY_MRN
        return await self._opened.readers.run(lambda db: sqlite_reads.case_file(db, find, mrn, account_id))

    async def cases(self, asked: CasesAsked) -> CasesFound:
        return await self._opened.readers.run(lambda db: sqlite_cases.cases(db, asked))

    async def message(self, case_id: int) -> StoredMessage:
        return await self._opened.readers.run(lambda db: sqlite_reads.message(db, case_id))

    async def additional(self, case_id: int, kind: str, number: int | None = None) -> AdditionalMessage | None:
        return await self._opened.readers.run(lambda db: sqlite_reads.additional(db, case_id, kind, number))

    async def case_of_delivery(self, delivery_id: str) -> CaseFile | None:
        find = sqlite_reads.CASE_BY_DELIVERY
        return await self._opened.readers.run(lambda db: sqlite_reads.case_file(db, find, delivery_id, None))

    async def apply(self, change: CaseChange) -> bool:
        begun = time_ns()
        with gone_is_told():
            written = await self._opened.writer.join(sqlite_groups.apply, change)
        if written and self._tracer is not None and self._tracer.on:
            kinds = [event.kind for event in change.events]
            facts: Facts = {"guichet.events": kinds, "guichet.state": change.state}
            self._tracer.stage(change.conversation_id, kinds[0] if kinds else "step", begun, facts)
        return written

    async def under_key(self, account_id: int, key: str) -> KeyUse | None:
        return await self._opened.readers.run(lambda db: sqlite_keys.use(db, account_id, key))

    async def keep_key(self, case_id: int, key: ActKey) -> bool:
        return await self._opened.writer.run(lambda db: sqlite_keys.keep(db, case_id, key))

    async def appeals(self, case_id: int) -> list[Appeal]:
        return await self._opened.readers.run(lambda db: sqlite_appeals.of_case(db, case_id))

    async def open_appeals(self, agency: str | None, limit: int) -> list[Appeal]:
        return await self._opened.readers.run(lambda db: sqlite_appeals.waiting(db, agency, limit))

    async def appeal_on(self, agency: str, delivery_id: str) -> Appeal | None:
        return await self._opened.readers.run(lambda db: sqlite_appeals.on(db, agency, delivery_id))

    async def appeal_message(self, mrn: str, number: int) -> AppealMessage | None:
        return await self._opened.readers.run(lambda db: sqlite_appeals.message(db, mrn, number))

    async def appeal_record(self, mrn: str, number: int) -> bytes | None:
        return await self._opened.readers.run(lambda db: sqlite_appeals.record(db, mrn, number))

    async def claim(self, agency: str, limit: int, now: str, lease_until: str) -> list[Claim]:
        return await self._opened.writer.run(lambda db: sqlite_writes.claim(db, agency, limit, now, lease_until))

    async def release_claims(self, now: str) -> None:
        await self._opened.writer.run(lambda db: sqlite_writes.release_claims(db, now))

    async def next_attempt_at(self, agency: str) -> str | None:
        return await self._opened.readers.run(lambda db: sqlite_reads.next_attempt_at(db, agency))

    async def inbox(self, agency: str, after: str | None, limit: int) -> list[Listed]:
        find, of = sqlite_reads.INBOX, {"agency": agency}
        return await self._opened.readers.run(lambda db: sqlite_reads.page(db, find, of, after, limit))

    async def undecided(self, state: str, after: str | None, limit: int) -> list[Listed]:
        find, of = sqlite_reads.UNDECIDED, {"state": state}
        return await self._opened.readers.run(lambda db: sqlite_reads.page(db, find, of, after, limit))

    async def census(self, now: str) -> Census:
        backlog, unsent = await self._opened.readers.run(
            lambda db: (sqlite_reads.backlog(db, now), sqlite_pushes.unsent(db))
        )
        return Census(backlog, await asyncio.to_thread(sqlite_file.log_bytes, self._path), unsent)

    async def fetch(self, agency: str, delivery_id: str) -> Dispatch | None:
        return await self._opened.readers.run(lambda db: sqlite_reads.fetch(db, agency, delivery_id))

    async def claim_notices(self, agency: str, limit: int, now: str, lease_until: str) -> list[ListedNotice]:
        return await self._opened.writer.run(lambda db: sqlite_notices.claim(db, agency, limit, now, lease_until))

    async def put_off_notice(self, notice_id: str, again_at: str, problem: str) -> None:
        await self._opened.writer.run(lambda db: sqlite_notices.put_off(db, notice_id, again_at, problem))

    async def next_notice_at(self, agency: str) -> str | None:
        return await self._opened.readers.run(lambda db: sqlite_notices.next_at(db, agency))

    async def pending_notices(self, agency: str, after: str | None, limit: int) -> list[ListedNotice]:
        find, of = sqlite_notices.PENDING, {"agency": agency}
        return await self._opened.readers.run(lambda db: sqlite_notices.page(db, find, of, after, limit))

    async def notice(self, notice_id: str) -> ListedNotice | None:
        return await self._opened.readers.run(lambda db: sqlite_notices.fetch(db, notice_id))

    async def parked_notices(self, after: str | None, limit: int) -> list[ListedNotice]:
        return await self._opened.readers.run(
            lambda db: sqlite_notices.page(db, sqlite_notices.PARKED, {}, after, limit)
        )

    async def kept_answer(self, case_id: int, query: str) -> KeptAnswer | None:
        return await self._opened.readers.run(lambda db: sqlite_notices.kept_answer(db, case_id, query))

    async def batch_items(self, account_id: int, batch: str, after: str | None, limit: int) -> list[TakenItem]:
        return await self._opened.readers.run(lambda db: sqlite_bulk.items(db, account_id, batch, after, limit))

    async def ahead(self, account_id: int) -> int:
        return await self._opened.readers.run(lambda db: sqlite_trial.ahead(db, account_id))

    async def put_forward(self, account_id: int, seconds: int) -> None:
        await self._opened.writer.run(lambda db: sqlite_trial.put_forward(db, account_id, seconds))

    async def due_turns(self, now: str, limit: int) -> list[Turn]:
        return await self._opened.readers.run(lambda db: sqlite_trial.due_turns(db, now, limit))

    async def turns(self, account_id: int, until: str, limit: int) -> list[Turn]:
        return await self._opened.readers.run(lambda db: sqlite_trial.turns(db, account_id, until, limit))

    async def pending_turns(self, account_id: int) -> Pending:
        return await self._opened.readers.run(lambda db: sqlite_trial.pending_turns(db, account_id))

    async def first_try(self, account_id: int, digest: str) -> bool:
        return await self._opened.writer.run(lambda db: sqlite_trial.first_try(db, account_id, digest))

    async def supplements_due(self, before: str, limit: int) -> list[Due]:
        return await self._opened.readers.run(lambda db: sqlite_supplements.due(db, before, limit))

    async def forget_supplement(self, due: Due) -> None:
        await self._opened.writer.run(lambda db: sqlite_supplements.forget(db, due))


@contextmanager
def held(path: Path, now: str) -> Iterator[None]:
    """The database claimed for this process and those that it forks inside, which open it as stores not `exclusive`.

    On entry the tables reach their newest form, and what a dead gateway had claimed becomes due. No connection stays
    open, because SQLite's must not be carried into a fork. At the end all is in one file again: the processes that used
    it may each have left that to another. Raises DatabaseInUse and UnfitDatabase.
    """
    path = path.resolve()
    with ExitStack() as undo:
        try:
            undo.callback(os.close, _claim(path))
            with closing(sqlite_file.connect_to_write(path, BUSY_SECONDS)) as connection:
                sqlite_writes.release_claims(connection, now)
        except (OSError, sqlite3.Error) as error:
            raise sqlite_file.UnfitDatabase(f"{path} cannot be opened: {error}") from error
        yield
        with suppress(OSError, sqlite3.Error):  # then the next to open it folds the log, as after a crash
            sqlite_file.connect_to_write(path, BUSY_SECONDS).close()


def _claim(path: Path) -> int:
    """The lock of a database, whose folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return sqlite_file.lock(path)
