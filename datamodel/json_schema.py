"""The model as JSON Schema 2020-12, written when asked for, never stored.

Rule: the schema takes the canonical JSON of every valid document, and refuses whatever differs from it in structure:
unknown, missing, repeated, misplaced properties, wrong kinds of values. In values it is as strict as JSON Schema can be
without a risk of refusing a right one. The forms that the gateway also takes on input are in it as far as they are
cheap to say: `{"value": ...}` for a bare value, an empty array for an absent element.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from datamodel.content import leaves
from datamodel.json_groups import NEVER, Count, all_of, counts, presence, total
from datamodel.json_values import value_schema
from datamodel.model import LOCATION_HINTS, ClassType, Element, Model, Simple

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ENCODER = msgspec.json.Encoder(decimal_format="number")
CONTENT = "$content"
HINTS: Schema = {f"@xsi:{name}": {"type": "string"} for name in LOCATION_HINTS}
SCALAR: Schema = {"type": ["string", "number", "boolean"]}
FOREIGN = "element without schema"
NEEDS_FOREIGN: Schema = {"not": {"propertyNames": {"not": {"pattern": "^\\{"}}}}
SUBSTITUTED: dict[type, str] = {ClassType: "class of another xsi:type", Simple: "value of another xsi:type"}
NIL: Schema = {
    "type": "object",
    "properties": {"@xsi:nil": {"const": "true"}},
    "patternProperties": {"^@": SCALAR},
    "required": ["@xsi:nil"],
    "additionalProperties": False,
}


def json_schema(model: Model) -> Schema:
    """The schema of a message, as an object that `write` puts into JSON; numbers may be Decimals."""
    writer = _Writer(model)
    root = writer.occurrence(model.root)
    return {
        "$schema": DIALECT,
        "$id": f"urn:guichet:message:{model.key}",
        "title": model.title,
        "$comment": f"{model.key}. Patterns are of ECMA-262 with the u flag.",
        "type": "object",
        "properties": {model.root.json_name: root},
        "required": [model.root.json_name],
        "additionalProperties": False,
        "$defs": writer.definitions,
    }


def write(model: Model) -> bytes:
    """The schema of a message as JSON, for people to read too."""
    return msgspec.json.format(ENCODER.encode(json_schema(model)), indent=2)


class _Writer:
    """The definitions of one message. Equal ones are kept once."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.definitions: dict[str, Schema] = {}
        self.known: dict[tuple[str, bytes], str] = {}
        self.classes: dict[int, str] = {}
        prefixes = {uri: prefix for prefix, uri in reversed(model.prefixes)}
        self.asked = {id(kind): _short(name, prefixes) for name, kind in model.types.items()}

    def define(self, label: str, make: Callable[[str], Schema]) -> str:
        """The name of a definition: `label`, with a number where another definition has it already."""
        name = next(each for each in _numbered(label) if each not in self.definitions)
        self.definitions[name] = {}
        made = make(name)
        twin = self.known.setdefault((label, ENCODER.encode(made)), name)
        if twin == name:
            self.definitions[name] = made
        else:
            del self.definitions[name]
        return twin

    def position(self, element: Element, count: Count) -> Schema:
        """The property of an element: one occurrence, or an array of as many as `count` says."""
        one = self.occurrence(element)
        if not element.many:
            return one
        facts = {"description": one.pop("description")} if "description" in one else {}
        bounds = {"minItems": count.low, "maxItems": count.high}
        return {**facts, "type": "array", "items": one, **{name: bound for name, bound in bounds.items() if bound}}

    def occurrence(self, element: Element) -> Schema:
        """One occurrence of an element, with the facts about it."""
        made = self.reference(element.content, element.name)
        others = [_refer(name) for name in self.substitutes(element.content)]
        if element.nillable:
            others += [{"type": "null"}, NIL]
        facts = {"description": facts_of(element)} if facts_of(element) else {}
        return {**({"anyOf": [made, *others]} if others else made), **facts}

    def reference(self, content: Simple | ClassType, label: str) -> Schema:
        """A reference to the definition of a content."""
        if isinstance(content, Simple):
            return self.simple(content, label)
        if id(content) not in self.classes:
            self.classes[id(content)] = self.define(content.name or label, lambda name: self.class_type(content, name))
        return _refer(self.classes[id(content)])

    def substitutes(self, content: Simple | ClassType) -> list[str]:
        """The definition of what `xsi:type` may put in the place of a content, if anything."""
        kind = type(content)
        others = [each for each in self.model.types.values() if isinstance(each, kind)]
        if not others or others == [content]:
            return []
        label = SUBSTITUTED[kind]
        if label not in self.definitions:
            made: Schema = {"type": "object", "required": ["@xsi:type"], "anyOf": []}
            self.definitions[label] = made
            made["anyOf"] += [self.reference(each, each.name if isinstance(each, ClassType) else "") for each in others]
        return [label]

    def simple(self, content: Simple, label: str) -> Schema:
        """A value, bare or with its attributes."""
        kind = content.type
        value = _refer(self.define(kind.name or label, lambda _: value_schema(kind, empty=kind.sealed)))
        if self.model.typed and not content.attributes:
            return value
        around = {
            "type": "object",
            "properties": {**self.attributes(content), "value": value},
            "required": [*_required(content), "value"],
            **_open(content),
            "additionalProperties": False,
        }
        made = around if _required(content) else {"anyOf": [value, around]}
        return _refer(self.define(f"{kind.name or label}.content", lambda _: made))

    def attributes(self, content: Simple | ClassType) -> Schema:
        """The properties that begin with `@`."""
        made: Schema = {f"@{use.label}": value_schema(use.type) for use in content.attributes}
        if isinstance(content, ClassType) or not self.model.typed:
            made |= HINTS
        if not self.model.typed:
            asked = self.asked.get(id(content))
            if asked or isinstance(content, Simple):
                made["@xsi:type"] = {"const": asked} if asked else {"type": "string"}
        return made

    def class_type(self, content: ClassType, name: str) -> Schema:
        """A class as an object; with its elements in an array where their order is data."""
        self.classes[id(content)] = name
        if content.interleaved:
            return self.ordered(content)
        return {"anyOf": [self.named(content), self.ordered(content)]} if content.unordered else self.named(content)

    def named(self, content: ClassType) -> Schema:
        """A class whose elements are properties."""
        names = {element.tag: element.json_name for element in content.children}
        rules = presence(content.group, names) if content.group else {}
        if content.group and counts(content.group).get("", NEVER).low:
            rules = all_of([rules, NEEDS_FOREIGN])
        counted = occurrences(content)
        properties = {each.json_name: self.position(each, counted[each.tag]) for each in content.children}
        return self.around(content, properties, rules)

    def ordered(self, content: ClassType) -> Schema:
        """A class whose elements stand in `$content`, one object each."""
        counted = counts(content.group) if content.group else {}
        items = [_single(each.json_name, self.occurrence(each)) for each in content.children]
        if content.wild:
            items.append(_one_property(self.foreign()))
        limits = [_contains(each.json_name, counted[each.tag]) for each in content.children]
        least, most = total(content.group) if content.group else NEVER
        array: Schema = {"type": "array", "items": {"anyOf": items}, "minItems": least, "maxItems": most}
        array["allOf"] = [limit for limit in limits if limit]
        array = {name: part for name, part in array.items() if part}
        return self.around(content, {CONTENT: array}, {"required": [CONTENT]} if least else {})

    def around(self, content: ClassType, properties: Schema, rules: Schema) -> Schema:
        """The object of a class."""
        required = [*_required(content), *rules.get("required", ())]
        rest = {name: rule for name, rule in rules.items() if name != "required"}
        made: Schema = {"type": "object", "properties": {**self.attributes(content), **properties}}
        made |= {"required": required} if required else {}
        made |= {"allOf": rest["allOf"] if [*rest] == ["allOf"] else [rest]} if rest else {}
        return {**made, **self.wild(content), "additionalProperties": False}

    def wild(self, content: ClassType) -> Schema:
        """The keyword that lets foreign elements and attributes in."""
        patterns: Schema = dict(_open(content).get("patternProperties", {}))
        if content.wild:
            patterns |= self.foreign()
        return {"patternProperties": patterns} if patterns else {}

    def foreign(self) -> Schema:
        """The names of elements that no schema describes, and what they may be."""
        self.definitions.setdefault(FOREIGN, _foreign())
        return {"^\\{": _refer(FOREIGN)}


