"""Where pure work on a message is done: big ones in a thread, so that they hold up nobody; small ones at once.

Below the threshold the hand-over to a thread costs more than the work. At most `THREADS` big messages are worked on at
one time, in threads that nobody else uses: however many hostile ones come, they wait for one another, and the store,
the folders and the published pages have threads of their own.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Final, ParamSpec, TypeVar

THRESHOLD: Final = 64 * 1024
THREADS: Final = 2

P = ParamSpec("P")
R = TypeVar("R")

_WORKERS: Final = ThreadPoolExecutor(THREADS, thread_name_prefix="guichet-message")  # none is started before its use


async def offload(size: int, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What `work` returns or raises; `size` is that of the message in bytes."""
    if size <= THRESHOLD:
        return work(*args, **kwargs)
    inside = copy_context()  # the language that is spoken goes along
    call = partial(work, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_WORKERS, inside.run, call)
