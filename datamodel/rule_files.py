"""Rules as an administration writes them: TOML files, a table `[[rule]]` each, below what the rules of a file share.

Everything that is wrong with the form of a file is collected with its line, so that an editor puts it right in one go.
"""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

SHARED: Final = ("country", "messages", "effective_from", "effective_to", "severity", "let")  # said once for a file
PLACEHOLDERS: Final = {"", "-", "?", "n/a", "na", "none", "tba", "tbc", "tbd", "todo", "unknown", "xxx"}

Words = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
ElementPath = Annotated[str, msgspec.Meta(pattern=r"^[^/\s]+(/[^/\s]+)*$|^$")]


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"demand": "assert"}):
    """One rule in one wording. `messages` are keys of message types or patterns of them, as `wco-dms/*/DEC`.

    The rule is looked at once for each element at the path `for_each`, or once for the message. Where `when` holds and
    `demand` (written `assert`) does not, there is a finding at the path `where`, which begins at that element.
    Both days belong to the time in which the rule is in force. `file` and `line` say where it is written.
    """

    id: Annotated[str, msgspec.Meta(pattern="^[A-Z][A-Z0-9.-]{1,16}$")]
    severity: Literal["error", "warning", "advice"]
    messages: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    demand: Annotated[str, msgspec.Meta(min_length=1)]
    text: Words
    remedy: Words
    purpose: Words
    legal_basis: Words
    effective_from: date
    effective_to: date | None = None
    country: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$|^$")] = ""
    for_each: ElementPath = ""
    let: dict[str, str] = {}
    when: str = ""
    where: ElementPath = ""
    expected: str = ""
    file: str = ""
    line: int = 0

    def in_force(self, on: date) -> bool:
        """Whether the rule counts on a day."""
        return self.effective_from <= on and (self.effective_to is None or on <= self.effective_to)


NAMES: Final = {field.encode_name for field in msgspec.structs.fields(Rule)} - {"file", "line"}
MANDATORY: Final = [field.encode_name for field in msgspec.structs.fields(Rule) if field.required]


class Fault(msgspec.Struct, frozen=True, order=True):
    """What is wrong with a rule, and where it is written."""

    file: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule + ': ' if self.rule else ''}{self.text}"


class BadRules(ValueError):
    """A set of rules that is refused as a whole, with everything that is wrong with it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class Written(msgspec.Struct, frozen=True):
    """A rule with the lines on which its keys stand."""

    rule: Rule
    lines: dict[str, int]

    def fault(self, key: str, text: str) -> Fault:
        """A fault of one key of the rule."""
        return Fault(self.rule.file, self.lines.get(key, self.rule.line), self.rule.id, f"{key}: {text}")


def read_rules(source: Path) -> tuple[list[Written], list[Fault]]:
    """The rules of a file, or of all *.toml of a folder, and what is wrong with their form."""
    files = sorted(source.glob("*.toml")) if source.is_dir() else [source]
    found: list[Written] = []
    faults: list[Fault] = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
            content = msgspec.toml.decode(text)
        except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
            faults.append(Fault(file.name, _line_in(str(error)), "", f"cannot be read: {error}"))
            continue
        for entry in _entries(file.name, text, content):
            (found if isinstance(entry, Written) else faults).append(entry)  # type: ignore[arg-type]
    return found, faults


def _line_in(message: str) -> int:
    match = re.search(r"line (\d+)", message)
    return int(match[1]) if match else 1


def _entries(file: str, text: str, content: dict[str, Any]) -> Iterator[Written | Fault]:
    tables = content.pop("rule", [])
    for key in content.keys() - set(SHARED):
        line, known = _line_of(text.splitlines(), key), ", ".join(SHARED)
        yield Fault(file, line, "", f"there is no key {key!r} for a whole file, only {known}")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        yield Fault(file, 1, "", "write each rule as a table [[rule]]")
        return
    shared: dict[str, Any] = {key: content[key] for key in SHARED if key in content}
    for (line, lines), table in zip(_blocks(text, len(tables)), tables, strict=True):
        yield from _entry(file, line, lines, _merged(shared, table))


def _merged(shared: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    """A rule with what its file says for all; of what is named under let, both count."""
    above, own = shared.get("let"), table.get("let")
    named = {"let": above | own} if isinstance(above, dict) and isinstance(own, dict) else {}
    return {**shared, **table, **named}


def _blocks(text: str, count: int) -> list[tuple[int, list[str]]]:
    """The first line of each rule, counted from 1, and its lines."""
    lines = text.splitlines()
    heads = [at for at, line in enumerate(lines) if re.match(r"\s*\[\[\s*rule\s*\]\]", line)]
    if len(heads) != count:  # written in another way than we know; all is said to be on the first line
        return [(1, [])] * count
    ends = [*heads, len(lines)][1:]
    return [(head + 1, lines[head:end]) for head, end in zip(heads, ends, strict=True)]


def _line_of(lines: list[str], key: str) -> int:
    """The line of a key, counted from 1."""
    begins = re.compile(rf'\s*(\[rule\.)?"?{re.escape(key)}"?\s*[=\].]')
    return next((at for at, line in enumerate(lines, 1) if begins.match(line)), 1)


def _entry(file: str, line: int, lines: list[str], table: dict[str, Any]) -> Iterator[Written | Fault]:
    name = str(table.get("id", ""))
    places = {key: line + _line_of(lines, key) - 1 for key in NAMES | table.keys()}
    problems = [*_unknown(table), *_missing(table)]
    for key, text in problems:
        yield Fault(file, places.get(key, line), name, text)
    if problems:
        return
    try:
        rule = msgspec.convert({**table, "file": file, "line": line}, Rule)
    except msgspec.ValidationError as error:
        found = re.search(r"\$\.(\w+)", str(error))
        yield Fault(file, places.get(found[1], line) if found else line, name, str(error).replace("$.", ""))
        return
    if rule.effective_to is not None and rule.effective_to < rule.effective_from:
        text = f"effective_to: {rule.effective_to} is before {rule.effective_from}, so the rule is never in force"
        yield Fault(file, places["effective_to"], name, text)
        return
    yield Written(rule, places)


def _unknown(table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key in sorted(table.keys() - NAMES):
        yield key, f"there is no key {key!r}; a rule has {', '.join(sorted(NAMES))}"


def _missing(table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key in MANDATORY:
        if key not in table:
            yield key, f"has no {key}; {REASONS.get(key, 'every rule needs it')}"
    for key in REASONS:
        value = table.get(key)
        if isinstance(value, str) and value.strip().strip(".").lower() in PLACEHOLDERS:
            yield key, f"{key} is {value!r}, which says nothing; {REASONS[key]}"


REASONS: Final = {
    "purpose": "a rule that nobody can say the purpose of costs traders time and protects nothing",
    "legal_basis": "a declaration may be refused only where an act says so",
    "remedy": "whoever is refused must be told what to do",
    "text": "whoever is refused must be told why",
}