def occurrences(content: ClassType) -> dict[str, Count]:
    """How often each element of a class stands where it stands at all."""
    if content.group is None:
        return {}
    single = Counter(leaf.tag for leaf in leaves(content.group))
    bounds = {each.tag: each.min for each in content.children if single[each.tag] == 1}
    return {tag: Count(max(count.low, bounds.get(tag, 0)), count.high) for tag, count in counts(content.group).items()}


def facts_of(element: Element) -> str:
    """What the data model says about an element, in one line."""
    facts = (("WCO ID", element.wco_id), ("UN/TDED", element.tded), ("format", element.format))
    return ", ".join(f"{name} {value}" for name, value in facts if value)


def _refer(name: str) -> Schema:
    pointer = name.replace("~", "~0").replace("/", "~1")
    return {"$ref": f"#/$defs/{quote(pointer, safe='~!$&*+,;=:@')}"}


def _numbered(label: str) -> Iterator[str]:
    yield label
    yield from (f"{label}-{number}" for number in itertools.count(2))


def _short(name: str, prefixes: dict[str, str]) -> str:
    """The name of a type as `@xsi:type` gives it."""
    uri, _, local = name.rpartition("}")
    prefix = prefixes.get(uri[1:], "")
    return f"{prefix}:{local}" if prefix else local


def _required(content: Simple | ClassType) -> list[str]:
    return [f"@{use.label}" for use in content.attributes if use.required]


def _open(content: Simple | ClassType) -> Schema:
    """The keyword for attributes that the schema leaves open."""
    return {"patternProperties": {"^@": SCALAR}} if content.open else {}


def _single(name: str, schema: Schema) -> Schema:
    return {"type": "object", "properties": {name: schema}, "required": [name], "additionalProperties": False}


def _contains(name: str, count: Count) -> Schema:
    """The keywords that count how often a name stands in `$content`."""
    if not count.low and count.high is None:
        return {}
    most = {} if count.high is None else {"maxContains": count.high}
    return {"contains": {"required": [name]}, "minContains": count.low, **most}


def _one_property(patterns: Schema) -> Schema:
    one = {"type": "object", "patternProperties": patterns, "minProperties": 1, "maxProperties": 1}
    return {**one, "additionalProperties": False}


def _foreign() -> Schema:
    """An element that no schema describes: text alone, or attributes, text and elements in their order."""
    part = {"$text": {"type": "string"}}
    below = {"^\\{": _refer(FOREIGN), "^[^@$]": _refer(FOREIGN)}
    inner = {**part, CONTENT: {"type": "array", "items": {**_one_property(below), "properties": part}}}
    whole = {"type": "object", "properties": inner, "patternProperties": {"^@": {"type": "string"}}}
    return {"anyOf": [{"type": "string"}, {**whole, "additionalProperties": False}]}
