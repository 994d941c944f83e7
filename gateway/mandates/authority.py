"""By what right an account lodges a declaration: for itself, for nobody who is registered here, or by a mandate.

Pure: what is known of identifiers and mandates is an argument. A declaration without the mandate that it needs has an
issue more, at the place that names the party; the rest of its issues are told along.
"""

from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from datamodel.codecs import Parsed
from datamodel.findings import Finding
from datamodel.issues import Report
from datamodel.places import locate
from datamodel.wording import phrase, spoken
from gateway import lifecycle
from gateway.cases import GATEWAY, Entry
from gateway.clock import later
from gateway.mandates.kept import DeclaredFor, Mandate
from gateway.mandates.parties import PartyRow
from gateway.mandates.roll import Roll
from gateway.mandates.settings import REQUIRED
from gateway.ports import Account
from gateway.routing import direction
from gateway.service import Gateway

DAY: Final = 24 * 3600
ABSENT: Final = "\u2014"
ACTOR: Final = "trader:{}"
WAYS: Final = {"import": "mandate.import", "export": "mandate.export"}


class Authority(NamedTuple):
    """`missing` is what is wrong, if anything; `declared_for` the principal, where there is one, with the `entry` that
    the history has of it.
    """

    missing: Report
    declared_for: DeclaredFor | None = None
    entry: Entry | None = None

    @property
    def waits(self) -> bool:
        """Whether the filing has to be confirmed."""
        return self.declared_for is not None and self.declared_for.confirm_by is not None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What the history keeps of it."""
        return () if self.entry is None else (self.entry,)

    def settled(self) -> "Authority":
        """The same right, where nothing is left to confirm."""
        if self.declared_for is None or self.entry is None:
            return self
        entry = self.entry._replace(data=self.entry.data | {"confirm_by": None})
        return self._replace(declared_for=msgspec.structs.replace(self.declared_for, confirm_by=None), entry=entry)

    def over(self, report: Report, most: int) -> Report:
        """What else was found in the declaration, behind what is missing; `most` issues are told."""
        if not self.missing.total:
            return report
        return Report((*self.missing.issues, *report.issues)[:most], self.missing.total + report.total)


OWN: Final = Authority(Report((), 0))


class Filing(NamedTuple):
    """A declaration that has been read, as it is and as agencies know it, and the account that its case is for."""

    parsed: Parsed
    plain: Parsed
    body: bytes
    held_for: int | None = None


def authorise(gateway: Gateway, roll: Roll, account: Account, filing: Filing, now: datetime) -> Authority:
    """By what right the account lodges this. A case that is for a principal stays for that one."""
    strict = gateway.settings.mandates.strict == REQUIRED
    if not roll.owners and not strict and filing.held_for is None:
        return OWN
    document = filing.plain.document
    way = direction(document.Declaration)
    row, party = gateway.rolls.parties.asked(document, way)
    owner = roll.owner(party, account.test) if party else None
    if filing.held_for not in (None, owner):
        return _missing(gateway, "mandate.other-party", row, party, filing, "")
    if row is None or owner == account.id or (owner is None and not strict):
        return OWN
    mandate = None if owner is None else roll.in_force(owner, account.id, way, now.date())
    if mandate is None:
        rule = "mandate.missing" if owner is not None else "mandate.unregistered"
        return _missing(gateway, rule, row, party, filing, phrase(WAYS[way]))
    until = later(now, gateway.settings.mandates.confirm * DAY) if mandate.confirm else None
    declared = DeclaredFor(account_id=mandate.principal_id, mandate_id=mandate.id, confirm_by=until)
    return Authority(OWN.missing, declared, _entry(mandate, party or "", row, until))


def _entry(mandate: Mandate, party: str, row: PartyRow, until: str | None) -> Entry:
    facts = {"mandate": mandate.id, "principal": ACTOR.format(mandate.principal_id), "party": party, "path": row.path}
    return Entry(lifecycle.MANDATE, GATEWAY, facts | {"confirm_by": until})


def _missing(
    gateway: Gateway, rule: str, row: PartyRow | None, party: str | None, filing: Filing, way: str
) -> Authority:
    severity, text, remedy = spoken().rules[rule]
    words = {"value": party or ABSENT, "name": way}
    finding = Finding(
        rule=rule,
        severity=severity,
        steps=row.steps if row else (),
        text=text.format(**words),
        remedy=remedy.format(**words),
        legal_basis=row.legal_basis if row else None,
        value=party,
    )
    return Authority(locate(filing.parsed, filing.body, [finding], gateway.settings.limits))
