"""Answers that a caller may keep: a strong ETag of the bytes, and 304 where the caller has them (RFC 9110, section 13).

Pure: header text and bytes in. An ETag is of one representation, so that JSON and XML of one thing have their own.
"""

import re
from hashlib import sha256

KEEP = "public, max-age=300"  # what changes only when the gateway is started anew
ASK = "public, no-cache"  # what depends on the day: kept, but asked for each time

_TAG = re.compile(r'(?:W/)?("[!#-~\x80-\uffff]*")')


def entity_tag(body: bytes) -> str:
    """The strong ETag of a body."""
    return f'"{sha256(body).hexdigest()[:32]}"'


def unchanged(condition: str, tag: str) -> bool:
    """Whether If-None-Match names the tag. Tags are compared weakly, as the field demands."""
    return condition.strip() == "*" or tag in _TAG.findall(condition)
