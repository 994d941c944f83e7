"""Where pure work on a message is done: small ones at once, bigger ones in a thread, big ones in their own process.

Below `THREAD` the hand-over to a thread costs more than the work. Between the two, a thread holds up the others for no
longer than they would notice, and costs less than a process. From `PROCESS` on nothing but another process lets the
others go on. At most `THREADS` messages are in threads at one time, which nobody else uses: however many hostile ones
come, they wait for one another, and the store, the folders and the published pages have threads of their own.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Concatenate, Final, ParamSpec, TypeVar

from gateway.service import Gateway

THREAD: Final = 64 * 1024  # bytes
PROCESS: Final = 256 * 1024
THREADS: Final = 2

P = ParamSpec("P")
R = TypeVar("R")

_WORKERS: Final = ThreadPoolExecutor(THREADS, thread_name_prefix="guichet-message")  # none is started before its use


async def offload(
    gateway: Gateway, size: int, work: Callable[Concatenate[Gateway, P], R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """What `work` returns or raises, a function of a module; `size` is that of the message in bytes.

    Raises WorkLost where a process was lost with it. In a process, `gateway` has what was read at the start, and
    neither a store nor adapters: work is pure.
    """
    if size <= THREAD:
        return work(gateway, *args, **kwargs)
    if size > PROCESS and gateway.workshop.is_open:
        return await gateway.workshop.run(work, *args, **kwargs)
    inside = copy_context()  # the language that is spoken goes along
    call = partial(work, gateway, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_WORKERS, inside.run, call)
