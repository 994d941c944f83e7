"""What a set of rules is refused for, each with its file and line, all faults at once."""

from pathlib import Path

import pytest

from datamodel.registry import Registry
from datamodel.rule_files import BadRules
from datamodel.rules import RuleBook
from tests.datamodel.rule_material import HEAD, written

ITEMS = "Declaration/GoodsShipment/GovernmentAgencyGoodsItem"
LIST = "declaration.GoodsShipment.GovernmentAgencyGoodsItem"


def faults(source: Path, registry: Registry) -> list[str]:
    """What is wrong, as it is printed; nothing where the rules are good."""
    try:
        RuleBook.load(source, registry)
    except BadRules as bad:
        assert str(bad) == "\n".join(str(fault) for fault in bad.faults)
        return [str(fault) for fault in bad.faults]
    return []


# What a rule says, and words that its refusal must contain. Each rule begins on line 6 of draft.toml, its id on line 7.
REFUSALS = {
    "no purpose": ('assert = "true"\npurpose = ""', "draft.toml:9: T01: purpose is '', which says nothing"),
    "purpose put off": ('assert = "true"\npurpose = "TBD."', "draft.toml:9: T01: purpose is 'TBD.'"),
    "no legal basis": ('assert = "true"\nlegal_basis = " n/a "', "legal_basis is ' n/a ', which says nothing"),
    "no such key": ('assert = "true"\nprupose = "x"', "draft.toml:9: T01: there is no key 'prupose'"),
    "bad severity": ('assert = "true"\nseverity = "fatal"', "draft.toml:9: T01: Invalid enum value 'fatal'"),
    "bad id": ('id = "lower case"\nassert = "true"', "lower case"),
    "bad date": ('assert = "true"\neffective_from = "soon"', "effective_from"),
    "never in force": ('assert = "true"\neffective_to = 2025-12-31', "is before 2026-01-01"),
    "no such message": ('assert = "true"\nmessages = ["wco-dms/9.9/DEC"]', "no message type 'wco-dms/9.9/DEC'"),
    "bad for_each": (f'for_each = "{ITEMS}s"\nassert = "true"', "no 'GovernmentAgencyGoodsItems' below"),
    "bad where": ('assert = "true"\nwhere = "Declaration/Nowhere"', "draft.toml:9: T01: where: no 'Nowhere' below"),
    "bad attribute in where": ('assert = "true"\nwhere = "Declaration/TypeCode/@unitCode"', "carries no '@unitCode'"),
    "not CEL": ('assert = "declaration.TypeCode =="', "a value is expected here, not the end"),
    "library refuses": ('assert = "1 == 99999999999999999999"', "invalid int literal"),
    "sign of no use": ("assert = 'declaration ~ 1'", "'~' is not used in rules"),
    "unknown name": ('assert = "declaratoin.TypeCode == null"', "no 'declaratoin' here; did you mean declaration?"),
    "it without for_each": ('assert = "it == null"', "there is no 'it' here"),
    "unknown path": ('assert = "declaration.TypeKode == null"', "character 13: declaration has no 'TypeKode'; did you"),
    "unknown function": ('assert = "dgits(\\"1\\")"', "there is no function 'dgits'; did you mean digits"),
    "hidden function": ('assert = "own_size(\\"1\\") == 1"', "there is no function 'own_size'"),
    "too few arguments": ('assert = "near(1, 2)"', "near takes a number and a number and a number"),
    "wrong argument": (
        'assert = "digits(declaration.CurrencyExchange)"',
        "this is a list of the group CurrencyExchange",
    ),
    "unknown scheme": ('assert = \'stdnum_ok("xx.nope", "1")\'', "python-stdnum has no scheme 'xx.nope'"),
    "scheme reckoned": ('assert = \'stdnum_ok("lu" + "hn", "1")\'', "must be written here itself"),
    "bad pattern": ('assert = \'matches("a", r"(")\'', "the pattern cannot be read"),
    "text with number": (
        "when = 'has(declaration.TypeCode)'\nassert = 'declaration.TypeCode == 1'",
        "a text cannot be compared with a whole number; codes are texts, in quotes",
    ),
    "text in numbers": ("assert = 'declaration.TypeCode in [1, 2]'", "a text cannot be in a list of whole number"),
    "mixed list": ("assert = 'declaration.TypeCode in [\"1\", 2]'", "must be of one type"),
    "not a bool": ('assert = "declaration.GoodsItemQuantity"', "assert: must be true or false, and is a number"),
    "may be absent": (
        'assert = "declaration.GoodsItemQuantity > 1"',
        "declaration.GoodsItemQuantity may be absent; make sure of it first: has(declaration.GoodsItemQuantity)",
    ),
    "guarded on the wrong side": (
        'assert = "has(declaration.GoodsItemQuantity) || declaration.GoodsItemQuantity > 1"',
        "may be absent",
    ),
    "day may be absent": ("assert = 'day(declaration.IssueDateTime.DateTimeString) < as_of'", "may be absent"),
    "no such day": ("assert = 'day(\"2026-02-30\") < as_of'", "there is no day '2026-02-30'"),
    "several without a loop": (f'assert = "{LIST}.SequenceNumeric == 1"', "may stand several times; look at each with"),
    "by number": (f'assert = "{LIST}[0].SequenceNumeric == 1"', "parts are not reached by number"),
    "group as value": ('assert = "declaration.Agent == \\"x\\""', "the group Agent cannot be compared"),
    "division": ('assert = "1 / 3 == 0"', "what is divided has no exact result"),
    "empty list": ('assert = "\\"a\\" in []"', "an empty list has nothing to compare with"),
    "has of a variable": ('assert = "has(declaration)"', "has takes a path"),
    "name taken": (f'assert = "{LIST}.all(doc, true)"', "'doc' means something else already"),
    "loop in a loop": (
        f'assert = "{LIST}.all(a, {LIST}.all(b, a.SequenceNumeric == b.SequenceNumeric))"',
        "again for each part of a loop; name a list of what you need of it under let",
    ),
    "loop in for_each": (f'for_each = "{ITEMS}"\nassert = "size({LIST}) > index"', "again for each part of a loop"),
    "named list in for_each": (
        f'for_each = "{ITEMS}"\nlet.n = "{LIST}.map(i, i.SequenceNumeric)"\nassert = "sum(n) > 0"',
        "this would go through all of n again",
    ),
    "let of a group": ('let.a = "declaration.Agent"\nassert = "a == null"', "is not a value; name one of its elements"),
    "let of a taken name": ('let.doc = "1"\nassert = "doc == 1"', "'doc' cannot be the name of a value here"),
    "too deep": (f'assert = "{"(" * 60}true{")" * 60}"', "nested more than 40 deep"),
    "too many in a row": (f'assert = "1{" + 1" * 400} == 401"', "has too many parts within parts"),
    "too long": (f'assert = "{"true && " * 600}true"', "longer than"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_rule_is_refused(name: str, registry: Registry, tmp_path: Path) -> None:
    lines, words = REFUSALS[name]
    told = faults(written(tmp_path, lines), registry)
    assert told, "nothing was found wrong"
    assert any(words in line for line in told), told
    assert all(line.startswith("draft.toml:") for line in told)


@pytest.mark.parametrize("key", ["purpose", "legal_basis", "text", "remedy", "assert", "id"])
def test_what_every_rule_needs(key: str, registry: Registry, tmp_path: Path) -> None:
    file = written(tmp_path, 'assert = "true"')
    lines = [line for line in file.read_text().splitlines() if not line.startswith(f"{key} =")]
    file.write_text("\n".join(lines))
    assert any(f"has no {key};" in line and line.startswith("draft.toml:6:") for line in faults(file, registry))


GOOD = {
    "asked for by has": 'assert = "!has(declaration.GoodsItemQuantity) || declaration.GoodsItemQuantity > 1"',
    "asked for by null": "assert = 'declaration.TypeCode == null || declaration.TypeCode.startsWith(\"IM\")'",
    "asked for by a literal": "when = 'declaration.TypeCode == \"IMA\"'\nassert = 'size(declaration.TypeCode) == 3'",
    "asked for by a list": "when = 'declaration.TypeCode in [\"IMA\"]'\nassert = 'size(declaration.TypeCode) == 3'",
    "asked for by not": "when = '!(declaration.TypeCode == null)'\nassert = 'size(declaration.TypeCode) == 3'",
    "asked for in a choice": 'assert = "has(declaration.TypeCode) ? size(declaration.TypeCode) == 3 : true"',
    "asked for by a filter": f'assert = "{LIST}.filter(i, has(i.UCR.ID)).all(x, size(x.UCR.ID) > 0)"',
    "mandatory where the group is": 'for_each = "Declaration/IssueDateTime"\nassert = "size(it.DateTimeString) > 0"',
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_made_sure_of_may_be_used(name: str, registry: Registry, tmp_path: Path) -> None:
    assert faults(written(tmp_path, GOOD[name]), registry) == []


QUANTITY = "when = 'has(declaration.GoodsItemQuantity)'\n"
OPPOSITES = [
    ("declaration.GoodsItemQuantity > 5", "declaration.GoodsItemQuantity <= 5"),
    ("declaration.GoodsItemQuantity > 5", "!(5 < declaration.GoodsItemQuantity)"),
    ('declaration.TypeCode == "A"', '"A" != declaration.TypeCode'),
    ('declaration.TypeCode in ["A", "B"]', 'declaration.TypeCode == "C"'),
    ('declaration.TypeCode == "A"', 'declaration.TypeCode == "B" && declaration.GoodsItemQuantity > 1'),
    ("has(declaration.Agent.ID)", "declaration.Agent.ID == null"),
    (
        "has(declaration.Agent.ID) || has(declaration.Exporter.ID)",
        "!has(declaration.Exporter.ID) && !has(declaration.Agent.ID)",
    ),
    (f"{LIST}.all(i, has(i.Origin))", f"{LIST}.exists(i, !has(i.Origin))"),
]


@pytest.mark.parametrize(("first", "second"), OPPOSITES)
def test_rules_that_contradict_are_refused(first: str, second: str, registry: Registry, tmp_path: Path) -> None:
    (told,) = faults(written(tmp_path, f"{QUANTITY}assert = '{first}'", f"{QUANTITY}assert = '{second}'"), registry)
    assert "T02: assert: contradicts T01 at draft.toml:6, which demands" in told


def test_a_narrower_condition_contradicts_too(registry: Registry, tmp_path: Path) -> None:
    wide = f"{QUANTITY}assert = 'declaration.GoodsItemQuantity > 5'"
    narrow = "when = 'declaration.TypeCode == \"IMA\" && has(declaration.GoodsItemQuantity)'\n"
    told = faults(written(tmp_path, wide, f"{narrow}assert = 'declaration.GoodsItemQuantity <= 5'"), registry)
    assert "contradicts" in told[0]


@pytest.mark.parametrize(
    "second",
    [
        "when = 'declaration.TypeCode == null'\nassert = 'declaration.GoodsItemQuantity == null'",
        f"{QUANTITY}assert = 'declaration.GoodsItemQuantity <= 5'\neffective_from = 2027-01-01",
        f"{QUANTITY}assert = 'declaration.GoodsItemQuantity <= 5'\ncountry = \"QQ\"",
        f"{QUANTITY}assert = 'declaration.GoodsItemQuantity < 9'",
    ],
    ids=["another condition", "other days", "another country", "compatible"],
)
def test_rules_that_only_look_alike_are_not(second: str, registry: Registry, tmp_path: Path) -> None:
    first = f"{QUANTITY}assert = 'declaration.GoodsItemQuantity > 5'\neffective_to = 2026-12-31"
    assert faults(written(tmp_path, first, second), registry) == []


def test_the_same_rule_twice_is_refused(registry: Registry, tmp_path: Path) -> None:
    first = 'when = "has(declaration.TypeCode) && has(declaration.ID)"\nassert = "declaration.TypeCode != null"'
    second = 'when = "has(declaration.ID) && has(declaration.TypeCode)"\nassert = "has(declaration.TypeCode)"'
    (told,) = faults(written(tmp_path, first, second), registry)
    assert "T02: assert: says the same as T01" in told


def test_an_id_is_taken_only_while_it_is_in_force(registry: Registry, tmp_path: Path) -> None:
    old = 'id = "T"\nassert = "has(declaration.ID)"\neffective_to = 2026-06-30'
    new = 'id = "T"\nassert = "has(declaration.TypeCode)"\neffective_from = 2026-07-01'
    old, new = old.replace('"T"', '"T1"'), new.replace('"T"', '"T1"')
    assert faults(written(tmp_path, old, new), registry) == []
    (told,) = faults(written(tmp_path, old, new.replace("07-01", "06-30")), registry)
    assert "is also at draft.toml:6 and in force on the same days" in told


def test_everything_wrong_in_a_folder_is_said_at_once(registry: Registry, tmp_path: Path) -> None:
    written(tmp_path, 'assert = "1"', 'assert = "true"\npurpose = "-"', name="a.toml")
    written(tmp_path, 'id = "T9"\nassert = "nope()"\nwhere = "Nowhere"', name="b.toml")
    (tmp_path / "c.toml").write_text("[[rule]\n")
    (tmp_path / "d.toml").write_text(HEAD + "\ncuontry = 1\n")
    told = faults(tmp_path, registry)
    places = [(line.split(":")[0], line.split(": ")[1]) for line in told]
    assert places[:4] == [("a.toml", "T01"), ("a.toml", "T02"), ("b.toml", "T9"), ("b.toml", "T9")]
    assert "c.toml:1: cannot be read" in told[4]
    assert "d.toml:6: there is no key 'cuontry' for a whole file" in told[5]


def test_a_rule_of_the_base_may_not_name_what_it_lacks(registry: Registry, tmp_path: Path) -> None:
    told = faults(written(tmp_path, "assert = 'declaration.Importer == null'"), registry)
    assert told == [line for line in told if line.endswith("[wco-dms/3.6/DEC]")]
    assert len(told) == 1
