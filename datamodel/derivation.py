"""One message of a derived package: the model of its base, narrowed as the rules say and extended where declared.

Derivation may only narrow, so that whoever reads the base can read what derives from it, save for extensions, which
stand in a namespace of their own. All rules are checked before one is applied, and every fault is told.
"""

from collections.abc import Iterator, Set
from difflib import get_close_matches
from hashlib import sha256
from typing import Final

import msgspec

from datamodel.derivation_file import BadDerivation, DerivedPackage, Extension, Fault, Narrow
from datamodel.extensions import Extender, Positions
from datamodel.facets import fault as value_fault
from datamodel.model import AttributeUse, ClassType, Element, Model, Simple, SimpleType, child, plain_class
from datamodel.value_rules import Unfit, narrowed

PATHS: Final = "paths begin below the payload, or with a slash below the root element; `guichet xsd` shows them"
VALUE_RULES: Final = ("format", "pattern", "min_length", "values", "list")
Keys = tuple[str, ...]


class Edit(msgspec.Struct):
    """What becomes of one position; `uses` holds XML attributes by name, None for one that is dropped."""

    min: int | None = None
    max: int | None = None
    type: SimpleType | None = None
    format: str | None = None
    forbidden: bool = False
    uses: dict[str, AttributeUse | None] = {}
    added: list[tuple[str, Element]] = []


