"""What people read, as data in schemas/errors: texts and remedies of the issues, and the phrases within them.

Code names rules and phrases; people word them there, in one pair of files a language. An administration adds a
language, or words one of ours better, in the schemas folder of its installation. What a language lacks is said in
English, so that a newer gateway goes on with older words. Which language is spoken is a matter of context, as a
request's; code that is run in another thread takes its context along.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, Final

import msgspec

from datamodel.issues import Issue, Refused, Report

ENGLISH: Final = "en"
FOLDER: Final = Path(__file__).resolve().parent.parent / "schemas" / "errors"
PHRASES: Final = "phrases"
LANGUAGE: Final = "[a-z][a-z]*"  # names of files that are a language

Rule = tuple[str, str, str]  # severity, text, remedy
Rows = dict[str, tuple[int, dict[str, str]]]  # lines and cells by key


class BadWords(ValueError):
    """Files of words that cannot be used; the text names file and line of every fault."""


class Wording(msgspec.Struct, frozen=True):
    """One language: the rules by id and the phrases by key."""

    language: str
    rules: Mapping[str, Rule]
    phrases: Mapping[str, str]


@cache
def catalogue(schemas: Path | None = None) -> dict[str, Wording]:
    """The languages of an installation: ours, with what its own schemas folder says over them. Raises BadWords."""
    folder = schemas / "errors" if schemas else FOLDER
    known = {ENGLISH: _english()}
    for source in dict.fromkeys((FOLDER, folder.resolve())):
        names = {file.stem for place in (source, source / PHRASES) for file in place.glob(f"{LANGUAGE}.tsv")}
        for language in sorted(names, key=lambda name: (name != ENGLISH, name)):  # others fall back on English
            known[language] = _over(known.get(language, known[ENGLISH]), source, language)
    return dict(sorted(known.items()))


def _english() -> Wording:
    rules = {
        rule: (row["severity"], row["text"], row["remedy"])
        for rule, (_, row) in _rows(FOLDER / f"{ENGLISH}.tsv").items()
    }
    phrases = {key: row["text"] for key, (_, row) in _rows(FOLDER / PHRASES / f"{ENGLISH}.tsv").items()}
    return Wording(ENGLISH, rules, phrases)


def _rows(file: Path) -> Rows:
    """A file's rows by what stands in the first column; none where there is no file."""
    if not file.exists():
        return {}
    with file.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        key, *_ = reader.fieldnames or [""]
        return {row[key]: (reader.line_num, row) for row in reader}


def _over(known: Wording, folder: Path, language: str) -> Wording:
    """A wording with what a folder's files say over it. Raises BadWords."""
    rules, phrases = dict(known.rules), dict(known.phrases)
    faults: list[str] = []
    file = folder / f"{language}.tsv"
    for rule, (line, row) in _rows(file).items():
        severity, *texts = rules.get(rule, ("", "", ""))
        new = [row.get("text") or texts[0], row.get("remedy") or texts[1]]
        faults += (f"{file}:{line}: {each}" for each in _faults(rule, new, texts))
        rules[rule] = severity, new[0], new[1]
    file = folder / PHRASES / f"{language}.tsv"
    for key, (line, row) in _rows(file).items():
        new = [row.get("text") or phrases.get(key, "")]
        faults += (f"{file}:{line}: {each}" for each in _faults(key, new, [phrases.get(key, "")]))
        phrases[key] = new[0]
    if faults:
        raise BadWords("; ".join(faults))
    return Wording(language, rules, phrases)


def _faults(key: str, new: Sequence[str], known: Sequence[str]) -> Iterator[str]:
    """What would fail when it is said: keys that nobody names, and placeholders that nobody fills."""
    if not any(known):
        yield f"nothing is called {key!r}; see {FOLDER.name}/{ENGLISH}.tsv and {FOLDER.name}/{PHRASES}/{ENGLISH}.tsv"
        return
    for text, model in zip(new, known, strict=True):
        try:
            more = placeholders(text) - placeholders(model)
        except ValueError as error:
            yield f"{key}: {error}"
            continue
        if more:
            yield f"{key}: nothing fills {', '.join(sorted(more))}"


def placeholders(text: str) -> set[str]:
    """The names in braces. Raises ValueError for braces that do not fit."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


_spoken: ContextVar[Wording | None] = ContextVar("guichet_wording", default=None)


def spoken() -> Wording:
    """The wording of this context: our English, if nobody has chosen another."""
    return _spoken.get() or catalogue()[ENGLISH]


@contextmanager
def speaking(wording: Wording) -> Iterator[Wording]:
    """Says everything inside in a language."""
    token = _spoken.set(wording)
    try:
        yield wording
    finally:
        _spoken.reset(token)


def phrase(key: str, **values: object) -> str:
    """A phrase. Of those with a `count`, one thing may have a phrase of its own. Raises KeyError: unknown phrase."""
    phrases = spoken().phrases
    one = f"{key}.one" if values.get("count") == 1 else key
    return phrases[one if one in phrases else key].format(**values)


def either(names: Sequence[str]) -> str:
    """Names of which one is meant: `a, b or c`."""
    *most, last = names
    return phrase("list.or", names=", ".join(most), last=last) if most else last


def listed(names: Sequence[str], most: int) -> str:
    """The first of many names, and how many more there are."""
    shown, more = ", ".join(names[:most]), len(names) - most
    return phrase("list.more", names=shown, count=more) if more > 0 else shown


def issue(rule: str, *, name: str = "", detail: str = "", **fields: Any) -> Issue:
    """An issue of a rule in words; `fields` are those of Issue. Raises KeyError: unknown rule."""
    severity, text, remedy = spoken().rules[rule]
    words = {
        "name": name,
        "detail": detail,
        "value": fields.get("value") or "",
        "expected": fields.get("expected") or phrase("type.schema"),
    }
    return Issue(rule=rule, severity=severity, text=text.format(**words), remedy=remedy.format(**words), **fields)


def refused(*issues: Issue, status: int = 422) -> Refused:
    """The exception that carries these issues."""
    return Refused(Report(issues, len(issues)), status)
