"""A client for programs in Python: typed, asynchronous, and insistent where that is safe.

Rule: whatever it sends can be sent again. A lodgement carries an `Idempotency-Key`, and an act is answered once,
whatever comes again; so a request whose answer was lost is repeated, until the gateway answers it or patience ends.
Reason: a trader's software must not have to find out whether a timeout was before or after the acceptance.

    async with Client("https://single-window.example", key) as client:
        accepted = await client.lodge(document)
        async for told in client.listen(accepted.mrn):
            print(told.kind, told.agency, told.reason)

Documents are bytes in either format, or what a JSON document says. What the gateway refuses is a `Refusal`, with all
issues; what it could not be asked is `Unreachable`.
"""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, Literal, Self, TypeVar

import aiohttp
import msgspec

from gateway.acts.amendment import Amended
from gateway.acts.answer import Answered
from gateway.acts.appeal import Appealed
from gateway.acts.arrival import Arrived
from gateway.acts.invalidation import Invalidated
from gateway.acts.supplement import Supplemented
from gateway.http.declarations import DeclarationLine, Declarations
from gateway.http.problems import Problem
from gateway.http.traders import Verdict
from gateway.notify.notifications import Acknowledged, Notification, Notifications
from gateway.ports import Acceptance
from gateway.views import CaseStatus, Timeline

T = TypeVar("T")
Form = Literal["json", "xml"]
Document = bytes | Mapping[str, Any]
Credential = str | Callable[[], Awaitable[str]]

TRIES: Final = 6
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 30.0  # seconds between tries, unless the gateway says how long
AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})
OVER: Final = frozenset({"released", "refused", "invalidated", "declined"})
_JSON: Final = "application/json"
_STREAM_IDLE = 60.0  # seconds without a sign of life, of which there is one every 15


class Refusal(Exception):
    """The gateway answered with a problem. `problem` has the issues, each with its place and remedy."""

    def __init__(self, problem: Problem) -> None:
        issues = "; ".join(f"{each.rule}: {each.text}" for each in problem.issues)
        super().__init__(f"{problem.status} {problem.title}: {issues or problem.detail}")
        self.problem = problem


class Unreachable(Exception):
    """There was no answer of the gateway, however often it was asked."""