class Derivation:
    """The rules of one message type of a derived package, checked against the model of its base."""

    def __init__(self, package: DerivedPackage, name: str, base: Model, positions: Positions, lists: Set[str]) -> None:
        self.package, self.name, self.base, self.known_lists = package, name, base, lists
        self.rules = package.messages[name]
        self.edits: dict[str, Edit] = {}
        self.lists = dict(base.lists)
        self.faults: list[Fault] = []
        self.added = [msgspec.structs.replace(each, path=self.full(each.path)) for each in self.rules.extend]
        self.extender = Extender(self.added, package.namespaces, base, positions)

    def model(self) -> Model:
        """The derived model. Raises BadDerivation with all faults of the rules."""
        self._forbid()
        self._make_mandatory()
        self._narrow()
        self._extend()
        self._conditions()
        if self.faults:
            raise BadDerivation(self.faults)
        own = tuple((prefix, uri) for prefix, uri in self.package.namespaces.items())
        when = tuple({**dict(self.base.when), **self.rules.when}.items()) if self.rules.when else ()
        return msgspec.structs.replace(
            self.base,
            key=f"{self.package.name}/{self.name}",
            title=self.rules.title or self.base.title,
            root=self._rebuilt(self.base.root, ""),
            when=when,
            prefixes=(*self.base.prefixes, *own),
            facts=msgspec.structs.replace(self.package.facts, base=self.base.key),
            lists=tuple(self.lists.items()),
        )

    def full(self, path: str) -> str:
        """A path of the file as one below the root element."""
        if path.startswith("/"):
            return path[1:]
        return f"{self.base.payload}/{path}" if self.base.payload else path

    def add(self, keys: Keys, text: str, remedy: str) -> None:
        """Note a fault of this message's rules."""
        self.faults.append(self.package.fault(("messages", self.name, *keys), text, remedy))

    def find(self, path: str, keys: Keys) -> tuple[str, Element, AttributeUse | None] | None:
        """The position of a path, and its XML attribute where the path ends in one. Notes what is unknown."""
        names = self.full(path).split("/")
        wanted = names.pop()[1:] if names[-1].startswith("@") else None
        element = self.base.root
        for at, name in enumerate(names):
            known = [] if isinstance(element.content, Simple) else [each.json_name for each in element.content.children]
            if self._forbidden("/".join(names[: at + 1])):
                self.add(keys, f"{'/'.join(names[: at + 1])} is forbidden here", "drop one of the two rules")
                return None
            if name not in known:
                self.add(keys, f"{path}: there is no {name!r} below {element.json_name}", _near(name, known))
                return None
            element = child(element, name) or element
        if wanted is None:
            return "/".join(names), element, None
        uses = {use.label: use for use in element.content.attributes}
        if wanted not in uses:
            self.add(keys, f"{path}: {element.json_name} has no attribute {wanted!r}", _near(wanted, list(uses)))
            return None
        return "/".join(names), element, uses[wanted]

    def edit(self, path: str) -> Edit:
        """The edit of a position, new where there was none."""
        return self.edits.setdefault(path, Edit())

    def _forbidden(self, path: str) -> bool:
        return path in self.edits and self.edits[path].forbidden

    def _forbid(self) -> None:
        for path in self.rules.forbid:
            keys = ("forbid", path)
            place = self.find(path, keys)
            if place is None:
                continue
            full, element, use = place
            if element.min and use is None or use and use.required:
                self.add(keys, "the base makes it mandatory", "what is mandatory in the base cannot be forbidden")
            elif use:
                self.edit(full).uses[use.label] = None
            else:
                self.edit(full).forbidden = True

    def _make_mandatory(self) -> None:
        for path in self.rules.mandatory:
            place = self.find(path, ("mandatory", path))
            if place is None:
                continue
            full, element, use = place
            if use:
                self.edit(full).uses[use.label] = msgspec.structs.replace(use, required=True)
            else:
                self.edit(full).min = max(1, element.min)

    def _narrow(self) -> None:
        for path, rule in self.rules.narrow.items():
            keys = ("narrow", path)
            place = self.find(path, keys)
            if place is None:
                continue
            full, element, use = place
            if rule.list is not None:
                self._bind(f"{full}/@{use.label}" if use else full, element, rule.list, keys)
            if use:
                self._narrow_use(full, use, rule, keys)
                continue
            self._bound(self.edit(full), element, rule, keys)
            if any(getattr(rule, field) is not None for field in VALUE_RULES):
                self._narrow_value(full, element, rule, keys)

    def _bound(self, edit: Edit, element: Element, rule: Narrow, keys: Keys) -> None:
        """How often the position may stand."""
        lower = element.min if rule.min is None else rule.min
        upper = element.max if rule.max is None else rule.max
        if lower < element.min:
            self.add(keys, f"min {lower} is less than the base's {element.min}", f"write {element.min} or more")
        elif element.max is not None and (upper is None or upper > element.max):
            self.add(keys, f"max {upper} is more than the base's {element.max}", f"write {element.max} or less")
        elif upper is not None and (upper < 1 or lower > upper):
            self.add(keys, f"min {lower} and max {upper} leave nothing", "forbid the position, or write min below max")
        else:
            edit.min, edit.max = max(lower, edit.min or 0), upper

    def _bind(self, path: str, element: Element, name: str, keys: Keys) -> None:
        """The code list that a position's codes are of."""
        if name not in self.known_lists:
            words = _near(name, sorted(self.known_lists)) if self.known_lists else "add it to schemas/codelists"
            self.add(keys, f"there is no code list {name!r}", words)
        elif isinstance(element.content, Simple):
            self.lists[path] = name

    def _narrow_value(self, full: str, element: Element, rule: Narrow, keys: Keys) -> None:
        if isinstance(element.content, ClassType):
            below = [each.json_name for each in element.content.children]
            words = f"name a part of it: {', '.join(f'{keys[1]}/{name}' for name in below[:3])}"
            self.add(keys, f"{element.json_name} is a class and holds no value", words)
            return
        try:
            kind = narrowed(element.content.type, rule)
        except Unfit as unfit:
            self.add(keys, unfit.text, unfit.remedy)
            return
        edit = self.edit(full)
        edit.type, edit.format = kind, rule.format

    def _narrow_use(self, full: str, use: AttributeUse, rule: Narrow, keys: Keys) -> None:
        if rule.min not in (None, 0, 1) or rule.max not in (None, 1):
            self.add(keys, "an XML attribute stands once at most", "write min = 1, or leave min and max out")
        try:
            kind = narrowed(use.type, rule)
        except Unfit as unfit:
            self.add(keys, unfit.text, unfit.remedy)
            return
        known = self.edit(full).uses.get(use.label) or use
        required = known.required or rule.min == 1
        self.edit(full).uses[use.label] = msgspec.structs.replace(known, type=kind, required=required)

    def _extend(self) -> None:
        classes = {each.path for each in self.added}
        for at, extension in enumerate(self.added):
            keys = ("extend", str(at))
            parent = extension.path.rpartition("/")[0]
            inside = parent in classes  # a part of an extension class, which is made with it
            place = None if inside else self.find(f"/{parent}", keys) if parent else ("", self.base.root, None)
            content = place[1].content if place else None
            siblings = [each.json_name for each in content.children] if isinstance(content, ClassType) else []
            earlier = [each.path.rpartition("/") for each in self.added[:at]]
            siblings += [name for above, _, name in earlier if above == parent]
            found = list(self.extender.complaints(extension, siblings, inside)) if inside or place else []
            if isinstance(content, Simple):
                found = [(f"{parent} is no class", "extensions stand in a class; name one")]
            for text, remedy in found:
                self.add(keys, text, remedy)
            if place and not found:
                self._add(extension, parent, keys)

    def _add(self, extension: Extension, parent: str, keys: Keys) -> None:
        try:
            element = self.extender.element(extension)
        except Unfit as unfit:
            self.add(keys, unfit.text, unfit.remedy)
        else:
            self.edit(parent).added.append((extension.after, element))

    def _conditions(self) -> None:
        for path, value in self.rules.when.items():
            keys = ("when", path)
            place = self.find(path, keys)
            if place is None:
                continue
            full, element, use = place
            beside = ("", self.base.payload) if path.startswith("/") else (self.base.payload,)
            if use or isinstance(element.content, ClassType) or full.rpartition("/")[0] not in beside:
                self.add(keys, "a condition looks at a value directly in the payload or the root", PATHS)
            elif found := value_fault(self.edits.get(full, Edit()).type or element.content.type, value):
                self.add(keys, f"{value!r} can never stand there", f"write {found[1]}")

    def _rebuilt(self, element: Element, path: str) -> Element:
        """The element with all edits at and below its path; itself where there is none."""
        edit = self.edits.get(path)
        inside = f"{path}/" if path else ""
        if not edit and path and not any(each.startswith(inside) for each in self.edits):
            return element
        edit = edit or Edit()
        content = element.content
        if isinstance(content, ClassType):
            content = plain_class(tuple(self._children(content, inside, edit)))
        else:
            content = _simple(content, edit)
        return msgspec.structs.replace(
            element,
            content=content,
            min=element.min if edit.min is None else edit.min,
            max=edit.max or element.max,
            format=edit.format or element.format,
            listed=element.listed or (element.many and edit.max == 1),
        )

    def _children(self, content: ClassType, inside: str, edit: Edit) -> Iterator[Element]:
        waiting = list(edit.added)
        for each in content.children:
            if not self._forbidden(f"{inside}{each.json_name}"):
                yield self._rebuilt(each, f"{inside}{each.json_name}")
            yield from _following(each.json_name, waiting)
        yield from (element for _, element in waiting)


def _following(name: str, waiting: list[tuple[str, Element]]) -> Iterator[Element]:
    """The extensions that stand after a name, and those after them, in the order of the file; no longer waiting."""
    for pair in [pair for pair in waiting if pair[0] == name]:
        waiting.remove(pair)
        yield pair[1]
        yield from _following(pair[1].json_name, waiting)


def _simple(content: Simple, edit: Edit) -> Simple:
    """A simple content with its type and attributes edited. A name of its own where only the attributes differ."""
    kind = edit.type or content.type
    uses = [edit.uses.get(use.label, use) for use in content.attributes]
    kept = tuple(use for use in uses if use is not None)
    if kept != content.attributes:
        digest = sha256(msgspec.json.encode(kept)).hexdigest()[:8]
        kind = msgspec.structs.replace(kind, name=f"{kind.name}.{digest}")
    return Simple(kind, kept, content.open)


def _near(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, 2)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"there is {', '.join(known[:12])}" if known else PATHS
