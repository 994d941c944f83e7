"""The part of the store that `gateway.notify.told` describes: what traders are told, and what is sent to them."""

from collections.abc import Collection
from functools import partial

from gateway.notify.told import Asked, Callback, DeadLetter, Mark, Push, Requeued, Standing, Told
from gateway.store import sqlite_notifications, sqlite_pushes
from gateway.store.part import Part


class SqliteTold(Part):
    """Notifications, and addresses of traders."""

    async def notifications(self, asked: Asked) -> list[Told]:
        return await self._opened.readers.run(lambda db: sqlite_notifications.notifications(db, asked))

    async def mark(self, account_id: int) -> Mark:
        return await self._opened.readers.run(lambda db: sqlite_notifications.mark(db, account_id))

    async def latest_notifications(self, account_ids: Collection[int]) -> dict[int, int]:
        return await self._opened.readers.run(lambda db: sqlite_notifications.latest(db, account_ids))

    async def acknowledge(self, account_id: int, through: int, at: str) -> Mark:
        return await self._opened.writer.run(lambda db: sqlite_notifications.acknowledge(db, account_id, through, at))

    async def acknowledge_some(self, account_id: int, numbers: Collection[int], at: str) -> Mark:
        some = partial(sqlite_notifications.acknowledge_some, account_id=account_id, numbers=numbers, at=at)
        return await self._opened.writer.run(some)

    async def prune_notifications(self, before: str, bite: int) -> int:
        pruned = 0
        for account_id in await self._opened.readers.run(lambda db: sqlite_notifications.overfull(db, before)):
            taken = bite
            while taken == bite:
                taken = await self._opened.writer.run(
                    partial(sqlite_notifications.prune, account_id=account_id, before=before, limit=bite)
                )
                pruned += taken
        return pruned

    async def set_callback(self, name: str, url: str, secret: str, *, rotate: bool = True) -> bool:
        return await self._opened.writer.run(lambda db: sqlite_pushes.set_callback(db, name, url, secret, rotate))

    async def callback(self, account_id: int) -> Callback | None:
        return await self._opened.readers.run(lambda db: sqlite_pushes.callback(db, account_id))

    async def standing(self, account_id: int) -> Standing:
        return await self._opened.readers.run(lambda db: sqlite_pushes.standing(db, account_id))

    async def requeue(self, asked: Asked, at: str) -> Requeued:
        return await self._opened.writer.run(lambda db: sqlite_pushes.requeue(db, asked, at))

    async def remove_callback(self, name: str) -> None:
        await self._opened.writer.run(lambda db: sqlite_pushes.remove_callback(db, name))

    async def due_callbacks(self, now: str) -> list[Callback]:
        return await self._opened.readers.run(lambda db: sqlite_pushes.due_callbacks(db, now))

    async def due_pushes(self, account_id: int, now: str, limit: int) -> list[Push]:
        return await self._opened.readers.run(lambda db: sqlite_pushes.due(db, account_id, now, limit))

    async def push_taken(self, account_id: int, number: int, at: str) -> None:
        await self._opened.writer.run(lambda db: sqlite_pushes.taken(db, account_id, number, at))

    async def push_failed(self, account_id: int, number: int, at: str, again_at: str | None, problem: str) -> None:
        failed = partial(
            sqlite_pushes.failed, account_id=account_id, number=number, at=at, again_at=again_at, problem=problem
        )
        await self._opened.writer.run(failed)

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        return await self._opened.readers.run(lambda db: sqlite_pushes.dead_letters(db, limit))

    async def redeliver(self, name: str, at: str) -> int:
        return await self._opened.writer.run(lambda db: sqlite_pushes.redeliver(db, name, at))
