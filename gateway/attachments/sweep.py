"""The end of what nobody needs: uploads that were not finished, documents that no case refers to, what a crash left.

One process of a gateway does this. A row goes to DELETING first, then the bytes go, then the row; a crash in between
leaves a row that the next sweep finds. What somebody writes to at this moment is left for that, too.
"""

import logging
from collections import Counter
from datetime import timedelta
from typing import Final

from gateway.attachments.documents import RECEIVING, STORING
from gateway.attachments.uploads import Uploads
from gateway.clock import Clock, stamp
from gateway.ports import Store

log = logging.getLogger(__name__)

BITE: Final = 200  # rows in one write, so that an acceptance never waits long behind them


async def sweep(store: Store, uploads: Uploads, clock: Clock) -> dict[str, int]:
    """End what has had its time, and say so: how many of which kind."""
    now, chosen = clock(), uploads.settings
    unfinished = stamp(now - timedelta(hours=chosen.finish))
    unused = stamp(now - timedelta(days=chosen.keep))
    ended: Counter[str] = Counter()
    size = BITE
    while size == BITE:
        found = await store.sweep_documents(unfinished, unused, stamp(now), BITE)
        size = 0
        for each in found:
            if await uploads.end(each.id):
                size += 1
                result = _result(each.state)
                ended[result] += 1
                uploads.numbers.ended(result)
    if ended:
        told = ", ".join(f"{count} {result}" for result, count in sorted(ended.items()))
        log.info("documents were removed: %s", told)
    return dict(ended)


def _result(state: str) -> str:
    """What became of a document that was in that state: `left` is what a crash left half deleted."""
    if state in (RECEIVING, STORING):
        return "unfinished"
    return "left" if state == "deleting" else "unused"
