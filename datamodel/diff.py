"""What differs between two packages, position by position, and whom it breaks.

Senders are those who write documents of the old package, and find them judged by the new one. Receivers are those who
read documents of the new package with what was built for the old one. What breaks neither is harmless.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from datamodel.model import AttributeUse, ClassType, Element, Group, Model, Simple, Wildcard
from datamodel.narrowing import Takes, changes

SENDERS: Final = ("senders",)
RECEIVERS: Final = ("receivers",)
BOTH: Final = ("senders", "receivers")
NOBODY: Final[tuple[str, ...]] = ()
BREAKS: Final[Mapping[Takes, tuple[str, ...]]] = {"fewer": SENDERS, "more": RECEIVERS, "other": BOTH}
VALUE_KINDS: Final[Mapping[Takes, str]] = {"fewer": "narrowed", "more": "widened", "other": "changed"}
VALUE_CLASS: Final = "DateTimeString"  # the one child of a class that stands for a value

Pair = tuple[int, int]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference. `path` is below the root element, empty for the message itself.

    `what` is message, class, attribute (in the WCO's sense) or XML attribute; `breaks` is empty where it is harmless.
    """

    message: str
    path: str
    what: str
    kind: str
    old: str = ""
    new: str = ""
    breaks: tuple[str, ...] = ()


def what(element: Element) -> str:
    """Class or attribute, in the WCO's sense: a date is an attribute, although a class holds its value."""
    if isinstance(element.content, Simple):
        return "attribute"
    names = [each.name for each in element.content.children]
    return "attribute" if names == [VALUE_CLASS] else "class"


def occurs(element: Element) -> str:
    """How often an element may stand, as `0..1` or `1..*`."""
    return f"{element.min}..{'*' if element.max is None else element.max}"


def compare_packages(old: Mapping[str, Model], new: Mapping[str, Model]) -> list[Difference]:
    """The differences between two packages, given by their message types."""
    found = []
    for name in [*old, *(each for each in new if each not in old)]:
        if name in old and name in new:
            found += compare(old[name], new[name])
        elif name in old:
            found.append(Difference(message=name, path="", what="message", kind="removed", breaks=BOTH))
        else:
            found.append(Difference(message=name, path="", what="message", kind="added"))
    return found


def compare(old: Model, new: Model) -> list[Difference]:
    """The differences between two message types, in the order of the document."""
    comparison = _Comparison(new.key.rpartition("/")[2])
    if old.root.tag != new.root.tag or old.payload != new.payload:
        before, after = f"{old.root.tag} {old.payload}", f"{new.root.tag} {new.payload}"
        return [comparison.make("", "message", "replaced", before, after, BOTH)]
    found = [*comparison.elements(old.root, new.root, ""), *comparison.lists(dict(old.lists), dict(new.lists))]
    if old.when and new.when and old.when != new.when:
        found.insert(0, comparison.make("", "message", "conditions", str(old.when), str(new.when), SENDERS))
    return found


