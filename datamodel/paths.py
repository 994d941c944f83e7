"""Compiled reading of a path in typed documents, with the position of everything that is found on the way.

A path is a string of JSON names below the root element, `Declaration/GoodsShipment/Invoice/ID`; its last step may be
an XML attribute, `Declaration/InvoiceAmount/@currencyID`. What may repeat is followed in all its occurrences.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, Final

from datamodel.findings import Step
from datamodel.model import ClassType, Element, child

CONTENT: Final = "$content"  # property of a class that keeps the order of different elements (docs/mapping.md)

Found = tuple[tuple[Step, ...], Any]


def reader(root: Element, path: str) -> Callable[[Any], Iterator[Found]]:
    """A function from a document to the steps and value of every occurrence, in document order; none for absent ones.

    A simple element gives its bare value (text or Decimal), an attribute its text, a class its struct or dict.
    Raises ValueError for a path that the model does not have.
    """
    names = path.split("/") if path else []
    attribute = names.pop()[1:] if names and names[-1].startswith("@") else None
    places = _resolve(root, names, path)
    last = places[-1][1] if places else root
    if attribute is not None and attribute not in {use.label for use in last.content.attributes}:
        raise ValueError(f"no attribute {attribute!r} on {last.json_name!r} in path {path!r}")

    def read(document: Any) -> Iterator[Found]:
        for steps, part in _follow(document, places, 0, ()):
            value = part if isinstance(last.content, ClassType) else value_of(part)
            value = value if attribute is None else attribute_of(part, attribute)
            if value is not None:
                yield steps, value

    return read


def _resolve(root: Element, names: list[str], path: str) -> list[tuple[ClassType, Element]]:
    """The class and the element of each step. Raises ValueError that names the bad one."""
    places: list[tuple[ClassType, Element]] = []
    element = root
    for name in names:
        found = child(element, name)
        if found is None or not isinstance(element.content, ClassType):
            raise ValueError(f"no {name!r} below {element.json_name!r} in path {path!r}")
        places.append((element.content, found))
        element = found
    return places


def _follow(part: Any, places: list[tuple[ClassType, Element]], at: int, steps: tuple[Step, ...]) -> Iterator[Found]:
    if at == len(places):
        yield steps, part
        return
    content, element = places[at]
    for index, below in occurrences(part, content, element):
        yield from _follow(below, places, at + 1, (*steps, (element.json_name, index)))


def occurrences(part: Any, content: ClassType, element: Element) -> Iterable[tuple[int | None, Any]]:
    """Every occurrence of a child element in a part, with its index where it may repeat."""
    if not isinstance(part, dict):
        value = getattr(part, element.field)
    elif CONTENT in part:
        value = [entry[element.json_name] for entry in part[CONTENT] if element.json_name in entry]
    else:
        value = part.get(element.json_name)
    if isinstance(value, tuple | list):
        repeats = element.json_name in content.arrays
        return enumerate(value) if repeats else [(None, each) for each in value]
    return () if value is None else ((None, value),)


def value_of(value: Any) -> Any:
    """The value itself of a simple element, with or without XML attributes."""
    if isinstance(value, dict):
        return value.get("value")
    return getattr(value, "value", value)


def attribute_of(part: Any, label: str) -> Any:
    """An XML attribute's value by its JSON name without the @; None where it is absent."""
    if isinstance(part, dict):
        return part.get(f"@{label}")
    return getattr(part, attribute_field(label), None)


@cache
def attribute_field(label: str) -> str:
    """The field of a struct for an XML attribute of that JSON name. Labels are those of models, which are not many."""
    return f"at_{label.replace(':', '_').replace('-', '_')}"
