"""The rules of an administration: cross-field checks in CEL that are data, each with a purpose, an act and its days.

A set is taken as a whole or refused as a whole with everything that is wrong with it. What it was compiled to holds for
the life of the process; documents are checked as of a day, so that a rule may begin and end while the gateway runs.
"""

from collections.abc import Sequence
from datetime import date
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any, Final

from datamodel.circumstances import country_of
from datamodel.findings import SEVERITIES, Finding
from datamodel.limits import Limits
from datamodel.periods import Periods
from datamodel.registry import Message, Registry
from datamodel.rule_binding import Bound, Common, bind, inherit
from datamodel.rule_files import BadRules, Fault, Rule, Written, read_rules
from datamodel.rule_logic import set_faults
from datamodel.rule_walks import Look

# Of one severity in one document, because a hostile one may break a rule a million times. Each severity has its own, so
# that no number of warnings hides an error.
MAX_FINDINGS: Final = Limits().max_counted


class RuleBook:
    """A set of rules, ready for the message types that they are for. Safe to share between threads."""

    home: str | None = None  # the country of documents that name none

    def __init__(self, bound: dict[str, list[Bound]], rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._bound = bound
        self._countries = {rule.country for rule in self.rules}
        self._periods = Periods((rule.effective_from, rule.effective_to) for rule in self.rules)
        self._live: dict[tuple[str, str, int], tuple[Bound, ...]] = {}

    @classmethod
    def load(cls, source: Path, registry: Registry) -> "RuleBook":
        """The rules of a folder or a file. No folder, no rules. Raises BadRules with everything that is wrong."""
        if not source.exists():
            return cls({}, ())
        written, faults = read_rules(source)
        return cls.of(written, registry, faults)

    @classmethod
    def of(cls, written: Sequence[Written], registry: Registry, faults: Sequence[Fault] = ()) -> "RuleBook":
        """The book of rules that have been read. Raises BadRules."""
        problems = list(faults)
        bound: dict[str, list[Bound]] = {}
        common = Common()
        addressed = []
        for each in written:
            bases = _addressed(each, registry)
            addressed.append((each, frozenset(bases)))
            problems += _nowhere(each, registry)
            ready: dict[str, Bound | None] = {}
            for base in dict.fromkeys(bases.values()):
                ready[base], found = bind(each, registry.messages[base], common)
                problems += found
            for key, base in bases.items():
                if own := ready[base]:
                    rule = own if key == base else inherit(own, registry.messages[key], registry.messages[base])
                    bound.setdefault(key, []).append(rule)
        problems += set_faults(addressed)
        if problems:
            raise BadRules(sorted(problems))
        return cls(bound, [each.rule for each in written])

    def check(self, message: Message, document: Any, as_of: date) -> list[Finding]:
        """What breaks rules in force on a day, of each severity up to MAX_FINDINGS."""
        look = Look(document, as_of)
        found: dict[str, list[Finding]] = {severity: [] for severity in SEVERITIES}
        for rule in self._in_force(message.key, country_of(message.model, document) or self.home or "", as_of):
            if broken := rule.broken(look):
                so_far = found[rule.written.rule.severity]
                so_far += (rule.finding(each, look) for each in islice(broken, MAX_FINDINGS - len(so_far)))
        return [finding for severity in SEVERITIES for finding in found[severity]]

    def _in_force(self, key: str, country: str, on: date) -> tuple[Bound, ...]:
        """The rules for documents of a message type and a country on a day, in their order."""
        place = (key, country if country in self._countries else "", self._periods.of(on))
        if place not in self._live:
            rules = [(each, each.written.rule) for each in self._bound.get(key, ())]
            live = (each for each, rule in rules if rule.in_force(on) and rule.country in ("", place[1]))
            self._live[place] = tuple(live)
        return self._live[place]

    def of_message(self, key: str) -> list[Rule]:
        """The rules for a message type, whatever the day."""
        return [each.written.rule for each in self._bound.get(key, ())]


def _addressed(written: Written, registry: Registry) -> dict[str, str]:
    """The keys of the message types that a rule is for, each with the one whose names the rule uses.

    That is the type itself where the rule names it, else the nearest that it derives from and the rule names.
    """
    found = {}
    for key in registry.messages:
        base = key
        while base in registry.messages and not any(fnmatchcase(base, name) for name in written.rule.messages):
            base = registry.messages[base].model.facts.base
        if base in registry.messages:
            found[key] = base
    return found


def _nowhere(written: Written, registry: Registry) -> list[Fault]:
    """Patterns to which no message type answers."""
    lost = [name for name in written.rule.messages if not any(fnmatchcase(key, name) for key in registry.messages)]
    known = ", ".join(registry.messages)
    return [written.fault("messages", f"there is no message type {name!r}; there are {known}") for name in lost]
