"""What a derived package may not say: each fault is told with its line, all of them at once, and nothing is loaded."""

import re
from pathlib import Path

import pytest

from datamodel.derivation_file import BadDerivation, Fault
from datamodel.registry import Loader, Registry
from tests.conftest import SCHEMAS
from tests.datamodel.derived import HEAD, installation, write_package

EXTEND = '[[messages.DEC.extend]]\nnamespace = "xx"\ntype = "ID"\npurpose = "P"\n'


def faults(folder: Path, text: str) -> tuple[Fault, ...]:
    """The faults of one package xx/1."""
    root = installation(folder, xx_1=text)
    with pytest.raises(BadDerivation) as refusal:
        Registry.load(root)
    return refusal.value.faults


def line_of(fault: Fault) -> str:
    """The line of the file that a fault names."""
    file, _, number = fault.place.rpartition(":")
    return Path(file).read_text(encoding="utf-8").splitlines()[int(number) - 1]


# What is said, a word of the line that is blamed, and the words of the complaint.
NARROWINGS = {
    "longer": ('"Declarant/ID" = { format = "an..35" }', "length up to 17 in the base, up to 35 here"),
    "not as long as it must be": (
        '"Declarant/Address/CountryCode" = { format = "a..2" }',
        "length exactly 2 in the base",
    ),
    "more digits": ('"InvoiceAmount" = { format = "n..18,3" }', "digits up to 16 in the base, up to 18 here"),
    "more decimals": ('"InvoiceAmount" = { format = "n..16,4" }', "decimals up to 3 in the base"),
    "other letters": (
        '"Declarant/Address/CountryCode" = { format = "n2" }',
        "pattern letters in the base, digits here",
    ),
    "letters and digits": ('"Declarant/Address/CountryCode" = { format = "an2" }', "letters only, or digits only"),
    "format of text on a number": ('"InvoiceAmount" = { format = "an..5" }', "'an..5' is a format of text"),
    "format of a number on text": ('"Declarant/ID" = { format = "n..5,2" }', "'n..5,2' is a format of a number"),
    "no format": ('"Declarant/ID" = { format = "ans..5" }', "'ans..5' is not a format"),
    "other codes": ('"FunctionCode" = { values = ["9", "12"] }', "'12': not taken here"),
    "codes that do not fit": ('"TypeCode" = { values = ["IMPORT"] }', "'IMPORT': not taken here"),
    "a code twice": ('"TypeCode" = { values = ["IMA", "IMA"] }', "a value stands twice"),
    "no code": ('"TypeCode" = { values = [] }', "no value is left"),
    "no code left": ('"FunctionCode" = { pattern = "[A-Z]" }', "no value is left"),
    "codes of a number": ('"GoodsItemQuantity" = { values = ["1"] }', "of no code list"),
    "a pattern beyond comparison": ('"Declarant/ID" = { pattern = "(XZ)+" }', "beyond what can be compared"),
    "a pattern that fits no length": ('"Declarant/ID" = { pattern = "[0-9]{18}" }', "no text of 0 to 17 characters"),
    "a pattern over a pattern": (
        '"IssueDateTime/DateTimeString" = { pattern = "2026[0-9]{4}" }',
        "take values that the base may not",
    ),
    "too short": ('"Declarant/ID" = { min_length = 18 }', "min_length 18 is not within 0 to 17"),
    "more often": ('"Declarant" = { max = 2 }', "max 2 is more than the base's 1"),
    "less often": ('"FunctionCode" = { min = 0 }', "min 0 is less than the base's 1"),
    "never": ('"AdditionalDocument" = { max = 0 }', "leave nothing"),
    "min above max": ('"AdditionalDocument" = { min = 3, max = 2 }', "min 3 and max 2 leave nothing"),
    "an attribute twice": ('"InvoiceAmount/@currencyID" = { max = 2 }', "an XML attribute stands once at most"),
    "a class": ('"Declarant" = { format = "an..5" }', "is a class and holds no value"),
    "no such path": ('"Declarant/IDs" = { format = "an..5" }', "there is no 'IDs' below Declarant"),
    "no such attribute": ('"InvoiceAmount/@unit" = { min = 1 }', "has no attribute 'unit'"),
    "no such list": ('"TypeCode" = { list = "xz-types" }', "there is no code list 'xz-types'"),
    "no such key": ('"TypeCode" = { vales = ["IMA"] }', "object contains unknown field `vales`"),
    "no number": ('"Declarant" = { min = "one" }', "expected `int | null`, got `str`"),
}


@pytest.mark.parametrize("name", NARROWINGS)
def test_what_does_not_narrow_is_refused(tmp_path, name):
    rule, words = NARROWINGS[name]
    (fault,) = faults(tmp_path, f"{HEAD}\n# before\n[messages.DEC.narrow]\n{rule}\n# after\n")
    assert words in fault.text
    assert line_of(fault) == rule
    assert fault.remedy
    assert fault.key.startswith("messages.DEC.narrow.")


