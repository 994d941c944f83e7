"""Tells senders in good time that the version of a message type that they use comes to its end.

A version ends on the last day that its package names, or on the day before a newer version of the same package begins.
"""

from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from datamodel.findings import Finding
from datamodel.registry import Message, Registry
from datamodel.versions import family, versions
from datamodel.wording import phrase, spoken

SOON: Final = timedelta(days=180)  # so long before its end a version is said to end
RULE: Final = "message.ends"
_DAY: Final = timedelta(days=1)


class Ending(NamedTuple):
    """The last day of a version, and the version that follows, where there is one."""

    last: date
    successor: Message | None


class Endings:
    """Which versions end, and when."""

    def __init__(self, registry: Registry) -> None:
        self._endings = {key: _ending(registry, message) for key, message in registry.messages.items()}

    def soon(self, key: str, on: date) -> Ending | None:
        """How the message type of that key ends, if it does soon after a day."""
        ending = self._endings.get(key)
        return ending if ending is not None and ending.last - on <= SOON else None

    def check(self, message: Message, document: Any, as_of: date) -> list[Finding]:
        """One piece of advice, where the version ends soon."""
        ending = self.soon(message.key, as_of)
        if ending is None:
            return []
        severity, text, remedy = spoken().rules[RULE]
        follows = ending.successor.key if ending.successor else phrase("message.no-successor")
        last = ending.last.isoformat()
        text, remedy = text.format(name=message.key, value=last), remedy.format(expected=follows)
        return [Finding(rule=RULE, severity=severity, text=text, remedy=remedy, value=last, expected=follows)]


def _ending(registry: Registry, message: Message) -> Ending | None:
    facts = message.model.facts
    others = versions(registry.messages.values(), *family(message))
    began = facts.effective_from or date.min
    newer = [each for each in others if (each.model.facts.effective_from or date.min) > began]
    newer = [each for each in newer if each.model.facts.country in ("", facts.country)]
    successor = min(newer, key=lambda each: each.model.facts.effective_from or date.min, default=None)
    first = successor.model.facts.effective_from if successor else None
    lasts = [day for day in (facts.effective_to, first and first - _DAY) if day]
    return Ending(min(lasts), successor) if lasts else None
