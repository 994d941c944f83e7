"""The `http` channel: a delivery is one POST to the agency's own address, and its answer is judged by its status.

A retry carries the same `Idempotency-Key`, so that an agency that took the first send but whose answer was lost can
tell. Nothing that the other side sends is trusted: redirects are not followed (the body is confidential), answers are
read as they stream and cut off at a ceiling, compressed answers are not unpacked, and the time for all of it is one
budget. Whatever is not a clear yes or a clear no is `Unreachable`, because trying again is harmless; so is a 401, 403
or 404, which says that a key or an address is wrong, and nothing about the delivery.

A connection serves many deliveries, so an answer that is repeated could be taken for the answer to the next delivery.
Two guards: a connection on which something arrived unasked is not used again, and where the agency sends our
`Guichet-Delivery` header back it must name the delivery that was sent.
"""

import asyncio
import io

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from adapters.port import (
    DEFAULT_TIMEOUT_SECONDS,
    Declined,
    Outgoing,
    Pickup,
    Receipt,
    SendFailure,
    Unadmitted,
    Unreachable,
)

MAX_ANSWER_BYTES = 1024 * 1024
MAX_EXCERPT_BYTES = 2048
MAX_EXCERPT_CHARACTERS = 200
DEFAULT_CONNECTIONS = 8
# Below the idle time after which common servers hang up, so that a POST seldom meets a connection that is closing.
KEEP_ALIVE_SECONDS = 4.0
USER_AGENT = "guichet"

DECIDED = frozenset({200, 201, 203})
TAKEN = frozenset({202, 204, 205})
# Refusals of the moment (RFC 9110 408, RFC 8470 425, RFC 6585 429), and those of a key or an address; every other 4xx
# is a refusal of the delivery.
LATER = frozenset({408, 425, 429})
NOT_LET_IN = frozenset({401, 403, 404})


class _Request(aiohttp.ClientRequest):
    """Refuses to go out on a connection that holds data nobody asked for; the pool itself does not look."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        if conn.protocol is None or conn.protocol.should_close:
            raise aiohttp.ClientConnectionError("the agency sent more than one answer on this connection")
        return await super().send(conn)


class HttpAdapter:
    """Posts to one agency's `url`, over at most so many `connections`, each kept for the next delivery.

    `timeout` is in seconds, for the whole exchange; a wait for a connection counts. No connection before first use.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        connections: int = DEFAULT_CONNECTIONS,
    ) -> None:
        self._url = _address(url)
        self._token = _checked_token(token)
        self._timeout, self._connections = timeout, connections
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def send(self, outgoing: Outgoing) -> Receipt:
        """One POST, one answer. See the module's text for what each status means."""
        session = self._open()
        body = io.BytesIO(outgoing.body)  # goes out in pieces, so that a long one does not hold up the loop
        try:
            async with (
                asyncio.timeout(self._timeout),
                session.post(self._url, data=body, headers=self._headers(outgoing), allow_redirects=False) as answer,
            ):
                return await self._judge(answer, outgoing)
        except TimeoutError as error:
            raise Unreachable(f"no full answer within {self._timeout:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._broken(error) from error

    async def pick_up(self) -> list[Pickup]:
        """Nothing waits: an agency on this channel answers at once or calls us back."""
        return []

    async def settle(self, token: str, problem: str | None) -> None:
        """Nothing was picked up, so nothing is settled."""

    async def close(self) -> None:
        """Close the connections; a later send is refused."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise Unreachable("this channel is closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=KEEP_ALIVE_SECONDS),
                timeout=aiohttp.ClientTimeout(total=None),  # send() keeps the time
                request_class=_Request,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                auto_decompress=False,
            )
        return self._session

    def _headers(self, outgoing: Outgoing) -> dict[str, str]:
        headers = {
            "Content-Type": outgoing.media,
            "Accept": "application/json, application/xml",
            "Guichet-Delivery": outgoing.delivery_id,
            "Guichet-Due": outgoing.due_at,
            "Guichet-Callback": outgoing.callback_url,
            "Idempotency-Key": outgoing.delivery_id,
        }
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        if outgoing.trace:
            headers["traceparent"] = outgoing.trace
        return headers

    async def _judge(self, answer: aiohttp.ClientResponse, outgoing: Outgoing) -> Receipt:
        status = answer.status
        if answer.headers.get("Guichet-Delivery", outgoing.delivery_id) != outgoing.delivery_id:
            raise Unreachable("the answer names another delivery")
        if status in DECIDED:
            body = await _read(answer)
            return Receipt(body, _media(answer, outgoing.media)) if body else Receipt()
        if status in TAKEN:
            return Receipt()
        raise _failure(status)(f"answered {status}", self._clean(await _excerpt(answer)))

    def _broken(self, error: Exception) -> Unreachable:
        """An exchange that broke off. What the system says of a connection is ours; the rest may quote the partner."""
        text = self._clean(str(error))
        if isinstance(error, OSError) and text:
            return Unreachable(text)
        return Unreachable(type(error).__name__, text)

    def _clean(self, text: str) -> str:
        """A partner's words as one short printable line, without our own secret should it be echoed."""
        if self._token is not None:
            text = text.replace(self._token, "***")
        printable = "".join(character if character.isprintable() else " " for character in text)
        line = " ".join(printable.split())
        return line if len(line) <= MAX_EXCERPT_CHARACTERS else line[: MAX_EXCERPT_CHARACTERS - 1] + "…"


def _failure(status: int) -> type[SendFailure]:
    """What a status that is no yes means for the delivery."""
    if status in NOT_LET_IN:
        return Unadmitted
    return Declined if 400 <= status < 500 and status not in LATER else Unreachable


def _address(url: str) -> URL:
    address = URL(url)
    if address.user is not None or address.password is not None:
        raise ValueError("an agency's url must not hold a user or a password; use a token")
    if address.scheme not in ("http", "https") or not address.host:
        raise ValueError(f"an agency's url must be http:// or https:// with a host, not {url!r}")
    return address


def _checked_token(token: str | None) -> str | None:
    if token is not None and not (token.isascii() and token.isprintable() and token and " " not in token):
        raise ValueError("an agency's token must be printable ASCII without spaces, and not empty")
    return token


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """The whole body, or Unreachable as soon as it shows that it is too long or packed."""
    packed = answer.headers.get("Content-Encoding", "identity")
    if packed != "identity":
        raise Unreachable("the answer is compressed, which was not asked for")
    if (answer.content_length or 0) > MAX_ANSWER_BYTES:
        raise Unreachable(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise Unreachable(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
    return bytes(body)


async def _excerpt(answer: aiohttp.ClientResponse) -> str:
    """The first words of a refusal. The status already says what to do, so a broken body does not change it."""
    body = b""
    try:
        async for chunk in answer.content.iter_any():
            body += chunk[:MAX_EXCERPT_BYTES]
            if len(body) >= MAX_EXCERPT_BYTES:
                break
    except (aiohttp.ClientError, OSError, TimeoutError):
        pass
    return body[:MAX_EXCERPT_BYTES].decode("utf-8", "replace")


def _media(answer: aiohttp.ClientResponse, sent: str) -> str:
    """The answer's media type without parameters; an agency that names none is taken to answer in what we sent."""
    return answer.content_type if "Content-Type" in answer.headers else sent
