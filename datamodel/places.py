"""Findings to issues: where in the bytes each one stands, in all notations, in document order whatever the format.

The message is read a second time for this, into instances that know their lines; so it is done only for findings. Only
what leads to them is kept, so that a finding costs little and a hostile message takes no memory.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from datamodel import foreign, json_places, xml_instances
from datamodel.check import Checker, Place
from datamodel.codecs import Parsed
from datamodel.findings import SEVERITIES, Finding, Step
from datamodel.instances import Instance, Sought
from datamodel.issues import Issue, Report
from datamodel.limits import Limits
from datamodel.model import ClassType, Element, Model, child
from datamodel.xml_guard import BOM

LAST: Final = 1 << 62  # the position of what is absent among elements whose order is free

Order = tuple[int, ...]


def locate(parsed: Parsed, body: bytes, findings: Sequence[Finding], limits: Limits) -> Report:
    """The findings as issues. Of more than are told, the gravest are kept; the rest is counted.

    Raises ValueError for steps that the message type does not have.
    """
    if not findings:
        return Report((), 0)
    locator = Locator(parsed.message.model, _instances(parsed, body, findings, limits), limits)
    placed = [(*locator.place(each.steps), each) for each in findings]
    placed.sort(key=lambda entry: (SEVERITIES.index(entry[2].severity), entry[0], entry[2].attribute or ""))
    told = placed[: limits.max_issues]
    told.sort(key=lambda entry: (entry[0], entry[2].attribute or ""))
    return Report(tuple(locator.issue(place, each) for _, place, each in told), min(len(placed), limits.max_counted))


def _instances(parsed: Parsed, body: bytes, findings: Sequence[Finding], limits: Limits) -> Instance:
    model = parsed.message.model
    if parsed.format == "xml":
        return xml_instances.places(body, _sought(model, findings))
    text = body.removeprefix(BOM).decode()
    if not model.typed:
        return foreign.json_instance(model, text, limits)
    return json_places.places(text, model.root, _sought(model, findings), limits)


def _sought(model: Model, findings: Sequence[Finding]) -> Sought:
    """The tags on the ways to findings."""
    sought: Sought = {}
    for names in {tuple(name for name, _ in each.steps) for each in findings}:
        element: Element | None = model.root
        below = sought
        for name in names:
            element = child(element, name) if element else None
            if element:
                below = below.setdefault(element.tag, {})
    return sought


class Locator:
    """Follows steps through the instances of one message. What it has looked up once it remembers."""

    def __init__(self, model: Model, found: Instance, limits: Limits) -> None:
        self._known: dict[tuple[Step, ...], tuple[Order, Place]] = {(): ((), Place(model.root, found, None, 1))}
        self._children: dict[int, dict[tuple[str, int], tuple[int, Instance]]] = {}
        self._ranks: dict[int, dict[str, int]] = {}
        self._shown = Checker(model, limits).shown

    def place(self, steps: tuple[Step, ...]) -> tuple[Order, Place]:
        """Where the steps lead, with its order among all places. Raises ValueError."""
        if steps not in self._known:
            order, parent = self.place(steps[:-1])
            own, place = self._below(parent, *steps[-1])
            self._known[steps] = ((*order, *own), place)
        return self._known[steps]

    def _below(self, parent: Place, name: str, index: int | None) -> tuple[Order, Place]:
        content = parent.element.content
        rank = self._ranks_of(content).get(name) if isinstance(content, ClassType) else None
        if rank is None or not isinstance(content, ClassType):
            raise ValueError(f"no {name!r} below {parent.element.json_name!r}")
        element, occurrence = content.children[rank], index or 0
        absent = (LAST, Instance(element.tag, element.name, parent.instance.line, parent.instance.column))
        position, found = self._instances_below(parent.instance).get((element.tag, occurrence), absent)
        return (position,) if content.interleaved else (rank, occurrence), Place(element, found, parent, occurrence + 1)

    def _ranks_of(self, content: ClassType) -> dict[str, int]:
        if id(content) not in self._ranks:
            self._ranks[id(content)] = {element.json_name: rank for rank, element in enumerate(content.children)}
        return self._ranks[id(content)]

    def _instances_below(self, parent: Instance) -> dict[tuple[str, int], tuple[int, Instance]]:
        """The children of an instance by tag and occurrence from 0, each with its position."""
        if id(parent) not in self._children:
            counts: Counter[str] = Counter()
            found = self._children[id(parent)] = {}
            for position, below in enumerate(parent.children):
                found[below.tag, counts[below.tag]] = (position, below)
                counts[below.tag] += 1
        return self._children[id(parent)]

    def issue(self, place: Place, finding: Finding) -> Issue:
        """The issue of a finding at its place."""
        spot = place.instance
        line, column, below = spot.line, spot.column, ""
        if finding.attribute is not None:
            below = f"/@{finding.attribute}"
            tags = {use.label: use.name for use in place.element.content.attributes}
            if attribute := spot.attributes.get(tags.get(finding.attribute, "")):
                line, column = attribute.line, attribute.column
        return Issue(
            rule=finding.rule,
            severity=finding.severity,
            text=finding.text,
            remedy=finding.remedy,
            legal_basis=finding.legal_basis,
            xpath=place.xpath + below,
            json_pointer=place.pointer + below,
            wco_pointer=place.tagged(),
            wco_id=place.element.wco_id or None,
            line=line,
            column=column,
            value=self._shown(place.element, finding.value),
            expected=finding.expected,
        )
