"""Every rule and every phrase is worded in every language, whole and readable; code holds no words for people."""

import ast
import csv
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from datamodel.facets import describe
from datamodel.model import Simple, SimpleType, walk
from datamodel.registry import Registry
from datamodel.wording import (
    ENGLISH,
    FOLDER,
    PHRASES,
    catalogue,
    either,
    issue,
    listed,
    placeholders,
    speaking,
)
from tests.datamodel import error_table

ROOT = FOLDER.parents[1]
LANGUAGES = ("en", "es", "fr")
TRANSLATED = ("es", "fr")
NO_BREAK = "\u00a0"
ENGLISH_WORDS = re.compile(
    r"\b(the|is|are|not|with|write|send|must|and|of|where|which|here|there|it|its|remove|missing|wrong|has|have|for|from"
    r"|name|value|characters?|digits|number|only|than|found|line|too|many|expected|allowed)\b",
    re.IGNORECASE,
)
# What is the same word, or no word at all, in two languages.
SAME = {
    "found.null",
    "type.anyURI",
    "list.more",
    "xml.other",
    "detail.told",
    "detail.untold",
    "cli.detail",
    "cli.document",
    "size.sent",
    "value.code remedy",
}
VALUES = {
    "name": "GrossMassMeasure",
    "value": "12,5",
    "detail": "detail",
    "expected": "expected",
}
BUILT = ("type.", "kind.", "found.", "json.", "problem.")  # phrases whose keys are put together from a part


