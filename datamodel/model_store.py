"""Models of foreign schemas as bytes and back, so that a start need not read the schemas again.

Classes may contain themselves, so they are written as a numbered list and refer to one another by number.
"""

from typing import Any

import msgspec

from datamodel.model import AttributeUse, ClassType, Element, Group, Model, Simple, Wildcard

FORM = 1  # rises when the model changes its shape; stores of another form are made anew


class _Position(msgspec.Struct, tag="e", array_like=True):
    facts: dict[str, Any]
    content: int | Simple


class _Wild(msgspec.Struct, tag="w", array_like=True):
    min: int
    max: int | None


class _Group(msgspec.Struct, tag="g", array_like=True):
    kind: str
    items: list["_Position | _Group | _Wild"]
    min: int
    max: int | None


class _Class(msgspec.Struct):
    facts: dict[str, Any]
    attributes: tuple[AttributeUse, ...]
    group: _Group | None
    children: list[_Position]


class _Model(msgspec.Struct):
    facts: dict[str, Any]
    root: _Position
    types: dict[str, int | Simple]


class _Store(msgspec.Struct):
    form: int
    classes: list[_Class]
    models: dict[str, _Model]


CLASS_FACTS = ("name", "arrays", "open", "wild", "plain", "sequence", "interleaved", "unordered")
MODEL_FACTS = ("key", "title", "payload", "when", "prefixes", "typed")
POSITION_FACTS = tuple(field for field in Element.__struct_fields__ if field != "content")


class _Writer:
    def __init__(self) -> None:
        self.numbers: dict[ClassType, int] = {}
        self.classes: list[_Class | None] = []

    def content(self, content: Simple | ClassType) -> int | Simple:
        if isinstance(content, Simple):
            return content
        if content not in self.numbers:
            number = self.numbers[content] = len(self.classes)
            self.classes.append(None)
            facts = {field: getattr(content, field) for field in CLASS_FACTS}
            group = self.group(content.group) if content.group else None
            children = [self.position(each) for each in content.children]
            self.classes[number] = _Class(facts, content.attributes, group, children)
        return self.numbers[content]

    def position(self, element: Element) -> _Position:
        facts = {field: getattr(element, field) for field in POSITION_FACTS}
        return _Position(facts, self.content(element.content))

    def group(self, group: Group) -> _Group:
        return _Group(group.kind, [self.item(item) for item in group.items], group.min, group.max)

    def item(self, item: Group | Element | Wildcard) -> Any:
        if isinstance(item, Element):
            return self.position(item)
        return self.group(item) if isinstance(item, Group) else _Wild(item.min, item.max)


class _Reader:
    def __init__(self, classes: list[_Class]) -> None:
        self.specs = classes
        self.made = [ClassType(**_tuples(each.facts), attributes=each.attributes) for each in classes]
        for made, spec in zip(self.made, classes, strict=True):
            made.arrays = frozenset(spec.facts["arrays"])
            made.group = self.group(spec.group) if spec.group else None
            made.children = tuple(self.position(each) for each in spec.children)

    def content(self, content: int | Simple) -> Simple | ClassType:
        return self.made[content] if isinstance(content, int) else content

    def position(self, position: _Position) -> Element:
        return Element(**_tuples(position.facts), content=self.content(position.content))

    def group(self, group: _Group) -> Group:
        return Group(group.kind, tuple(self.item(item) for item in group.items), group.min, group.max)

    def item(self, item: "_Position | _Group | _Wild") -> Group | Element | Wildcard:
        if isinstance(item, _Position):
            return self.position(item)
        return self.group(item) if isinstance(item, _Group) else Wildcard(item.min, item.max)


def _tuples(facts: dict[str, Any]) -> dict[str, Any]:
    """Lists as the tuples that they were."""
    return {field: _tuple(value) for field, value in facts.items()}


def _tuple(value: Any) -> Any:
    return tuple(_tuple(each) for each in value) if isinstance(value, list) else value


def encode(models: dict[str, Model]) -> bytes:
    """All models of a package in one store; they share their classes."""
    writer = _Writer()
    stored = {}
    for key, model in models.items():
        facts = {field: getattr(model, field) for field in MODEL_FACTS}
        types = {name: writer.content(kind) for name, kind in model.types.items()}
        stored[key] = _Model(facts, writer.position(model.root), types)
    return msgspec.msgpack.encode(_Store(FORM, [each for each in writer.classes if each is not None], stored))


def decode(data: bytes) -> dict[str, Model]:
    """The models of a store. Raises ValueError for bytes that are no store of this form."""
    try:
        store = msgspec.msgpack.decode(data, type=_Store)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a store of models: {error}") from None
    if store.form != FORM:
        raise ValueError(f"a store of form {store.form}, not {FORM}")
    reader = _Reader(store.classes)
    return {
        key: Model(
            **_tuples(model.facts),
            root=reader.position(model.root),
            types={name: reader.content(kind) for name, kind in model.types.items()},
        )
        for key, model in store.models.items()
    }
