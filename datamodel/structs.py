"""Typed documents: a frozen `msgspec.Struct` per class of a message, with the constraints that msgspec can check.

The constraints are on the safe side: what these types accept is valid and already in normal form, and what they
refuse may still be valid (white space that XML would fold, say). The checker has the last word on that rest.
Where `datamodel.native` judges the values, the types are *loose*: they say only what is a text and what a number.
Absent optional parts are None, absent repeatable parts the empty tuple; both are left out when written.
"""

from decimal import Decimal
from typing import Annotated, Any

import msgspec

from datamodel.facets import safe_pattern
from datamodel.limits import MAX_DIGITS
from datamodel.model import LOCATION_HINTS, ClassType, Element, Simple, SimpleType
from datamodel.native import AVAILABLE
from datamodel.numbers import plain, within

HINT_FIELDS = tuple((f"at_xsi_{name}", f"@xsi:{name}") for name in LOCATION_HINTS)


class NumberType(type):
    """The kind of types that stand for a number position: msgspec hands their JSON values to `number_hook`."""

    simple: Simple
    attributed: type[msgspec.Struct] | None
    bare: bool  # whether the number may stand without XML attributes

    def __instancecheck__(cls, value: object) -> bool:
        return True  # the hook has just built it


def bare(value: Any) -> Any:
    """The value itself of a simple element, with or without XML attributes."""
    return getattr(value, "value", value)


def number_hook(kind: NumberType, value: Any) -> Any:
    """JSON number, or object with `value` and attributes, to what the struct holds. Raises ValueError to refuse."""
    if isinstance(value, dict) and kind.attributed is not None:
        attributes = msgspec.convert({**value, "value": "0"}, kind.attributed)
        return msgspec.structs.replace(attributes, value=_number(kind, value.get("value")))
    if not kind.bare:
        raise ValueError("attributes are missing")
    return _number(kind, value)


def _number(kind: NumberType, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("expected a number")
    number = plain(Decimal(value), MAX_DIGITS)
    if not within(number, kind.simple.type):
        raise ValueError("digits")
    return number


class StructBuilder:
    """Makes the struct types of one message. Equal classes share one type, so that compilation stays short."""

    def __init__(self, loose: bool = AVAILABLE) -> None:
        self.loose = loose
        self.classes: dict[ClassType, type[msgspec.Struct]] = {}
        self.simples: dict[Simple, Any] = {}
        self._attributed: dict[Simple, type[msgspec.Struct]] = {}

    def of_class(self, name: str, content: ClassType) -> type[msgspec.Struct]:
        """The struct type of a class."""
        if content not in self.classes:
            hints = [(field, str, None) for field, _ in HINT_FIELDS]
            fields = [self.field(element) for element in content.children]
            rename = {element.field: element.json_name for element in content.children} | dict(HINT_FIELDS)
            self.classes[content] = _define(name, [*hints, *fields], rename)
        return self.classes[content]

    def field(self, element: Element) -> tuple[Any, ...]:
        """The field of a position for defstruct; without a default where the position must be filled."""
        kind = self.type_of(element)
        if element.many:
            bounds = msgspec.Meta(min_length=element.min or None, max_length=element.max)
            kind = Annotated[tuple[kind, ...], bounds]  # type: ignore[valid-type]
        absent = () if element.many else None
        return (element.field, kind) if element.min else (element.field, kind, absent)

    def type_of(self, element: Element) -> Any:
        """The Python type of one occurrence of an element."""
        content = element.content
        if isinstance(content, ClassType):
            return self.of_class(element.name, content)
        if content not in self.simples:
            self.simples[content] = self._simple(content)
        return self.simples[content]

    def _simple(self, content: Simple) -> Any:
        attributed = self.attributed(content)
        required = any(use.required for use in content.attributes)
        if content.type.primitive == "decimal" and not self.loose:
            body = {"simple": content, "attributed": attributed, "bare": not required}
            return NumberType(content.type.name, (), body)
        value = self.value_type(content.type)
        if attributed is None:
            return value
        return attributed if required else value | attributed

    def attributed(self, content: Simple) -> type[msgspec.Struct] | None:
        """The struct type of a value that carries XML attributes; None where it may carry none."""
        if content.attributes and content not in self._attributed:
            self._attributed[content] = self._with_attributes(content)
        return self._attributed.get(content)

    def value_type(self, kind: SimpleType) -> Any:
        """The Python type of the values of a simple type."""
        if kind.primitive == "decimal":
            return Decimal if self.loose else Any
        return str if self.loose else text_type(kind)

    def _with_attributes(self, content: Simple) -> type[msgspec.Struct]:
        value = self.value_type(content.type)
        fields: list[tuple[Any, ...]] = []
        for use in content.attributes:
            field = (f"at_{use.name}", self.value_type(use.type))
            fields.append(field if use.required else (*field, None))
        fields.append(("value", value))
        rename = {f"at_{use.name}": f"@{use.name}" for use in content.attributes} | {"value": "value"}
        optional = not any(use.required for use in content.attributes)
        namespace = {"__post_init__": _refuse_bare} if optional and not self.loose else {}
        return _define(content.type.name.replace(".", "_"), fields, rename, namespace)


def text_type(kind: SimpleType) -> Any:
    """A constrained `str` that accepts only normal forms of the type."""
    low = kind.length or kind.min_length
    high = kind.length or kind.max_length
    return Annotated[str, msgspec.Meta(min_length=low, max_length=high, pattern=safe_pattern(kind))]


def _refuse_bare(self: Any) -> None:
    """A value without attributes has one normal form only: the bare value."""
    if all(getattr(self, field) is None for field in self.__struct_fields__ if field != "value"):
        raise ValueError("a value without attributes is written bare")


def _define(
    name: str, fields: list[tuple[Any, ...]], rename: dict[str, str], namespace: dict[str, Any] | None = None
) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        name,
        fields,
        rename=rename,
        namespace=namespace,
        frozen=True,
        omit_defaults=True,
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,  # frozen, and built from below: there can be no circle for the collector to find
    )