class Client:
    """One account's connection to a gateway. `credential` is an API key, or gives an access token when it is called.

    `tries` is how often a request is sent at most; `timeout` is in seconds, for each time.
    """

    def __init__(self, url: str, credential: Credential, *, tries: int = TRIES, timeout: float = 60.0) -> None:
        self._url, self._credential, self._tries = url.rstrip("/"), credential, tries
        self._timeout = aiohttp.ClientTimeout(total=timeout)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers={"User-Agent": "guichet-client"})
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._session.close()

    async def lodge(self, document: Document, *, key: str | None = None, message: str | None = None) -> Acceptance:
        """Lodge a declaration (DEC). Once this returns, it is on record. `key` is the Idempotency-Key: give one that
        you have written down before, and you can go on after a crash of your own; `message` is package/version/type.
        """
        named = {"Idempotency-Key": key or secrets.token_urlsafe(24)} | _named(message)
        return await self._object(Acceptance, "POST", "/v1/declarations", document, named)

    async def status(self, mrn: str) -> CaseStatus:
        """Where a declaration stands: one status, and one for each agency."""
        return await self._object(CaseStatus, "GET", f"/v1/declarations/{mrn}")

    async def timeline(self, mrn: str) -> Timeline:
        """Every step of a declaration, each with its link of the digest chain."""
        return await self._object(Timeline, "GET", f"/v1/declarations/{mrn}/timeline")

    async def response(self, mrn: str, form: Form = "json") -> bytes:
        """The response message (RES) as the declaration stands."""
        return await self._bytes(f"/v1/declarations/{mrn}/response", f"application/{form}")

    async def message(self, mrn: str, form: Form | None = None, version: int | None = None) -> bytes:
        """The declaration: byte for byte as it was sent, or in a format; the version that counts, or another one."""
        given = {"as": form, "version": version}
        return await self._bytes(f"/v1/declarations/{mrn}/message", "*/*", given)

    async def amend(self, mrn: str, document: Document, *, seen: str | None = None, key: str | None = None) -> Amended:
        """Make the whole declaration given its next version. `seen` is an ETag of the status: only that is amended.
        `key` is as for lodging.
        """
        named = {"Idempotency-Key": key or secrets.token_urlsafe(24)} | _seen(seen)
        return await self._object(Amended, "POST", f"/v1/declarations/{mrn}/amendments", document, named)

    async def invalidate(
        self, mrn: str, document: Document, *, seen: str | None = None, key: str | None = None
    ) -> Invalidated:
        """Take a declaration back with an invalidation (CANCEL) that names it. `key` is as for lodging."""
        named = {"Idempotency-Key": key or secrets.token_urlsafe(24)} | _seen(seen)
        return await self._object(Invalidated, "POST", f"/v1/declarations/{mrn}/invalidation", document, named)

    async def appeal(
        self, mrn: str, document: Document, *, seen: str | None = None, key: str | None = None
    ) -> Appealed:
        """Appeal against the decision that the message (guichet/1/Appeal) names. `key` is as for lodging."""
        named = {"Idempotency-Key": key or secrets.token_urlsafe(24)} | _seen(seen)
        return await self._object(Appealed, "POST", f"/v1/declarations/{mrn}/appeals", document, named)

    async def answer(self, mrn: str, query: str, document: Document, *, seen: str | None = None) -> Answered:
        """Answer what an agency asked (QueryAnswer); `query` is the id that it has in the status."""
        path = f"/v1/declarations/{mrn}/queries/{query}/answer"
        named = {"Idempotency-Key": secrets.token_urlsafe(24)} | _seen(seen)
        return await self._object(Answered, "POST", path, document, named)

    async def arrive(self, mrn: str, document: Document, *, seen: str | None = None) -> Arrived:
        """Say with a notification of arrival (ARRIVAL) that the goods of a declaration are there."""
        named = {"Idempotency-Key": secrets.token_urlsafe(24)} | _seen(seen)
        return await self._object(Arrived, "POST", f"/v1/declarations/{mrn}/arrival", document, named)

    async def supplement(self, mrn: str, document: Document, *, seen: str | None = None) -> Supplemented:
        """Complete an incomplete declaration with the whole of it, of a supplementary type."""
        named = {"Idempotency-Key": secrets.token_urlsafe(24)} | _seen(seen)
        return await self._object(Supplemented, "POST", f"/v1/declarations/{mrn}/supplements", document, named)

    async def validate(self, document: Document, *, message: str | None = None, as_of: str | None = None) -> Verdict:
        """A dry run, on a day if one is given (YYYY-MM-DD). Raises Refusal with all that is wrong."""
        given = {"as-of": as_of}
        return await self._object(Verdict, "POST", "/v1/validations", document, _named(message), given)

    async def convert(self, document: Document, form: Form, *, message: str | None = None) -> bytes:
        """The same message in a format."""
        headers = {"Accept": f"application/{form}"} | _named(message)
        return await self._ask("POST", "/v1/conversions", document, headers)

    async def declarations(self, **filters: str) -> AsyncIterator[DeclarationLine]:
        """What was accepted, the latest first. Filters: reference, status, since, until."""
        names = {"since": "from", "until": "to"}
        given: dict[str, Any] = {names.get(name, name): value for name, value in filters.items()}
        while True:
            page = await self._object(Declarations, "GET", "/v1/declarations", query=given)
            for line in page.declarations:
                yield line
            if page.next is None:
                return
            given["after"] = page.next

    async def notifications(self, after: int | None = None, mrn: str | None = None, limit: int = 50) -> Notifications:
        """A page of what the account was told: from the last that was acknowledged on, or after a number."""
        given = {"after": after, "mrn": mrn, "limit": limit}
        return await self._object(Notifications, "GET", "/v1/notifications", query=given)

    async def acknowledge(self, through: int) -> Acknowledged:
        """All notifications up to a number are seen to."""
        given = {"through": through}
        return await self._object(Acknowledged, "POST", "/v1/notifications/acknowledgements", query=given)

    async def listen(self, mrn: str | None = None, after: int | None = None) -> AsyncIterator[Notification]:
        """What the account is told, as it happens; of one case, until that is over, or for ever.

        Without `after` it begins behind the last that was acknowledged, for one case with its first. It goes on where
        it was after a lost connection, and gives up when that happens `tries` times without anything new.
        """
        seen, failures = 0 if after is None and mrn is not None else after, 0
        while True:
            try:
                async for told in self._stream(seen):
                    seen, failures = told.number, 0
                    if mrn in (None, told.mrn):
                        yield told
                    if told.mrn == mrn and told.kind in OVER:
                        return
            except (aiohttp.ClientError, TimeoutError, Refusal, Unreachable) as error:
                failures += 1
                if failures >= self._tries or not _passing(error):
                    raise
            await asyncio.sleep(_pause(failures))

    async def _stream(self, after: int | None) -> AsyncIterator[Notification]:
        """One connection's worth of notifications."""
        given = {} if after is None else {"after": str(after)}
        idle = aiohttp.ClientTimeout(total=None, sock_connect=self._timeout.total, sock_read=_STREAM_IDLE)
        headers = {"Accept": "text/event-stream", "Authorization": await self._authorization()}
        place = f"{self._url}/v1/notifications/stream"
        async with self._session.get(place, params=given, headers=headers, timeout=idle) as answer:
            if answer.status != 200:
                raise _failure(answer.status, answer.content_type, await answer.read())
            async for line in answer.content:
                if line.startswith(b"data: "):
                    yield msgspec.json.decode(line[6:], type=Notification)

    async def _object(
        self,
        kind: type[T],
        method: str,
        path: str,
        document: Document | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> T:
        body = await self._ask(method, path, document, {"Accept": _JSON} | dict(headers or {}), query)
        return msgspec.json.decode(body, type=kind)

    async def _bytes(self, path: str, accept: str, query: Mapping[str, Any] | None = None) -> bytes:
        return await self._ask("GET", path, None, {"Accept": accept}, query)

    async def _ask(
        self,
        method: str,
        path: str,
        document: Document | None,
        headers: Mapping[str, str],
        query: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Send a request until it is answered; the answer's body. Raises Refusal and Unreachable."""
        body, media = _body(document)
        given = {name: str(value) for name, value in (query or {}).items() if value is not None}
        number = 0
        while True:
            number, wait = number + 1, None
            named = {**headers, **media, "Authorization": await self._authorization()}
            try:
                async with self._session.request(
                    method, self._url + path, data=body, headers=named, params=given, timeout=self._timeout
                ) as answer:
                    content = await answer.read()
                    if answer.ok:
                        return content
                    failure = _failure(answer.status, answer.content_type, content)
                    wait = answer.headers.get("Retry-After")
            except (aiohttp.ClientError, TimeoutError) as error:
                failure = Unreachable(f"{method} {path}: {error or type(error).__name__}")
            if number == self._tries or not _passing(failure):
                raise failure
            await asyncio.sleep(_pause(number, wait))

    async def _authorization(self) -> str:
        credential = self._credential
        return f"Bearer {credential if isinstance(credential, str) else await credential()}"


def _named(message: str | None) -> dict[str, str]:
    return {} if message is None else {"Guichet-Message": message}


def _seen(tag: str | None) -> dict[str, str]:
    return {} if tag is None else {"If-Match": tag}


def _body(document: Document | None) -> tuple[bytes | None, dict[str, str]]:
    """The bytes to send, and the header that says what they are."""
    if document is None:
        return None, {}
    body = document if isinstance(document, bytes) else msgspec.json.encode(document)
    form = "xml" if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<" else "json"
    return body, {"Content-Type": f"application/{form}"}


def _failure(status: int, media: str, body: bytes) -> Refusal | Unreachable:
    """A problem of the gateway, or what something else on the way answered."""
    if media == "application/problem+json":
        return Refusal(msgspec.json.decode(body, type=Problem))
    return Unreachable(f"status {status} without a problem document: something before the gateway answered")


def _passing(failure: Exception) -> bool:
    """Whether the same again may be answered otherwise."""
    return not isinstance(failure, Refusal) or failure.problem.status in AGAIN


def _pause(number: int, told: str | None = None) -> float:
    """Seconds until the next try: what the gateway says, else longer each time, and never all clients at one moment."""
    if told is not None and told.isdigit():
        return min(float(told), LONGEST_PAUSE)
    longest: float = min(FIRST_PAUSE * 2**number, LONGEST_PAUSE)
    return longest * random.uniform(0.5, 1.0)
