"""Where pure work on a message is done: big ones in a thread, so that they hold up nobody; small ones at once.

Below the threshold the hand-over to a thread costs more than the work.
"""

import asyncio
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

THRESHOLD: Final = 64 * 1024

P = ParamSpec("P")
R = TypeVar("R")


async def offload(size: int, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What `work` returns or raises; `size` is that of the message in bytes."""
    if size > THRESHOLD:
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)