EXTENSIONS = {
    "no such place": ('path = "Declarants/PassportID"', "there is no 'Declarants' below Declaration"),
    "in a value": ('path = "TypeCode/PassportID"', "TypeCode is no class"),
    "clash": ('path = "Declarant/Name"', "there is a Name at that place already"),
    "no name": ('path = "Declarant/Passport-ID"', "'Passport-ID' is not a name"),
    "no such sibling": ('path = "Declarant/PassportID"\nafter = "Names"', "after: there is no 'Names'"),
    "no bound": ('path = "Declarant/PassportID"\nmin = 2', "min 2 and max 1 do not fit"),
    "odd bound": ('path = "Declarant/PassportID"\nmax = "many"', "do not fit"),
    "no such type": ('path = "Declarant/PassportID"\nformat = "an..5"\nvalues = ["A B C D"]', "'A B C D': not taken"),
    "no such format": ('path = "Declarant/PassportID"\nformat = "5"', "format '5' is not of the form"),
}


@pytest.mark.parametrize("name", EXTENSIONS)
def test_an_extension_that_cannot_stand_is_refused(tmp_path, name):
    rule, words = EXTENSIONS[name]
    (fault,) = faults(tmp_path, HEAD + EXTEND + rule)
    assert words in fault.text
    assert (line_of(fault), fault.key) == ("[[messages.DEC.extend]]", "messages.DEC.extend.0")


def replaced(old: str, new: str) -> str:
    """A good extension with one line changed."""
    return EXTEND.replace(old, new) + 'path = "Declarant/PassportID"'


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (replaced('"xx"', '"zz"'), "the prefix 'zz' is not declared"),
        (replaced('"ID"', '"Ident"'), "unknown type 'Ident'"),
        (replaced('"ID"', '"class"'), "a class without parts holds nothing"),
        (replaced('"P"', '" "'), "an extension needs a purpose"),
        (replaced('purpose = "P"\n', ""), "object missing required field `purpose`"),
        (replaced("type", "typ"), "object"),
    ],
)
def test_an_extension_says_what_it_is(tmp_path, rule, words):
    found = faults(tmp_path, HEAD + rule)
    assert words in found[0].text
    assert line_of(found[0]) == "[[messages.DEC.extend]]"


def test_one_name_is_one_extension(tmp_path):
    twice = EXTEND + 'path = "Declarant/PassportID"\n' + EXTEND + 'path = "Agent/PassportID"\nformat = "an..9"\n'
    (fault,) = faults(tmp_path / "a", HEAD + twice)
    assert "PassportID is defined at Declaration/Declarant/PassportID already" in fault.text
    assert (fault.key, fault.place.rpartition(":")[2]) == ("messages.DEC.extend.1", "11")
    same_place = EXTEND + 'path = "Declarant/PassportID"\n' + EXTEND + 'path = "Declarant/PassportID"\n'
    assert "at that place already" in faults(tmp_path / "b", HEAD + same_place)[0].text
    own = HEAD.replace("urn:xx:customs", "urn:wco:datamodel:WCO:DEC-DMS:2") + EXTEND + 'path = "Declarant/PassportID"'
    assert "is a namespace of the base" in faults(tmp_path / "c", own)[0].text


@pytest.mark.parametrize(
    ("rules", "words", "line"),
    [
        ('forbid = ["FunctionCode"]', "the base makes it mandatory", "forbid"),
        (
            'forbid = ["FunctionCode/@listID", "IssueDateTime/DateTimeString/@formatCode"]',
            "makes it mandatory",
            "forbid",
        ),
        ('mandatory = [\n  "TypeCode",\n  "Typecode",\n]', "there is no 'Typecode'", '  "Typecode",'),
        ('forbid = ["Agent"]\nmandatory = ["Agent/ID"]', "Agent is forbidden here", "mandatory"),
        ('when = { "TypeCode" = "IMPORT" }', "'IMPORT' can never stand there", "when"),
        ('when = { "Declarant/ID" = "X" }', "a condition looks at a value directly in", "when"),
        ('when = { "/NoSuchCode" = "X" }', "there is no 'NoSuchCode' below MetaData", "when"),
        ('madatory = ["TypeCode"]', "there is no key 'madatory' here", "madatory"),
        ('mandatory = "TypeCode"', "expected `array`, got `str`", "mandatory"),
    ],
)
def test_other_rules_are_refused_likewise(tmp_path, rules, words, line):
    (fault,) = faults(tmp_path, HEAD + rules)
    assert words in fault.text
    assert line_of(fault).startswith(line)


