"""Media types and the two formats that they stand for. Records keep media types; the data model speaks of formats."""

from functools import lru_cache
from typing import Final, Literal

from datamodel.wording import issue, refused

Format = Literal["xml", "json"]

MEDIA_TYPES: Final[dict[Format, str]] = {"xml": "application/xml", "json": "application/json"}
_FORMATS: Final[dict[str, Format]] = {"xml": "xml", "json": "json"}


@lru_cache(256)
def format_of(media: str) -> Format:
    """The format of `xml`, `json`, or a media type that ends in one of them. Raises Refused (415) for any other."""
    essence = media.partition(";")[0].strip().lower()
    ending = essence.rpartition("/")[2].rpartition("+")[2]
    if ending not in _FORMATS:
        taken = ", ".join(MEDIA_TYPES.values())
        raise refused(issue("media.unsupported", value=essence[:60], expected=taken), status=415)
    return _FORMATS[ending]