def rows(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def texts(language: str) -> Iterator[tuple[str, str]]:
    """Every text of a language with its key."""
    wording = catalogue()[language]
    for rule, (_, text, remedy) in wording.rules.items():
        yield f"{rule} text", text
        yield f"{rule} remedy", remedy
    yield from wording.phrases.items()


def test_the_languages_are_there() -> None:
    assert tuple(catalogue()) == LANGUAGES
    severities = {rule: severity for rule, (severity, _, _) in catalogue()[ENGLISH].rules.items()}
    assert {rule: each for rule, each in severities.items() if each != "error"} == {"message.ends": "advice"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("folder", ["", PHRASES])
def test_every_language_words_everything_once(language: str, folder: str) -> None:
    own, english = (rows(FOLDER / folder / f"{name}.tsv") for name in (language, ENGLISH))
    assert all(len(row) == len(own[0]) for row in own)
    keys = [row[0] for row in own]
    assert len(keys) == len(set(keys))
    assert sorted(keys) == sorted(row[0] for row in english)


@pytest.mark.parametrize("language", TRANSLATED)
def test_placeholders_are_those_of_english(language: str) -> None:
    english = dict(texts(ENGLISH))
    wrong = {key for key, text in texts(language) if placeholders(text) != placeholders(english[key])}
    assert not wrong


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_english_is_left(language: str) -> None:
    english = dict(texts(ENGLISH))
    for key, text in texts(language):
        bare = re.sub(r"\{\w+\}|<[^>]*>|X-API-Key|as-of|Guichet-Message|Idempotency-Key|application/\w+", " ", text)
        assert not ENGLISH_WORDS.search(bare), (key, text)
        assert text != english[key] or key in SAME, (key, text)


def unreadable(language: str, text: str) -> str | None:
    """What is wrong with the typography of a text, if anything."""
    faults = {
        "two punctuation marks": r"[.;:,?!] ?[.;:,?!]",
        "two spaces": rf"[ {NO_BREAK}]{{2}}",
        "space at an end": r"^\s|\s$",
        "a brace": r"[{}]",
        "a space before a mark": r" [.,;:?!](?:\s|$)",
    }
    if language == "fr":
        faults["a mark without a no-break space before it"] = rf"[^{NO_BREAK}][;?!](?:\s|$)|[^{NO_BREAK}]:(?:\s|$)"
        faults["a straight apostrophe"] = r"\w'\w"
    bare = re.sub(r"\S*[&/=?]\S*|\d+[-:]\S*|https?:\S+", "x", text)  # names and codes have a spelling of their own
    return next((fault for fault, shape in faults.items() if re.search(shape, bare)), None)


class Anything(dict[str, str]):
    """Something for every placeholder."""

    def __missing__(self, key: str) -> str:
        return "7" if key in ("count", "digits", "low", "high", "line") else "Name"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_readable(language: str) -> None:
    for key, text in texts(language):
        told = string.Formatter().vformat(text, (), Anything())
        assert told
        assert unreadable(language, told) is None, (key, told, unreadable(language, told))
        if key.endswith((" text", " remedy")) or key.startswith("detail.un"):
            assert told.endswith("."), (key, told)
            assert told[0].isupper(), (key, told)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_is_told_in_every_language(language: str) -> None:
    with speaking(catalogue()[language]):
        for rule in catalogue()[ENGLISH].rules:
            told = issue(rule, **VALUES)
            assert told.rule == rule
            for text in (told.text, told.remedy or ""):
                assert unreadable(language, text) is None, (rule, text)


def simple_types(registry: Registry) -> set[SimpleType]:
    found = set()
    for message in registry.messages.values():
        for _, element in walk(message.model.root):
            found |= {use.type for use in element.content.attributes}
            if isinstance(element.content, Simple):
                found.add(element.content.type)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_type_is_described_in_every_language(registry: Registry, language: str) -> None:
    kinds = simple_types(registry)
    assert len(kinds) > 50
    with speaking(catalogue()[language]):
        for kind in kinds:
            told = describe(kind)
            words = told.replace(kind.pattern or "\0", "x").replace(", ".join(kind.values) or "\0", "x")
            assert unreadable(language, words) is None, told
            if language != ENGLISH:
                assert not ENGLISH_WORDS.search(words), told


def kind(**facets: Any) -> SimpleType:
    return SimpleType(name="T", **{"primitive": "string", **facets})


@pytest.mark.parametrize(
    ("facets", "english", "french", "spanish"),
    [
        ({"max_length": 1}, "text, at most one character", "un texte, un caractère au plus", None),
        ({"length": 2}, "text, exactly 2 characters", "un texte, exactement 2 caractères", None),
        ({"min_length": 2, "max_length": 5}, "text, 2 to 5 characters", None, "un texto, de 2 a 5 caracteres"),
        ({"min_length": 3}, "text, at least 3 characters", None, "un texto, 3 caracteres como mínimo"),
        ({"values": ("9",)}, "9", "9", "9"),
        ({"values": ("4", "9")}, "one of 4, 9", "l’une des valeurs 4, 9", "uno de los valores 4, 9"),
        ({"primitive": "boolean"}, "true or false", "true ou false", "true o false"),
        (
            {"primitive": "decimal", "total_digits": 16, "fraction_digits": 3},
            "a number of at most 16 digits, 3 of them decimals",
            "un nombre de 16 chiffres au plus, dont 3 décimales",
            "un número de 16 cifras como máximo, 3 de ellas decimales",
        ),
        (
            {"primitive": "decimal", "fraction_digits": 0, "low": "0", "high": "255"},
            "a whole number in digits, from 0 to 255",
            "un nombre entier en chiffres, de 0 à 255",
            "un número entero en cifras, de 0 a 255",
        ),
    ],
)
def test_types_in_words(facets: Any, english: str, french: str | None, spanish: str | None) -> None:
    for language, expected in (("en", english), ("fr", french), ("es", spanish)):
        with speaking(catalogue()[language]):
            assert expected is None or describe(kind(**facets)) == expected


def test_lists_of_names() -> None:
    assert (either(["a"]), either(["a", "b", "c"])) == ("a", "a, b or c")
    assert (listed("ab", 2), listed("abc", 2), listed("abcd", 2)) == ("a, b", "a, b and one more", "a, b and 2 more")
    with speaking(catalogue()["fr"]):
        assert (either(["a", "b"]), listed("abcd", 2)) == ("a ou b", "a, b et 2 autres")


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for package in ("datamodel", "gateway", "adapters"):
        for file in sorted((ROOT / package).rglob("*.py")):
            yield file, ast.parse(file.read_text(encoding="utf-8"))


def test_every_phrase_is_said_and_every_phrase_said_is_there() -> None:
    strings, said = set(), set()
    for _, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                strings.add(node.value)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "phrase":
                said |= {each.value for each in node.args if isinstance(each, ast.Constant)}
    known = catalogue()[ENGLISH].phrases
    assert said
    assert not said - set(known)
    unsaid = {key for key in known if key.removesuffix(".one") not in strings and not key.startswith(BUILT)}
    assert not unsaid
    parts = {key for key in known if key.startswith(("json.", "kind.", "found."))}
    assert not {key for key in parts if key.partition(".")[2] not in strings}


WORDED = ("issue", "add", "refuse", "unfit", "_unfit", "refused", "_refused", "Fault")
CODE_NAMES = {"DeliveryID", "DocumentRequest", "UTF-8"}


def literals(node: ast.expr) -> Iterator[str]:
    """The text that stands in an expression itself, not in the calls within it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr | ast.BinOp | ast.IfExp | ast.BoolOp):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                yield from literals(child)


def test_no_words_for_people_stand_in_code() -> None:
    """Where an issue or a problem is put together; the faults that packagers see are another matter, in English."""
    found = []
    for file, tree in sources():
        if not re.search(r"from datamodel\.wording import|problems import", file.read_text(encoding="utf-8")):
            continue
        for node in ast.walk(tree):
            name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
            if not isinstance(node, ast.Call) or name not in WORDED:
                continue
            given = [each.value for each in node.keywords if each.arg in ("expected", "detail", "name", "value")]
            for part in (*given, *(node.args[1:] if name != "issue" else ())):
                found += [f"{file}:{node.lineno}: {text!r}" for text in literals(part) if text not in CODE_NAMES]
    assert not [text for text in found if re.search(r"'.*[a-z]{2}", text)], found


def test_the_list_of_rules_is_that_of_the_data() -> None:
    told = "docs/errors.md is not what the catalogue says: python -m tests.datamodel.error_table > docs/errors.md"
    assert error_table.FILE.read_text(encoding="utf-8") == error_table.table(), told
