"""Take the notifications that a gateway sends to an address of yours, and print a line for each.

    SECRET=gs_... python docs/examples/receiver.py http://127.0.0.1:9000/in

The secret is in the answer to PUT /v1/notifications/callback. What is not signed with it is refused, and not read.
"""

import hashlib
import hmac
import json
import os
import sys
import time
from collections import deque

from aiohttp import web
from yarl import URL

MEMORY = 10_000  # numbers that are remembered; a program that does more than print keeps them in its database
MOST_BYTES = 1 << 20
CLOCKS_APART = 300  # seconds; what is older may be something that was overheard and is sent once more


def is_genuine(secret: str, timestamp: str, signature: str, body: bytes) -> bool:
    """Whether the gateway signed this, and not long ago."""
    signed = hmac.new(secret.encode(), as_sent(timestamp) + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(f"sha256={signed}".encode(), as_sent(signature)):
        return False
    return abs(time.time() - int(timestamp)) < CLOCKS_APART


def as_sent(header: str) -> bytes:
    """The bytes of a header, whatever they are: anybody may send anything here."""
    return header.encode("utf-8", "surrogateescape")


class Receiver:
    """Answers 204 when a notification is seen to. Until then the gateway sends it again, so one may come twice."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._seen: deque[int] = deque(maxlen=MEMORY)

    async def take(self, request: web.Request) -> web.Response:
        """One notification. Its number says whether it was here before; all test messages have the number 0."""
        body = await request.read()
        timestamp, signature = (request.headers.get(f"Guichet-{name}", "") for name in ("Timestamp", "Signature"))
        if not is_genuine(self._secret, timestamp, signature, body):
            print("refused: not signed with the secret, or too long ago", flush=True)
            return web.Response(status=401)
        told = json.loads(body)
        if told["number"] not in self._seen:
            words = (told.get(name) for name in ("mrn", "kind", "agency", "outcome"))
            print(f"#{told['number']}", *filter(None, words), flush=True)
        if told["number"]:
            self._seen.append(told["number"])
        return web.Response(status=204)


def main() -> int:
    """Serve until Ctrl-C."""
    address = URL(sys.argv[1]) if len(sys.argv) == 2 else URL()
    if address.scheme != "http" or "SECRET" not in os.environ:
        print(__doc__, file=sys.stderr)
        return 2
    application = web.Application(client_max_size=MOST_BYTES)
    application.router.add_post(address.path, Receiver(os.environ["SECRET"]).take)
    ready = f"Listening at {address}"
    try:
        web.run_app(application, host=address.host, port=address.port, print=lambda _: print(ready, flush=True))
    except OSError as error:
        print(f"Cannot listen at {address}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
