"""Where a declaration refers to documents, and who may have them by that. Pure.

Rule: an `AdditionalDocument/ID` that begins as ids of documents do refers to one, and an agency may have those whose
ids stand in the part of the declaration that it is sent. Reason: which documents an agency may know of is then said
where all else is said that it may know, in `disclose` of its profile, and on which goods items the requirements say;
nothing has to be kept in step with that.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from datamodel.findings import Finding, Step
from datamodel.structs import bare
from datamodel.wording import phrase, spoken
from gateway.attachments.documents import KEPT, PREFIX, Document, Use
from gateway.attachments.settings import DocumentSettings

_MARK: Final = PREFIX.encode()
_DECLARATION: Final[Step] = ("Declaration", None)
_SHIPMENT: Final[Step] = ("GoodsShipment", None)


class Reference(NamedTuple):
    """A document that a declaration names, as one of a type; `steps` lead to its id."""

    id: str
    type: str
    steps: tuple[Step, ...]


class Wanted(Exception):
    """A declaration names documents of which nothing is known yet; `ids` are theirs."""

    def __init__(self, ids: tuple[str, ...]) -> None:
        super().__init__(ids)
        self.ids = ids


def may_refer(document: bytes) -> bool:
    """Whether a declaration, as canonical JSON, has anything that could refer to a document; most have not."""
    return _MARK in document


def references(declaration: Any) -> tuple[Reference, ...]:
    """All references of a declaration or a part of one, in its order."""
    found = list(_named(getattr(declaration, "AdditionalDocument", ()), (_DECLARATION,)))
    shipment = getattr(declaration, "GoodsShipment", None)
    for at, item in enumerate(getattr(shipment, "GovernmentAgencyGoodsItem", ())):
        if documents := getattr(item, "AdditionalDocument", ()):
            found += _named(documents, (_DECLARATION, _SHIPMENT, ("GovernmentAgencyGoodsItem", at)))
    return tuple(found)


def _named(documents: Iterable[Any], above: tuple[Step, ...]) -> Iterator[Reference]:
    for at, each in enumerate(documents):
        named = str(bare(getattr(each, "ID", None)) or "").strip()
        if named.startswith(PREFIX):
            code = "".join(str(bare(getattr(each, part, None)) or "").strip() for part in ("CategoryCode", "TypeCode"))
            yield Reference(named, code, (*above, ("AdditionalDocument", at), ("ID", None)))


def faults(
    named: tuple[Reference, ...], known: Mapping[str, Document] | None, settings: DocumentSettings
) -> list[Finding]:
    """What is wrong with references. Raises Wanted where nothing is known of the documents."""
    if not named:
        return []
    ids = tuple(dict.fromkeys(each.id for each in named))
    if known is None:
        raise Wanted(ids)
    found = [_fault(_rule(known.get(each.id)), each.id, each.steps) for each in named if not _good(each.id, known)]
    if len(ids) > settings.per_case:
        expected = phrase("document.most", count=settings.per_case)
        found.append(_fault("document.many", str(len(ids)), named[settings.per_case].steps, expected))
    return found


def uses(named: Iterable[Reference], given: Mapping[str, Iterable[str]]) -> tuple[Use, ...]:
    """What a declaration uses; `given` are the ids of the documents that each delivery's request names."""
    types = {each.id: each.type for each in reversed(tuple(named))}
    of_case = [Use(document, code) for document, code in types.items()]
    return (*of_case, *(Use(each, types[each], delivery) for delivery, ids in given.items() for each in ids))


def listed(
    kind: type[msgspec.Struct], named: Iterable[Reference], known: Mapping[str, Document], address: str
) -> tuple[msgspec.Struct, ...]:
    """What a permit request says of the documents that it names, each once, under the class `kind`."""
    types = {each.id: each.type for each in reversed(tuple(named))}
    return tuple(
        kind(
            ID=each,
            TypeCode=types[each] or None,
            MIMECode=known[each].media,
            SizeNumeric=Decimal(known[each].size),
            DigestID=known[each].digest,
            URIID=f"{address}/{each}",
        )
        for each in sorted(types)
        if each in known  # where one is not, the declaration is refused, and this is never sent
    )


def _good(document_id: str, known: Mapping[str, Document]) -> bool:
    return document_id in known and known[document_id].state in KEPT


def _rule(document: Document | None) -> str:
    return "document.unknown" if document is None else "document.rejected"


def _fault(rule: str, value: str, steps: tuple[Step, ...], expected: str = "") -> Finding:
    severity, text, remedy = spoken().rules[rule]
    words = {"value": value, "expected": expected or phrase("document.id")}
    told = {"text": text.format(**words), "remedy": remedy.format(**words)}
    return Finding(rule=rule, severity=severity, steps=steps, **told, **words)
