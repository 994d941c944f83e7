"""What a draft of rules would change: the verdicts of two sets of rules on the same messages, side by side."""

from collections import Counter
from datetime import date

import msgspec

from datamodel.codecs import Parsed
from datamodel.findings import ERROR, Finding
from datamodel.rule_files import BadRules, Fault, Written
from datamodel.rules import RuleBook

Verdict = dict[str, Counter[str]]  # findings by rule and severity


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes different for one message. The rules are those that make the difference, by their ids."""

    message: str
    newly_refused: bool
    newly_accepted: bool
    new_warnings: int
    fewer_warnings: int
    rules: tuple[str, ...]


class RuleChange(msgspec.Struct, kw_only=True):
    """In how many messages a rule begins or ceases to find something; `refuses` counts errors, `warns` the rest."""

    rule: str
    newly_refuses: int = 0
    no_longer_refuses: int = 0
    newly_warns: int = 0
    no_longer_warns: int = 0


class Trial:
    """Compares message by message and adds up."""

    def __init__(self, live: RuleBook, draft: RuleBook) -> None:
        self.live, self.draft = live, draft
        self.messages = 0
        self.changes: list[Change] = []
        self.rules: dict[str, RuleChange] = {}

    def add(self, name: str, parsed: Parsed, as_of: date) -> Change | None:
        """Try a message as of a day. None where nothing becomes different."""
        self.messages += 1
        before, after = (
            _verdict(book.check(parsed.message, parsed.document, as_of)) for book in (self.live, self.draft)
        )
        different = sorted(rule for rule in before.keys() | after.keys() if before.get(rule) != after.get(rule))
        if not different:
            return None
        for rule in different:
            self._count(rule, before.get(rule, Counter()), after.get(rule, Counter()))
        refused = [any(found[ERROR] for found in verdict.values()) for verdict in (before, after)]
        more, fewer = _warnings(before, after)
        change = Change(
            message=name,
            newly_refused=refused == [False, True],
            newly_accepted=refused == [True, False],
            new_warnings=more,
            fewer_warnings=fewer,
            rules=tuple(different),
        )
        self.changes.append(change)
        return change

    def _count(self, rule: str, before: Counter[str], after: Counter[str]) -> None:
        counts = self.rules.setdefault(rule, RuleChange(rule=rule))
        counts.newly_refuses += not before[ERROR] and bool(after[ERROR])
        counts.no_longer_refuses += bool(before[ERROR]) and not after[ERROR]
        warned, warns = (found.total() - found[ERROR] > 0 for found in (before, after))
        counts.newly_warns += warns and not warned
        counts.no_longer_warns += warned and not warns


def _verdict(findings: list[Finding]) -> Verdict:
    verdict: Verdict = {}
    for finding in findings:
        verdict.setdefault(finding.rule, Counter())[finding.severity] += 1
    return verdict


def _warnings(before: Verdict, after: Verdict) -> tuple[int, int]:
    """How many findings that refuse nothing come, and how many go."""
    old, new = (
        Counter({(rule, kind): count for rule, found in verdict.items() for kind, count in found.items()})
        for verdict in (before, after)
    )
    for counts in (old, new):
        for key in [key for key in counts if key[1] == ERROR]:
            del counts[key]
    return (new - old).total(), (old - new).total()


def laid_over(live: list[Written], draft: list[Written], faults: list[Fault]) -> list[Written]:
    """The live rules with those of a draft in their place or beside them. Raises BadRules for a draft with faults."""
    if faults:
        raise BadRules(sorted(faults))
    ids = {each.rule.id for each in draft}
    return [each for each in live if each.rule.id not in ids] + draft
