"""JSON to instances for the sake of lines and columns: what is sought is read, all else is passed by.

The text has been read before and is a valid message, so nothing is judged here. What nobody asks for is passed by the
standard library's scanner, which is many times as quick as our tokeniser.
"""

from json import JSONDecoder
from json.decoder import scanstring  # type: ignore[attr-defined]

from datamodel.instances import Instance, Sought
from datamodel.json_instances import SPACE, Namer, Tokeniser
from datamodel.limits import Limits
from datamodel.model import ClassType, Element

# From the offset of a value to the value and where it ends. Numbers may have more digits than Python would reckon with.
PASS = JSONDecoder(parse_int=str, parse_float=str).scan_once  # type: ignore[attr-defined]


def places(text: str, root: Element, sought: Sought, limits: Limits) -> Instance:
    """The root with what is sought below it."""
    top = Instance("", "", 1, 1)
    finder = _Finder(text, limits)
    finder.members(top, {root.json_name: root}, {root.tag: sought}, finder.skip(0))
    return next(iter(top.children))


class _Finder:
    """Goes through one text. Each step takes the offset at which something begins and gives that at which it ends."""

    def __init__(self, text: str, limits: Limits) -> None:
        self.text = text
        self.tokeniser = Tokeniser(text, limits)
        self.namer = Namer(self.tokeniser.places)

    def skip(self, at: int) -> int:
        """The offset of the next character that is not white space."""
        match = SPACE.match(self.text, at)
        return match.end() if match else at

    def next(self, at: int) -> int:
        """The offset of the next entry, or of the bracket that ends them."""
        at = self.skip(at)
        return self.skip(at + 1) if self.text[at] == "," else at

    def members(self, found: Instance, known: dict[str, Element], sought: Sought, at: int) -> int:
        """The properties of an object."""
        at = self.skip(at + 1)
        while self.text[at] != "}":
            start = at
            name, at = scanstring(self.text, at + 1, True)
            at = self.skip(self.skip(at) + 1)  # behind the colon
            element = known.get(name)
            if element is None:
                at = PASS(self.text, at)[1]
            elif self.text[at] == "[":
                at = self.items(found, element, sought[element.tag], start, at)
            else:
                at = self.element(found, element, sought[element.tag], start, at)
            at = self.next(at)
        return at + 1

    def items(self, found: Instance, element: Element, sought: Sought, start: int, at: int) -> int:
        """The occurrences of an element, each at its own place; the one of what does not repeat at its name's."""
        at = self.skip(at + 1)
        while self.text[at] != "]":
            at = self.next(self.element(found, element, sought, at if element.many else start, at))
        return at + 1

    def element(self, found: Instance, element: Element, sought: Sought, start: int, at: int) -> int:
        """One occurrence, whose place is `start` and whose value begins at `at`."""
        content = element.content
        if not isinstance(content, ClassType) or self.text[at] != "{":
            value, end = self.tokeniser.value(at, 1)
            found.add(self.namer.element(element, element.json_name, start, value))
            return end
        below = Instance(element.tag, element.json_name, *self.tokeniser.places.of(start), kind="object")
        found.add(below)
        known = {child.json_name: child for child in content.children if child.tag in sought}
        return self.members(below, known, sought, at)
