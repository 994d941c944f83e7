"""An agency without a door of its own: it looks into its inbox at the gateway again and again, and posts decisions.

`GET /v1/agency/deliveries` lists what is undecided, a page at a time; each delivery is fetched and decided once. One
that stays in the inbox because it is on hold is known by its id and left alone. Notices are listed beside; one that is
in the book is acknowledged.
"""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp
from yarl import URL

from adapters.simulator.agency import Agency, NotOurs
from adapters.simulator.papers import Format
from datamodel.issues import Refused

INBOX = "v1/agency/deliveries"
NOTICES = "v1/agency/notices"
FORMATS: dict[str, Format] = {"application/xml": "xml", "application/json": "json"}

log = logging.getLogger(__name__)


class Poller:
    """Polls for one agency, which must know its gateway."""

    def __init__(self, agency: Agency, gateway: URL) -> None:
        self._agency = agency
        self._inbox, self._notices = gateway / INBOX, gateway / NOTICES
        self._problem: str | None = None

    async def run(self) -> None:
        """Until cancelled. A gateway that is away or answers badly is tried again; a new problem is logged once."""
        while True:
            try:
                await self._look()
                await self._listen()
                self._problem = None
            except (aiohttp.ClientError, OSError, TimeoutError, Refused, NotOurs, KeyError, ValueError) as error:
                self._report(str(error) or type(error).__name__)
            await asyncio.sleep(self._agency.behaviour.poll_every)

    def _report(self, problem: str) -> None:
        if problem != self._problem:
            log.warning("%s: inbox: %s", self._agency.code, problem)
        self._problem = problem

    async def _look(self) -> None:
        page: URL | None = self._inbox
        while page is not None:
            async with self._get(page) as answer:
                listing: dict[str, Any] = await answer.json()
            for delivery in listing["deliveries"]:
                if delivery["id"] not in self._agency.ledger.files:
                    await self._fetch(str(delivery["id"]))
            following = listing["next"]
            page = self._inbox.with_query(after=following) if following else None

    async def _listen(self) -> None:
        """One page at a look: what was acknowledged makes room for the next."""
        async with self._get(self._notices) as answer:
            listing: dict[str, Any] = await answer.json()
        for notice in listing["notices"]:
            address = self._notices / str(notice["id"])
            self._agency.hear(*await self._message(address), "poll")
            headers = self._agency.headers(address)
            async with self._agency.session().post(
                address / "acknowledgement", headers=headers, raise_for_status=True, allow_redirects=False
            ):
                pass

    async def _fetch(self, delivery_id: str) -> None:
        self._agency.ledger.request(delivery_id, "poll")
        body, form = await self._message(self._inbox / delivery_id)
        self._agency.tell(self._agency.take(body, form, str(self._inbox / delivery_id / "decision")))

    async def _message(self, address: URL) -> tuple[bytes, Format]:
        async with self._get(address) as answer:
            form = FORMATS.get(answer.content_type)
            if form is None:
                raise ValueError(f"{address.name} came as {answer.content_type}")
            return await answer.read(), form

    def _get(self, url: URL) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        headers = self._agency.headers(url) | {"Accept": "application/json, application/xml"}
        return self._agency.session().get(url, headers=headers, raise_for_status=True, allow_redirects=False)