@pytest.mark.parametrize(
    ("old", "new", "words", "key"),
    [
        ('title = "T"\n', "", "a package needs a title", "title"),
        ("[messages.DEC]", "[messages.DCE]", "wco-dms/3.6 has no message type 'DCE'", "messages.DCE"),
        ("[messages.DEC]\n", "", "a package needs a message type", "messages"),
        ("wco-dms/3.6", "wco-dsm/3.6", "there is no package 'wco-dsm/3.6'", "extends"),
        ("wco-dms/3.6", "xx/1", "a circle: xx/1 -> xx/1", "extends"),
        ("[namespaces]", 'country = "Xz"\n[namespaces]', "'Xz' is not a country code", "country"),
        ("[namespaces]", "effective_from = 2026\n[namespaces]", "expected `date`", "effective_from"),
        ("xx = ", "Xx = ", "a prefix is small letters and digits", "namespaces.Xx"),
        ('title = "T"', 'title = "T"\nowner = "me"', "there is no key 'owner'", "owner"),
        ('title = "T"', 'title = "T', "not TOML", "package.toml"),
        (
            "[namespaces]",
            "effective_from = 2026-02-01\neffective_to = 2026-01-31\n[namespaces]",
            "the last day comes before the first",
            "effective_to",
        ),
    ],
)
def test_the_head_of_the_file_is_checked(tmp_path, old, new, words, key):
    text = HEAD.replace(old, new)
    root = installation(tmp_path, xx_1=text)
    if "not TOML" in words:
        with pytest.raises(ValueError, match=r"package\.toml"):
            Registry.load(root)
        return
    with pytest.raises(BadDerivation) as refusal:
        Registry.load(root)
    (fault,) = refusal.value.faults
    assert words in fault.text
    assert fault.key == key
    assert re.search(r"xx/1/package\.toml:\d+$", fault.place)


def test_circles_of_several_packages_are_refused_once_each(tmp_path):
    root = installation(tmp_path, aa_1=HEAD.replace("wco-dms/3.6", "bb/1"), bb_1=HEAD.replace("wco-dms/3.6", "aa/1"))
    write_package(root / "packages", "cc_1", HEAD.replace("wco-dms/3.6", "aa/1"))
    texts = [fault.text for fault in Loader(root / "packages").check()]
    assert texts == [
        "a circle: aa/1 -> bb/1 -> aa/1",
        "a circle: bb/1 -> aa/1 -> bb/1",
        "a circle: aa/1 -> bb/1 -> aa/1",
    ]


def test_all_faults_of_all_packages_are_told_at_once(tmp_path):
    bad = HEAD + 'mandatory = ["A", "B"]\n[messages.DEC.narrow]\n"Declarant/ID" = { format = "an..99" }\n' + EXTEND
    root = installation(tmp_path, aa_1=bad + 'path = "Declarant/Name"\n', bb_1=HEAD + 'forbid = ["C"]\n')
    write_package(root / "packages", "cc_1", HEAD + "nonsense = 1\n")
    found = Loader(root / "packages").check()
    keys = [(fault.place.split("/")[-3], fault.key) for fault in found]
    assert keys == [
        ("cc", "messages.DEC.nonsense"),
        ("aa", "messages.DEC.mandatory.A"),
        ("aa", "messages.DEC.mandatory.B"),
        ("aa", "messages.DEC.narrow.Declarant/ID"),
        ("aa", "messages.DEC.extend.0"),
        ("bb", "messages.DEC.forbid.C"),
    ]


def test_what_derives_from_a_bad_package_adds_no_faults(tmp_path):
    root = installation(tmp_path, aa_1=HEAD + 'forbid = ["C"]\n', bb_1=HEAD.replace("wco-dms/3.6", "aa/1"))
    write_package(root / "packages", "cc_1", HEAD + "nonsense = 1\n")
    write_package(root / "packages", "dd_1", HEAD.replace("wco-dms/3.6", "cc/1"))
    assert [fault.key for fault in Loader(root / "packages").check()] == [
        "messages.DEC.nonsense",
        "messages.DEC.forbid.C",
    ]


def test_two_versions_may_not_begin_on_one_day(tmp_path):
    dated = HEAD.replace("[namespaces]", "effective_from = 2026-01-01\n[namespaces]")
    root = installation(tmp_path, xx_1=dated, xx_2=dated)
    (fault,) = Loader(root / "packages").check()
    assert "xx/1 begins on 2026-01-01 too" in fault.text


def test_two_packages_may_not_be_chosen_by_the_same(tmp_path):
    claim = HEAD + 'when = { "/AgencyAssignedCustomizationCode" = "X" }\n'
    root = installation(tmp_path, aa_1=claim, bb_1=claim)
    (fault,) = Loader(root / "packages").check()
    assert "aa/1 is chosen by the same" in fault.text
    assert fault.key == "messages.DEC.when"


def test_foreign_schemas_cannot_be_derived_from(tmp_path):
    root = installation(tmp_path, xx_1=HEAD.replace("wco-dms/3.6", "foreign/1"))
    folder = root / "packages" / "foreign" / "1"
    folder.mkdir(parents=True)
    (folder / "package.toml").write_text('title = "F"\n[bundle]\nroots = ["main.xsd"]\n')
    (fault,) = Loader(root / "packages").check()
    assert "foreign/1 was read from XML schemas" in fault.text


def test_a_draft_is_checked_as_if_it_stood_among_the_packages(tmp_path):
    root = installation(tmp_path / "schemas", xx_1=HEAD)
    draft = write_package(tmp_path / "drafts", "xx_1", HEAD + 'forbid = ["C"]\n')
    assert Loader(root / "packages").check() == []
    (fault,) = Loader(root / "packages", [draft]).check()
    assert str(draft) in fault.place


def test_the_packages_of_this_repository_have_no_faults():
    assert Loader(SCHEMAS / "packages").check() == []
