"""Simple types as JSON Schema: what a value must be, as far as it can be said without ever refusing a right one.

Two limits are left out on purpose. Fractions of a multiple (`multipleOf: 0.01`) are refused by validators that count in
binary, 1.13 among them, so digits after the point are described, not demanded. Facets of a foreign type hold for
its text in XML; where JSON has a number or a boolean instead, patterns have nothing to hold on to.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from datamodel.json_patterns import ecma
from datamodel.model import SimpleType

Schema = dict[str, Any]

_ZONE = "(Z|[+-][0-9]{2}:[0-9]{2})?"
_DAY = "-?[0-9]{4,}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
LEXICAL = {  # forms of XML Schema's own types, written so that they refuse nothing that is valid
    "date": f"^{_DAY}{_ZONE}$",
    "dateTime": f"^{_DAY}T{_TIME}{_ZONE}$",
    "time": f"^{_TIME}{_ZONE}$",
    "gYear": f"^-?[0-9]{{4,}}{_ZONE}$",
    "gYearMonth": f"^-?[0-9]{{4,}}-[0-9]{{2}}{_ZONE}$",
    "hexBinary": "^([0-9A-Fa-f]{2})*$",
    "language": "^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$",
}
COUNTED = ("string", "token", "normalizedString", "anyURI", "language")  # whose lengths are characters
NOT_NUMBERS = {"decimal": [""], "boolean": ["", "0", "1"]}  # text that stands where JSON has no number, no true
NOT_FINITE = ["", "INF", "+INF", "-INF", "NaN"]


def value_schema(kind: SimpleType, empty: bool = False) -> Schema:
    """The schema of a value. `empty` lets an empty one in, which in XML may stand for a default."""
    if kind.json_kind == "string":
        made = _text(kind)
        return {"anyOf": [{"const": ""}, made]} if empty and len(made) > 1 else made
    made = _number(kind) if kind.json_kind == "number" else {"type": "boolean"}
    if not kind.sealed:
        return made
    words = NOT_NUMBERS.get(kind.primitive, NOT_FINITE)
    return {"anyOf": [made, {"enum": words if empty else words[1:]}]} if empty or words[1:] else made


def _number(kind: SimpleType) -> Schema:
    made: Schema = {"type": "number"}
    if kind.total_digits is not None:
        most = 10**kind.total_digits - 1
        made |= {"minimum": -most, "maximum": most}
    made |= {
        name: bound
        for name, bound in (("minimum", _bound(kind.low)), ("maximum", _bound(kind.high)))
        if bound is not None
    }
    if kind.fraction_digits == 0:
        made["multipleOf"] = 1
    codes = [number for number in map(_bound, kind.values) if number is not None]
    return {**made, "enum": codes} if codes and len(codes) == len(kind.values) else made


def _bound(text: str | None) -> Decimal | int | None:
    """A number as JSON writes it; None for what it cannot write."""
    try:
        number = Decimal(text or "")
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    return int(number) if number == number.to_integral_value() else number


def _text(kind: SimpleType) -> Schema:
    if kind.values and not (kind.sealed and kind.values[0].startswith("[")):
        return {"type": "string", "enum": list(kind.values)}
    made: Schema = {"type": "string"}
    # A foreign type that collapses white space may be a list, whose length counts items and whose codes are lists.
    if kind.primitive in COUNTED and not (kind.sealed and kind.white_space == "collapse"):
        bounds = {"minLength": kind.length or kind.min_length, "maxLength": kind.length or kind.max_length}
        made |= {name: bound for name, bound in bounds.items() if bound}
    if kind.primitive == "base64Binary":
        made["contentEncoding"] = "base64"
    found = [LEXICAL.get(kind.primitive), ecma(kind.pattern) if kind.pattern else None]
    patterns = [pattern for pattern in found if pattern]
    if len(patterns) > 1:
        made["allOf"] = [{"pattern": pattern} for pattern in patterns]
    elif patterns:
        made["pattern"] = patterns[0]
    return made
