"""Fetches the key set of an issuer of tokens. Nothing is believed of it but what its signature in TLS vouches for.

Rule: one answer, of a known size and within a known time, from the address that the operator chose; a redirect is no
answer. Reason: every caller with a token of that issuer waits for it, and it must not choose what else we call.
"""

import asyncio

import aiohttp

TIMEOUT_SECONDS = 5.0
LARGEST = 256 * 1024  # bytes
_HEADERS = {
    "User-Agent": "guichet",
    "Accept": "application/jwk-set+json, application/json",
    "Accept-Encoding": "identity",
}


async def fetch(url: str) -> bytes:
    """The bytes at an address. Raises OSError with the cause in our own words."""
    try:
        async with (
            asyncio.timeout(TIMEOUT_SECONDS),
            aiohttp.ClientSession(headers=_HEADERS, auto_decompress=False) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise OSError(f"it answered {answer.status}")
            return await _limited(answer.content)
    except TimeoutError:
        raise OSError(f"no answer within {TIMEOUT_SECONDS:g} s") from None
    except (aiohttp.ClientError, ValueError) as error:
        raise OSError(f"it cannot be reached ({type(error).__name__})") from error


async def _limited(content: aiohttp.StreamReader) -> bytes:
    found = bytearray()
    async for chunk in content.iter_chunked(16 * 1024):
        found += chunk
        if len(found) > LARGEST:
            raise OSError(f"it is longer than {LARGEST} bytes")
    return bytes(found)
