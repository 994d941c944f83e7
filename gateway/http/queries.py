"""What lists have in common: how the query of a request is read, and what is refused in it."""

import re
from datetime import UTC, datetime
from typing import Any, Final

from datamodel.issues import Refused
from datamodel.wording import issue, phrase, refused
from gateway.clock import stamp
from gateway.http.messages import SHOWN, unfit
from gateway.http.routes import Call, Parameter

PAGE: Final = 50
LARGEST_PAGE: Final = 500
TIME: Final[dict[str, Any]] = {"type": "string", "examples": ["2026-01-31", "2026-01-31T08:00:00Z"]}
LIMIT: Final = Parameter(
    name="limit",
    where="query",
    text="How many at most.",
    schema={"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE},
)


def refuse_unknown(call: Call, known: tuple[str, ...]) -> None:
    """Raises Refused for a parameter that is not known: to pass it over would answer another question."""
    for name, value in call.query.items():
        if name not in known:
            words = {"name": name[:SHOWN], "value": value[:SHOWN], "expected": ", ".join(known)}
            raise refused(issue("query.unknown", **words), status=400)


def limit(call: Call) -> int:
    """How many a page may hold. Raises Refused."""
    asked = call.query.get("limit", str(PAGE))
    if re.fullmatch("[0-9]{1,9}", asked) and 1 <= int(asked) <= LARGEST_PAGE:
        return int(asked)
    raise unfit("query.limit", asked, phrase("query.number", low=1, high=LARGEST_PAGE))


def time(call: Call, name: str) -> str | None:
    """A time, or a day, which begins at midnight UTC. Raises Refused."""
    asked = call.query.get(name)
    if asked is None:
        return None
    try:
        found = datetime.fromisoformat(asked)
        return stamp(found if found.tzinfo else found.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise not_usable(name, asked, phrase("query.time")) from None


def not_usable(name: str, value: str, expected: str) -> Refused:
    """The refusal of a parameter's value."""
    return refused(issue("query.filter", name=name, value=value[:SHOWN], expected=expected), status=400)
