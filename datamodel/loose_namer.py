"""JSON values to instances, for models of foreign schemas: the mapping of docs/mapping.md read backwards.

Nothing is judged here. What the model does not know keeps its JSON name, so that the checker, or libxml2, refuses it.
"""

from datamodel.instances import Attribute, Instance
from datamodel.json_instances import HINTS, Places, Value
from datamodel.loose_reader import CONTENT, TEXT
from datamodel.model import NIL, TYPE, ClassType, Element, Model, Simple

NO_TEXT = "\0"  # a text that no type takes: stands for a JSON value where only a string can be


class LooseNamer:
    """Gives JSON values the names and order of a model."""

    def __init__(self, model: Model, places: Places) -> None:
        self.model, self.places = model, places
        self.uri_of = dict(model.prefixes)

    def element(self, element: Element, label: str, at: int, value: Value) -> Instance:
        """One occurrence of a known element."""
        found = Instance(element.tag, label, *self.places.of(at), kind=value.kind)
        content = self._asked(element.content, found, value)
        if value.kind == "null":
            found.attributes = {**found.attributes, NIL: Attribute("true", found.line, found.column)}
        elif value.kind != "object":
            found.text = value.text
        elif isinstance(content, Simple):
            self._simple(content, found, value)
        else:
            self._members(content, found, value)
        return found

    def _asked(self, content: Simple | ClassType, found: Instance, value: Value) -> Simple | ClassType:
        """The content, or that of the type which `@xsi:type` names."""
        for name, at, member in value.members:
            if name == "@xsi:type":
                prefix, _, local = member.text.rpartition(":")
                uri = self.uri_of.get(prefix, "")
                self._put(found, TYPE, member.text, at)
                return self.model.types.get(f"{{{uri}}}{local}" if uri else local, content)
        return content

    def _put(self, found: Instance, name: str, text: str, at: int, kind: str = "string") -> None:
        found.attributes = {**found.attributes, name: Attribute(text, *self.places.of(at), kind)}

    def _attribute(self, content: Simple | ClassType, found: Instance, name: str, at: int, member: Value) -> None:
        """An attribute by its JSON name; numbers and booleans only where the type is one."""
        if name in ("@xsi:type", "@xsi:nil"):
            self._put(found, TYPE if name == "@xsi:type" else NIL, member.text, at)
            return
        use = next((use for use in content.attributes if f"@{use.label}" == name), None)
        full = use.name if use else HINTS.get(name, name[1:])
        fits = use is not None and member.kind == use.type.json_kind
        self._put(found, full, member.text, at, "string" if fits else member.kind)

    def _simple(self, content: Simple, found: Instance, value: Value) -> None:
        found.kind = "absent"
        for name, at, member in value.members:
            if name == "value":
                found.kind, found.text = member.kind, member.text
                if member.kind == "null":
                    self._put(found, NIL, "true", at)
            elif name.startswith("@"):
                self._attribute(content, found, name, at, member)
            else:
                for item in member.items or [member]:
                    found.add(Instance(name, name, *self.places.of(item.at if member.items else at), kind=item.kind))
        if NIL in found.attributes:
            found.kind = "null"

    def _members(self, content: ClassType, found: Instance, value: Value) -> None:
        known = {element.json_name: index for index, element in enumerate(content.children)}
        for name, at, member in sorted(value.members, key=lambda each: known.get(each[0], len(known))):
            if name.startswith("@"):
                self._attribute(content, found, name, at, member)
            elif name == CONTENT and member.kind == "array":
                self._ordered(content, known, found, member)
            else:
                self._property(content, known, found, name, at, member)

    def _ordered(self, content: ClassType, known: dict[str, int], found: Instance, value: Value) -> None:
        """`$content`: objects of one property each, in the order of the document."""
        for item in value.items:
            for name, at, member in item.members if item.kind == "object" else [(CONTENT, item.at, item)]:
                if name in known:
                    found.add(self.element(content.children[known[name]], name, at, member))
                else:
                    self._unknown(content, found, name, at, member)

    def _property(
        self, content: ClassType, known: dict[str, int], found: Instance, name: str, at: int, member: Value
    ) -> None:
        """All occurrences under one property name."""
        many = member.kind == "array"
        if name == "value" and name not in known and member.kind == "string" and member.text.strip():
            found.text = member.text  # an object with `value` is how a text with attributes is written
            return
        if name not in known:
            for item in member.items if many else [member]:
                self._unknown(content, found, name, at, item)
            return
        element = content.children[known[name]]
        for item in member.items if many else [member]:
            below = self.element(element, name, item.at if many else at, item)
            if many != (name in content.arrays) and len(member.items) < 2:
                below.stray = "single" if many else "array"
            found.add(below)

    def _unknown(self, content: ClassType, found: Instance, name: str, at: int, member: Value) -> None:
        if content.wild and name.startswith("{"):
            found.add(self.foreign(name, at, member))
        else:
            found.add(Instance(name, name, *self.places.of(at), kind=member.kind))

    def foreign(self, name: str, at: int, value: Value) -> Instance:
        """An element that no schema describes, under its full name."""
        found = Instance(name, name.rpartition("}")[2], *self.places.of(at), kind=value.kind)
        found.text = value.text if value.kind == "string" else "" if value.kind == "object" else NO_TEXT
        for key, where, member in value.members:
            if key == TEXT:
                found.text = member.text
            elif key == CONTENT:
                self._foreign_parts(found, member)
            else:
                self._put(found, key[1:] if key.startswith("@") else key, member.text, where)
        return found

    def _foreign_parts(self, found: Instance, value: Value) -> None:
        for item in value.items:
            for name, at, member in item.members:
                if name != TEXT:
                    found.add(self.foreign(name, at, member))
                elif found.children:
                    found.children[-1].tail = member.text
                else:
                    found.text = member.text
