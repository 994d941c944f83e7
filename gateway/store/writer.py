"""The one thread that writes, and commits in groups.

Rule: a caller is answered only after the commit that holds its work. Reason: a commit costs a wait for the disk, so
everything that is waiting when the disk is free shares one: a group is taken up only when it is this writer's turn
among the processes. Each piece of work stands in its own savepoint: one that fails undoes itself and nothing else. Work
of one kind that waits together is done together. How much may wait is bounded; beyond that, callers wait for a place.
"""

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

I = TypeVar("I")  # noqa: E741  an item
T = TypeVar("T")

# Work on all its items that wait together; gives a value for each.
Work = Callable[[sqlite3.Connection, Sequence[Any]], Sequence[Any]]


class _Job(NamedTuple):
    work: Work
    item: Any
    answer: asyncio.Future[Any]


class _Outcome(NamedTuple):
    answer: asyncio.Future[Any]
    value: Any = None
    error: Exception | None = None


class Writer:
    """Owns the write connection from now on. Made, used and stopped in one running event loop.

    Its thread tells `committed` of every commit: how much work was in it, and how many seconds it took.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        group_limit: int,
        waiting_limit: int,
        turns: AbstractContextManager[object] | None = None,
        committed: Callable[[int, float], None] | None = None,
    ) -> None:
        self.commits = 0
        self._connection, self._group_limit = connection, group_limit
        self._turns = turns or nullcontext()
        self._committed = committed
        self._loop = asyncio.get_running_loop()
        self._places = asyncio.Semaphore(waiting_limit)
        self._waiting: deque[_Job] = deque()
        self._arrival = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._write, name="guichet-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returned or raised, once it is on disk or undone. Giving up waiting does not stop the work."""
        value: T = await self._put(lambda connection, _: (work(connection),), None)
        return value

    async def join(self, work: Callable[[sqlite3.Connection, Sequence[I]], Sequence[T]], item: I) -> T:
        """As `run`, for work that is done on all the items at once which wait for it, and gives a value for each.

        Where it raises, it is done on each alone.
        """
        value: T = await self._put(work, item)
        return value

    async def _put(self, work: Work, item: Any) -> Any:
        await self._places.acquire()
        answer: asyncio.Future[Any] = self._loop.create_future()
        with self._arrival:
            if self._stopping:
                self._places.release()
                raise RuntimeError("the store is closed")
            self._waiting.append(_Job(work, item, answer))
            self._arrival.notify()
        return await answer

    async def stop(self) -> None:
        """Finish what is waiting, then close the connection."""
        with self._arrival:
            self._stopping = True
            self._arrival.notify()
        await asyncio.to_thread(self._thread.join)

    def _write(self) -> None:
        try:
            while self._work_comes():
                outcomes = self._commit()
                self._loop.call_soon_threadsafe(self._answer, outcomes)
        finally:
            self._connection.close()

    def _work_comes(self) -> bool:
        """Waits for work; False when there is nothing left and no more to come."""
        with self._arrival:
            self._arrival.wait_for(lambda: self._waiting or self._stopping)
            return bool(self._waiting)

    def _next_group(self) -> list[_Job]:
        """All that waits now, up to the limit."""
        with self._arrival:
            return [self._waiting.popleft() for _ in range(min(self._group_limit, len(self._waiting)))]

    def _commit(self) -> list[_Outcome]:
        try:
            with self._turns:
                return self._write_group(self._next_group())
        except OSError as failure:  # there is no turn to be had
            return _undone(self._next_group(), failure)

    def _write_group(self, group: list[_Job]) -> list[_Outcome]:
        connection, begun = self._connection, perf_counter()
        try:
            connection.execute("BEGIN IMMEDIATE")
            outcomes = [outcome for jobs in _by_work(group) for outcome in self._attempt(jobs)]
            connection.execute("COMMIT")
        except Exception as failure:  # the disk is full, another program holds the lock: the whole group is undone
            if connection.in_transaction:
                with suppress(sqlite3.Error):  # if even this fails, the next group fails at its begin and tries again
                    connection.execute("ROLLBACK")
            return _undone(group, failure)
        self.commits += 1
        if self._committed is not None:
            self._committed(len(group), perf_counter() - begun)
        return outcomes

    def _attempt(self, jobs: Sequence[_Job]) -> list[_Outcome]:
        """Jobs of one work: done together, or each alone where that fails."""
        connection = self._connection
        connection.execute("SAVEPOINT job")
        try:
            values = jobs[0].work(connection, [job.item for job in jobs])
            outcomes = [_Outcome(job.answer, value) for job, value in zip(jobs, values, strict=True)]
        except Exception as failure:
            if not connection.in_transaction:  # SQLite gave up the whole transaction, not only this statement
                raise
            connection.execute("ROLLBACK TO job")
            outcomes = [_Outcome(job.answer, error=failure) for job in jobs]
        connection.execute("RELEASE job")
        if len(jobs) > 1 and outcomes[0].error is not None:
            return [outcome for job in jobs for outcome in self._attempt([job])]
        return outcomes

    def _answer(self, outcomes: list[_Outcome]) -> None:
        """Runs in the event loop, once for each group."""
        for answer, value, error in outcomes:
            self._places.release()
            if answer.done():  # the caller gave up waiting
                continue
            if error is None:
                answer.set_result(value)
            else:
                answer.set_exception(error)


def _by_work(group: Sequence[_Job]) -> Iterable[list[_Job]]:
    """The jobs of each work; those that wait at one time have no order among them."""
    found: dict[Work, list[_Job]] = {}
    for job in group:
        found.setdefault(job.work, []).append(job)
    return found.values()


def _undone(group: list[_Job], failure: Exception) -> list[_Outcome]:
    """One exception each: a shared one would gather the tracebacks of all who raise it."""
    return [_Outcome(job.answer, error=_nothing_written(failure)) for job in group]


def _nothing_written(cause: Exception) -> sqlite3.OperationalError:
    failure = sqlite3.OperationalError(f"nothing was written: {cause}")
    failure.__cause__ = cause
    return failure
