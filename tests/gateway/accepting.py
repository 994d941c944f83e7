"""A process that accepts declarations until it is killed: `python -m tests.gateway.accepting DATABASE`.

It prints `accepted MRN` and `applied MRN` for each step, after the store has answered and not before.
"""

import asyncio
import sys
from itertools import count
from pathlib import Path

from gateway.ports import DeliveryChange
from gateway.store.sqlite import SqliteStore
from tests.gateway.ledger import admission, change, digest, mrn


async def work(store, account_id, numbers):
    for number in numbers:
        accepted = await store.accept(admission(account_id, number, ("FSA", "PHA")))
        print("accepted", accepted.mrn, flush=True)
        step = change(await store.case_file(mrn(number)), number, DeliveryChange(id=f"FSA-{number}", state="awaiting"))
        await store.apply(step)
        print("applied", accepted.mrn, flush=True)


async def main(database):
    store = SqliteStore(Path(database))
    await store.open()
    account = await store.add_account("Example Flowers", "trader", None, digest(b"key"))
    numbers = count()
    await asyncio.gather(*(work(store, account.id, numbers) for _ in range(8)))


asyncio.run(main(sys.argv[1]))