class _Comparison:
    """One walk over two trees at once; a class within itself is entered once."""

    def __init__(self, message: str) -> None:
        self.message = message
        self.seen: set[Pair] = set()

    def make(  # noqa: PLR0913, PLR0917
        self, path: str, kind_of: str, kind: str, old: str, new: str, breaks: tuple[str, ...]
    ) -> Difference:
        return Difference(message=self.message, path=path, what=kind_of, kind=kind, old=old, new=new, breaks=breaks)

    def elements(self, old: Element, new: Element, path: str) -> Iterator[Difference]:
        """Differences of one position, then of all below it."""
        for kind, before, after, breaks in (*_occurrence(old, new), *_notation(old, new)):
            yield self.make(path, what(new), kind, before, after, breaks)
        yield from self.uses(old.content.attributes, new.content.attributes, path)
        if isinstance(old.content, Simple) and isinstance(new.content, Simple):
            yield from self.values(old.content, new.content, path, what(new))
        elif isinstance(old.content, ClassType) and isinstance(new.content, ClassType):
            yield from self.classes(old.content, new.content, path)
        else:
            yield self.make(path, what(new), "changed", what(old), what(new), BOTH)

    def values(
        self, old: Simple | AttributeUse, new: Simple | AttributeUse, path: str, of: str
    ) -> Iterator[Difference]:
        """Differences between what two values may be."""
        for change in changes(old.type, new.type):
            kind = "list changed" if change.facet == "values" and "any" not in (change.old, change.new) else ""
            before, after = f"{change.facet} {change.old}", f"{change.facet} {change.new}"
            yield self.make(path, of, kind or VALUE_KINDS[change.takes], before, after, BREAKS[change.takes])

    def lists(self, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Difference]:
        """Differences in the code lists that are named; whoever names none takes every code."""
        for path in [*old, *(each for each in new if each not in old)]:
            before, after = old.get(path, ""), new.get(path, "")
            if before != after:
                breaks = SENDERS if not before else RECEIVERS if not after else BOTH
                yield self.make(path, "attribute", "list changed", before, after, breaks)

    def uses(self, old: tuple[AttributeUse, ...], new: tuple[AttributeUse, ...], path: str) -> Iterator[Difference]:
        """Differences between the XML attributes of an element."""
        before, after = {use.label: use for use in old}, {use.label: use for use in new}
        for label in [*before, *(each for each in after if each not in before)]:
            spot = f"{path}/@{label}"
            if label not in after:
                breaks = BOTH if before[label].required else SENDERS
                yield self.make(spot, "XML attribute", "removed", "", "", breaks)
            elif label not in before:
                breaks = BOTH if after[label].required else RECEIVERS
                yield self.make(spot, "XML attribute", "added", "", "", breaks)
            else:
                if before[label].required != after[label].required:
                    kind, breaks = OCCURRENCE[after[label].required]
                    yield self.make(spot, "XML attribute", kind, "", "", breaks)
                yield from self.values(before[label], after[label], spot, "XML attribute")

    def classes(self, old: ClassType, new: ClassType, path: str) -> Iterator[Difference]:
        """Differences between two classes: parts that came and went, their order, and each part that stayed."""
        if old is new or (id(old), id(new)) in self.seen:
            return
        self.seen.add((id(old), id(new)))
        before = {each.json_name: each for each in old.children}
        after = {each.json_name: each for each in new.children}
        inside = f"{path}/" if path else ""
        if [name for name in before if name in after] != [name for name in after if name in before]:
            yield self.make(path, "class", "reordered", " ".join(before), " ".join(after), BOTH)
        if not (old.plain and new.plain) and _outline(old.group) != _outline(new.group):
            yield self.make(path, "class", "changed", "content model", "another content model", BOTH)
        for name in _merged(list(before), list(after)):
            spot = f"{inside}{name}"
            if name not in after:
                gone = before[name]
                yield self.make(spot, what(gone), "removed", occurs(gone), "", BOTH if gone.min else SENDERS)
            elif name not in before:
                fresh = after[name]
                yield self.make(spot, what(fresh), "added", "", occurs(fresh), BOTH if fresh.min else RECEIVERS)
            else:
                yield from self.elements(before[name], after[name], spot)


OCCURRENCE: Final = {True: ("made mandatory", SENDERS), False: ("made optional", RECEIVERS)}

Change = tuple[str, str, str, tuple[str, ...]]  # kind, old, new, whom it breaks


def _occurrence(old: Element, new: Element) -> Iterator[Change]:
    """Differences in how often an element stands."""
    before, after = occurs(old), occurs(new)
    if bool(old.min) != bool(new.min):
        kind, breaks = OCCURRENCE[bool(new.min)]
        yield kind, before, after, breaks
    elif old.min != new.min:
        yield "min changed", before, after, SENDERS if new.min > old.min else RECEIVERS
    if old.max != new.max:
        lower = new.max is not None and (old.max is None or new.max < old.max)
        yield "max changed", before, after, SENDERS if lower else RECEIVERS
    if old.many != new.many:
        words = {True: "an array in JSON", False: "no array in JSON"}
        yield "changed", words[old.many], words[new.many], BOTH


def _notation(old: Element, new: Element) -> Iterator[Change]:
    """Differences in names, nil and what is only said about the element."""
    if old.tag != new.tag:
        yield "changed", old.tag, new.tag, BOTH
    if old.nillable != new.nillable:
        yield VALUE_KINDS["fewer" if old.nillable else "more"], "", "nil", SENDERS if old.nillable else RECEIVERS
    told = [(f"WCO ID {old.wco_id}", f"WCO ID {new.wco_id}"), (f"UN/TDED {old.tded}", f"UN/TDED {new.tded}")]
    for before, after in told:
        if before != after:
            yield "described", before, after, NOBODY


def _outline(item: Group | Element | Wildcard | None) -> object:
    """A content model without its elements' own content, so that two can be compared."""
    if isinstance(item, Group):
        return (item.kind, item.min, item.max, [_outline(each) for each in item.items])
    if isinstance(item, Wildcard):
        return ("any", item.min, item.max)
    return item and item.json_name


def _merged(old: list[str], new: list[str]) -> list[str]:
    """All names in the new order, those that are gone at the place where they stood."""
    names = list(new)
    for at, name in enumerate(old):
        if name not in new:
            before = [each for each in old[:at] if each in names]
            names.insert(names.index(before[-1]) + 1 if before else 0, name)
    return names
