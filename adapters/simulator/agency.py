"""The agency behind its counter: decides what comes in, once, and sees to it that the gateway hears of it.

A decision that was written down is told until the gateway has it: a 2xx or a 409 (it has one already) settles it, any
other 4xx is a mistake that repeating cannot mend, and everything else is tried again with longer and longer pauses.
"""

import asyncio
import hashlib
import logging

import aiohttp
from yarl import URL

from adapters.simulator.behaviour import Asked, Behaviour, Told, decide
from adapters.simulator.ledger import File, Ledger
from adapters.simulator.papers import Format, Papers

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
EXCHANGE_SECONDS = 10.0
LATER = frozenset({408, 425, 429})
CONFLICT = 409

log = logging.getLogger(__name__)


class NotOurs(Exception):
    """This request cannot be decided here: another agency's, another content under a known id, a strange callback."""


class Agency:
    """One virtual agency. `gateway` is the address that its token may be shown to, and where it polls."""

    def __init__(
        self,
        code: str,
        behaviour: Behaviour,
        papers: Papers,
        ledger: Ledger,
        gateway: URL | None = None,
        token: str | None = None,
    ) -> None:
        self.code = code
        self.behaviour = behaviour
        self.ledger = ledger
        self.gateway = gateway
        self._papers = papers
        self._token = token
        self._heard = asyncio.Event()
        self._telling: dict[str, asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession | None = None

    @property
    def media_type(self) -> str:
        """Content-Type of this agency's decisions."""
        return f"application/{self.behaviour.media}"

    def headers(self, url: URL) -> dict[str, str]:
        """What goes with every request to the gateway. The token is shown to the gateway alone."""
        headers = {"Accept": "application/json", "User-Agent": f"guichet-simulator ({self.code})"}
        if self._token is not None and self.gateway is not None and url.origin() == self.gateway.origin():
            headers["Authorization"] = f"Bearer {self._token}"
        return headers

    def session(self) -> aiohttp.ClientSession:
        """The client that talks to the gateway; made on first use, inside the running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=EXCHANGE_SECONDS))
        return self._session

    def take(self, body: bytes, form: Format, callback: str) -> File:
        """Decide, or find what was decided. Raises Refused, NotOurs, and OSError when the ledger cannot be written.

        There is no await between the look-up and the write: two copies of one request cannot both be decided.
        """
        asked = self._papers.asked(body, form)
        digest = hashlib.sha256(body).hexdigest()
        known = self.ledger.files.get(asked.delivery_id)
        if known is not None:
            if known.digest != digest:
                raise NotOurs(f"delivery {asked.delivery_id} came before with another content")
            return known
        self._check(asked, callback)
        return self.ledger.decide(asked, digest, callback, decide(asked, self.behaviour))

    def _check(self, asked: Asked, callback: str) -> None:
        if asked.agency != self.code:
            raise NotOurs(f"this is agency {self.code}, and the request is for {asked.agency}")
        url = URL(callback)
        if url.scheme not in ("http", "https") or not url.host:
            raise NotOurs(f"the callback {callback!r} is not an http address")
        if self.gateway is not None and url.origin() != self.gateway.origin():
            raise NotOurs(f"the callback {callback!r} is not at the gateway {self.gateway}")

    def hear(self, body: bytes, form: Format, via: str) -> Told:
        """Take a notice, once, and go on where an answer was waited for. Raises Refused, NotOurs, and OSError."""
        told = self._papers.told(body, form)
        if told.agency != self.code:
            raise NotOurs(f"this is agency {self.code}, and the notice is for {told.agency}")
        if self.ledger.notice(told, via):
            self._heard.set()
            self._heard = asyncio.Event()
        return told

    def answer(self, file: File) -> bytes:
        """The decision that a request gets at once: the newest one that is out, or the first."""
        step = file.steps[max(file.told - 1, 0)]
        return self._papers.decision(step.decision, self.behaviour.media)

    def resume(self) -> None:
        """Go on telling what a process before us decided and could not tell."""
        for file in self.ledger.files.values():
            if file.told or self.behaviour.answer != "at-once":
                self.tell(file)

    def tell(self, file: File) -> None:
        """See to it, in the background, that the gateway hears every step that it has not heard."""
        if not file.finished and file.delivery_id not in self._telling:
            task = asyncio.create_task(self._tell(file))
            self._telling[file.delivery_id] = task
            task.add_done_callback(lambda _: self._telling.pop(file.delivery_id, None))

    def repeat(self, file: File) -> None:
        """The gateway asks for what it was told already, so it has lost it: tell the newest step again."""
        if file.finished and file.delivery_id not in self._telling:
            file.told -= 1
        self.tell(file)

    async def close(self) -> None:
        """Stop telling; what is untold is in the ledger."""
        tasks = list(self._telling.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
        self.ledger.close()

    async def _tell(self, file: File) -> None:
        for index in range(file.told, len(file.steps)):
            step = file.steps[index]
            while step.answered and file.delivery_id not in self.ledger.answered:
                await self._heard.wait()
            await asyncio.sleep(step.after)
            body = self._papers.decision(step.decision, self.behaviour.media)
            status = await self._deliver(URL(file.callback), body)
            self.ledger.answer(file, index, "callback", status)
            if 400 <= status < 500 and status != CONFLICT:
                log.error("%s: the gateway refused the decision on %s with %d", self.code, file.delivery_id, status)

    async def _deliver(self, url: URL, body: bytes) -> int:
        """Post until the gateway gives a clear answer; its status."""
        pause = FIRST_PAUSE_SECONDS
        headers = self.headers(url) | {"Content-Type": self.media_type}
        while True:
            try:
                async with self.session().post(url, data=body, headers=headers, allow_redirects=False) as answer:
                    if answer.ok or (400 <= answer.status < 500 and answer.status not in LATER):
                        return answer.status
                    problem = f"answered {answer.status}"
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                problem = str(error) or type(error).__name__
            log.info("%s: %s: %s, again in %g s", self.code, url, problem, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
