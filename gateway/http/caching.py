"""Answers that a caller may keep: a strong ETag of the bytes, and 304 where the caller has them (RFC 9110, section 13).

Pure: header text and bytes in. An ETag is of one representation, so that JSON and XML of one thing have their own. A
case that can be changed has the number of its version for one, in each format: the caller who looked at it in either
can ask for a change of just what was seen.
"""

import re
from hashlib import sha256

from gateway.media import Format

KEEP = "public, max-age=300"  # what changes only when the gateway is started anew
ASK = "public, no-cache"  # what depends on the day: kept, but asked for each time

_FORMS: tuple[Format, ...] = ("json", "xml")
_TAG = re.compile(r'(?:W/)?("[!#-~\x80-\uffff]*")')


def entity_tag(body: bytes) -> str:
    """The strong ETag of a body."""
    return f'"{sha256(body).hexdigest()[:32]}"'


def unchanged(condition: str, tag: str) -> bool:
    """Whether If-None-Match names the tag. Tags are compared weakly, as the field demands."""
    return condition.strip() == "*" or tag in _TAG.findall(condition)


def version_tag(version: int, form: Format) -> str:
    """The strong ETag of a case at a version, in a format."""
    return f'"{version}-{form}"'


def seen(condition: str, version: int) -> bool:
    """Whether If-Match names the version, in whichever format. Tags are compared strongly, as the field demands."""
    strong = [part.strip() for part in condition.split(",")]
    return condition.strip() == "*" or any(version_tag(version, form) in strong for form in _FORMS)
