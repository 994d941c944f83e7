"""A gateway in a process of its own, for tests that measure it: `python -m tests.gateway.http.serving FOLDER CEILING`.

It prints its port and a trader's key, and serves until its standard input ends.
"""

import asyncio
import sys
from pathlib import Path

from tests.gateway.http.conftest import housed


async def main(folder: str, ceiling: str) -> None:
    async with housed(Path(folder), ceiling=int(ceiling)) as house:
        print(house.port, house.keys["trader"], flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main(*sys.argv[1:]))
