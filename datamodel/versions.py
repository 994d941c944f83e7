"""Several versions of a package live at once: which message type holds for a document, by its conditions and its day.

A derived package is chosen only where it is asked for, or where a document meets its conditions; so a new package never
changes what happens to documents that do not know of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Final

import msgspec

from datamodel.registry import Message
from datamodel.wording import issue, phrase, refused

ACCEPTANCE: Final = "AcceptanceDateTime"  # of the payload: the day of acceptance that a document states
DAY: Final = "%Y%m%d"


class Days(msgspec.Struct, frozen=True):
    """The day that counts: `as_of`; without it the day of acceptance that the document states; without that `today`.

    With none of them versions are not told apart by day. `stated` is unset where the document is not asked.
    """

    as_of: date | None = None
    today: date | None = None
    stated: bool = True

    def of(self, stated: str) -> date | None:
        """The day that counts for a document that states its acceptance so, as `20260131` and perhaps a time."""
        if self.as_of or not self.stated:
            return self.as_of
        with suppress(ValueError):
            return datetime.strptime(stated[:8], DAY).date()
        return self.today


def family(message: Message) -> tuple[str, str]:
    """Package and message type without the version."""
    package, _, kind = message.key.split("/", 2)
    return package, kind


def in_force(message: Message, on: date) -> bool:
    """Whether the message type's package is in force on a day; its first and last day are included."""
    facts = message.model.facts
    return (facts.effective_from or date.min) <= on <= (facts.effective_to or date.max)


def versions(messages: Iterable[Message], name: str, kind: str) -> list[Message]:
    """All versions of message type `kind` of package `name`."""
    return [each for each in messages if family(each) == (name, kind)]


def current(messages: Mapping[str, Message], name: str, kind: str, on: date, country: str | None = None) -> Message:
    """The version of message type `kind` of package `name` in force on a day: of several the one that began last.

    With a country, versions of other countries are left out; one without a country is anybody's. Raises KeyError.
    """
    live = [each for each in versions(messages.values(), name, kind) if in_force(each, on)]
    if country is not None:
        live = [each for each in live if each.model.facts.country in ("", country)]
    if not live:
        raise KeyError(f"{name}/{kind}")
    return max(live, key=_began)


def _began(message: Message) -> date:
    return message.model.facts.effective_from or date.min


def dated(message: Message) -> bool:
    """Whether the message type's package begins or ends some day."""
    return message.model.facts.effective_from is not None or message.model.facts.effective_to is not None


def choose(held: Sequence[Message], values: Mapping[str, str], days: Days) -> Message:
    """Of messages with the same root and payload, the one that holds for a document. Raises Refused.

    `values` are those of the payload's direct children by name, and with a slash in front those of the root's.
    """
    left = _most_particular(held, values)
    on = days.of(values.get(ACCEPTANCE, ""))
    if on is not None:
        live = [each for each in left if in_force(each, on)]
        if not live:
            raise none_in_force(left, on)
        left = live
    if len({family(each) for each in left}) == 1 and (on is not None or len(left) == 1):
        return max(left, key=_began)
    raise refused(issue("message.ambiguous", expected=", ".join(each.key for each in left)))


def _most_particular(held: Sequence[Message], values: Mapping[str, str]) -> list[Message]:
    """The messages whose conditions hold and which have the most of them; one without conditions comes last.

    A derived message without conditions is there for those who ask for it, and then there is nothing to choose from
    but its versions.
    """
    if len({family(each) for each in held}) == 1:
        return list(held)
    met = [each for each in held if all(values.get(name) == value for name, value in each.model.when)]
    left = [each for each in met if each.model.when or not each.model.facts.base]
    left = left or [each for each in held if not each.model.facts.base] or list(held)
    most = max(len(each.model.when) for each in left)
    return [each for each in left if len(each.model.when) == most]


def none_in_force(left: Sequence[Message], on: date) -> Exception:
    """What is refused because its day is before the first, or after the last, of all that it could be."""
    periods = ", ".join(map(_period, left))
    return refused(issue("message.not-in-force", value=on.isoformat(), expected=periods))


def _period(message: Message) -> str:
    first, last = message.model.facts.effective_from, message.model.facts.effective_to
    ends = {(True, False): "period.from", (False, True): "period.to", (True, True): "period.between"}
    key = ends.get((first is not None, last is not None))
    return phrase(key, name=message.key, first=first, last=last) if key else message.key
