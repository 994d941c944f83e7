"""A few threads that read, each with a connection of its own.

Rule: each reading is one transaction. Reason: a case is several tables, and a reader must not see the case of one
moment with the deliveries of the next. Readers never wait for the writer, nor the writer for them.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class Readers:
    """As many threads as connections, so that a thread always finds a connection idle."""

    def __init__(self, connections: list[sqlite3.Connection]) -> None:
        self._connections = connections
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        for connection in connections:
            self._idle.put(connection)
        self._threads = ThreadPoolExecutor(len(connections), thread_name_prefix="guichet-reader")

    async def run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """What `query` finds in one consistent view of the database."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, query)

    async def stop(self) -> None:
        """Finish the readings under way, then close the connections."""
        await asyncio.to_thread(self._threads.shutdown)
        for connection in self._connections:
            connection.close()

    def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._idle.get_nowait()
        try:
            connection.execute("BEGIN")
            try:
                return query(connection)
            finally:
                connection.execute("ROLLBACK")
        finally:
            self._idle.put(connection)
