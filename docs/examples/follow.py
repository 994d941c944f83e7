"""Lodge a declaration and follow it to its end.

    KEY=gk_... python docs/examples/follow.py http://127.0.0.1:8080 schemas/samples/import-hotel-supplies.xml

Start it again after whatever happened: the same file is the same declaration, so it goes on where it was.
"""

import asyncio
import hashlib
import os
import sys
from pathlib import Path

from gateway.client import Client, Refusal


async def follow(url: str, key: str, document: bytes) -> None:
    """Lodge, print each step as it happens, then what every agency said."""
    async with Client(url, key) as client:
        accepted = await client.lodge(document, key=hashlib.sha256(document).hexdigest())
        print(f"{accepted.mrn}  accepted at {accepted.accepted_at}{', before' if accepted.replayed else ''}")
        async for told in client.listen(accepted.mrn):
            words = (told.at, told.kind, told.agency, told.outcome, told.reason)
            print("  ".join(word for word in words if word))
        for agency in (await client.status(accepted.mrn)).agencies:
            permits = ", ".join(f"{permit.type} {permit.id}" for permit in agency.permits)
            print(f"{agency.name}: {agency.status}  {permits or agency.reason or ''}")


def main() -> int:
    """The exit code is 1 where the declaration is refused as it stands."""
    if len(sys.argv) != 3 or "KEY" not in os.environ:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        asyncio.run(follow(sys.argv[1], os.environ["KEY"], Path(sys.argv[2]).read_bytes()))
    except Refusal as refusal:
        for issue in refusal.problem.issues:
            print(f"line {issue.line}: {issue.rule}: {issue.text} {issue.remedy or ''}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
