"""From a declaration to its agencies: what the requirements table says of each goods item, gathered by agency.

Rule: the same declaration, table and day give the same routes, in the same order, whoever asks. Nothing here reads a
clock or a file, so that an enquiry, a dry run and the real thing cannot differ.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from datamodel.structs import bare
from gateway.requirements import Agency, Direction, Requirement, RequirementTable

# First two letters of the declaration's TypeCode. CO (special territories) goes both ways: the procedure tells.
_DIRECTION_BY_TYPE: dict[str, Direction] = {"IM": "import", "EX": "export"}
# Requested procedures by which goods leave: export, outward processing, temporary export, re-export, and placing under
# control before export. All others bring goods in or keep them in.
_EXPORT_PROCEDURES = ("1", "2", "3", "76", "77")
# Classification types in the order in which they are believed: tariff specification, Harmonized System.
_TARIFF_TYPES = ("TSP", "HS")
_NON_PREFERENTIAL = "1"  # type of the origin that controls go by; the preferential one only serves the duty
_NO_DIGIT = re.compile(r"[^0-9]")
# Of a classification of any other type: a shorter one is an addition to a tariff code, not a code of its own.
_TARIFF_CODE = re.compile(r"[0-9]{4,}")


class Goods(msgspec.Struct, frozen=True, kw_only=True):
    """What the table asks of one goods item. None where the declaration does not say. `hs` is digits."""

    sequence: int
    hs: str | None
    procedure: str | None
    origin: str | None
    destination: str | None


class Route(msgspec.Struct, frozen=True):
    """One agency's part: its requirements, each with the items that it is for, and all of those items."""

    agency: Agency
    requirements: tuple[tuple[Requirement, tuple[int, ...]], ...]
    items: tuple[int, ...]


def direction(declaration: Any) -> Direction:
    """Which way the goods go: as the type code says, else as the first goods item's procedure does."""
    by_type = _DIRECTION_BY_TYPE.get((_text(declaration, "TypeCode") or "")[:2])
    if by_type:
        return by_type
    for item in _items(declaration):
        procedure = _procedure(item)
        if procedure:
            return "export" if procedure.startswith(_EXPORT_PROCEDURES) else "import"
    return "import"


def goods(declaration: Any) -> tuple[Goods, ...]:
    """The facts of every goods item, in the order of the document."""
    bound_for = _country(getattr(declaration, "GoodsShipment", None), "Destination")
    return tuple(
        Goods(
            sequence=int(bare(item.SequenceNumeric)),
            hs=_hs(item),
            procedure=_procedure(item),
            origin=_origin(item),
            destination=_country(item, "Destination") or bound_for,
        )
        for item in _items(declaration)
    )


def route(declaration: Any, table: RequirementTable, agencies: Mapping[str, Agency], on: date) -> tuple[Route, ...]:
    """Who must see a declaration on a day, ordered by code. Raises KeyError where a row names an unknown agency."""
    way = direction(declaration)
    wanted: dict[str, dict[str, tuple[Requirement, set[int]]]] = {}
    known: dict[tuple[str | None, ...], list[Requirement]] = {}  # a long declaration has few kinds of goods
    for item in goods(declaration):
        facts = (item.hs, item.procedure, item.origin, item.destination)
        if facts not in known:
            known[facts] = table.match(item.hs, way, item.procedure, item.origin, item.destination, on)
        for row in known[facts]:
            wanted.setdefault(row.agency, {}).setdefault(row.id, (row, set()))[1].add(item.sequence)
    return tuple(
        Route(
            agency=agencies[code],
            requirements=tuple((row, tuple(sorted(items))) for _, (row, items) in sorted(rows.items())),
            items=tuple(sorted(set().union(*(items for _, items in rows.values())))),
        )
        for code, rows in sorted(wanted.items())
    )


def _items(declaration: Any) -> tuple[Any, ...]:
    shipment = getattr(declaration, "GoodsShipment", None)
    return getattr(shipment, "GovernmentAgencyGoodsItem", ())


def _hs(item: Any) -> str | None:
    best: dict[str | None, str] = {}  # the first tariff code of each type
    other = None
    for each in getattr(item.Commodity, "Classification", ()):
        kind, code = _text(each, "IdentificationTypeCode"), _text(each, "ID")
        if code is not None:
            if kind in _TARIFF_TYPES and (digits := _NO_DIGIT.sub("", code)):
                best.setdefault(kind, digits)
            if other is None and _TARIFF_CODE.fullmatch(code):
                other = code
    return next((best[kind] for kind in _TARIFF_TYPES if kind in best), other)


def _procedure(item: Any) -> str | None:
    """Requested and previous procedure in one, such as 4000. Further entries are additional procedures."""
    first = None
    for each in item.GovernmentProcedure:
        current, previous = _text(each, "CurrentCode"), _text(each, "PreviousCode")
        if current and previous:
            return f"{current}{previous}"
        first = first or current
    return first


def _origin(item: Any) -> str | None:
    """Where the goods come from; where several origins are given, the non-preferential one."""
    several = item.Origin
    if len(several) > 1:
        several = sorted(several, key=lambda origin: _text(origin, "TypeCode") != _NON_PREFERENTIAL)
    return next((country for origin in several if (country := _country(origin))), None)


def _country(node: Any, *names: str) -> str | None:
    """A country code in capitals: the message types admit small letters, the table has none."""
    code = _text(node, *names, "CountryCode")
    return code and code.upper()


def _text(node: Any, *names: str) -> str | None:
    """The bare text at the end of a path of single elements, or None where a step is missing or empty."""
    for name in names:
        node = getattr(node, name, None)
    return None if node is None else str(bare(node)).strip() or None
