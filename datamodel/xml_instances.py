"""XML to instances, through expat, which knows line and column of everything that libxml2's tree has forgotten."""

from functools import lru_cache
from xml.parsers import expat

from datamodel.instances import Attribute, Instance, Sought
from datamodel.wording import issue, phrase, refused
from datamodel.xml_guard import BOM


def instances(body: bytes) -> Instance:
    """The root instance. The body has passed the guard, so it has no document type. Raises Refused."""
    names = lru_cache(maxsize=None)(_names)  # of this document alone
    parser, stack = _parser()
    texts: list[list[str]] = [[]]

    def start(name: str, attributes: dict[str, str]) -> None:
        line, column = parser.CurrentLineNumber, parser.CurrentColumnNumber + 1
        found = Instance(*names(name), line, column)
        if attributes:
            found.attributes = {names(key)[0]: Attribute(text, line, column) for key, text in attributes.items()}
        stack[-1].add(found)
        stack.append(found)
        texts.append([])

    def end(_: str) -> None:
        stack.pop().text = "".join(texts.pop())

    def characters(data: str) -> None:
        texts[-1].append(data)

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    return _parsed(parser, stack, body)


def places(body: bytes, sought: Sought) -> Instance:
    """The root with what is sought below it, for the sake of lines and columns; without values, and nothing else.

    An attribute has the place of its element, so none is kept. Raises Refused.
    """
    parser, stack = _parser()
    wanted = [sought]
    passed = 0  # how deep in a part where nothing is sought

    def start(name: str, _: object) -> None:
        nonlocal passed
        if passed:
            passed += 1
            return
        tag = "{" + name if "}" in name else name
        if len(stack) > 1 and tag not in wanted[-1]:
            passed = 1
            return
        found = Instance(tag, name.rpartition("}")[2], parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)
        wanted.append(wanted[-1][tag] if len(stack) > 1 else sought)
        stack[-1].add(found)
        stack.append(found)

    def end(_: str) -> None:
        nonlocal passed
        if passed:
            passed -= 1
        else:
            stack.pop()
            wanted.pop()

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    return _parsed(parser, stack, body)


def _parser() -> tuple[expat.XMLParserType, list[Instance]]:
    """A parser, and a stack with a place for the root."""
    parser = expat.ParserCreate("UTF-8", namespace_separator="}")
    parser.buffer_text = True
    return parser, [Instance("", "", 1, 1)]


def _parsed(parser: expat.XMLParserType, stack: list[Instance], body: bytes) -> Instance:
    top = stack[0]
    try:
        parser.Parse(body.removeprefix(BOM), True)
    except expat.ExpatError as error:  # libxml2 takes the names of XML's fifth edition, expat those of the fourth
        found = issue("xml.malformed", line=error.lineno, column=error.offset + 1, detail=phrase("xml.edition"))
        raise refused(found, status=400) from None
    return next(iter(top.children))


def _names(name: str) -> tuple[str, str]:
    """expat's `namespace}local` in Clark notation, and the local name; one string for all elements of one name."""
    return ("{" + name if "}" in name else name), name.rpartition("}")[2]
