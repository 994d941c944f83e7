"""What differs between packages and whom it breaks; each claim about senders is shown by a document."""

import json
import shutil
from pathlib import Path

import pytest

from datamodel import bundles
from datamodel.codecs import read
from datamodel.diff import BOTH, NOBODY, RECEIVERS, SENDERS, Difference, compare, compare_packages
from datamodel.issues import Refused
from datamodel.model import Model
from datamodel.registry import Registry
from tests.datamodel.derived import HEAD, installation, sample

STRESS = Path(__file__).parent / "stress"
EXTEND = '[[messages.DEC.extend]]\nnamespace = "xx"\ntype = "ID"\npurpose = "P"\npath = "Declarant/PassportID"\n'


def narrow(path: str, rule: str) -> str:
    return f'[messages.DEC.narrow]\n"{path}" = {{ {rule} }}\n'


# The rules of the old package and of the new one, and what the difference is.
CASES = {
    "removed": ("", 'forbid = ["GoodsItemQuantity"]', "GoodsItemQuantity", "attribute", "removed", SENDERS),
    "added": ('forbid = ["Agent"]', "", "Agent", "class", "added", RECEIVERS),
    "extended": ("", EXTEND, "Declarant/PassportID", "attribute", "added", RECEIVERS),
    "extended by what must be there": (
        "",
        EXTEND + "min = 1",
        "Declarant/PassportID",
        "attribute",
        "added",
        BOTH,
    ),
    "made mandatory": ("", 'mandatory = ["Agent"]', "Agent", "class", "made mandatory", SENDERS),
    "made optional": ('mandatory = ["Agent"]', "", "Agent", "class", "made optional", RECEIVERS),
    "narrowed": ("", narrow("Declarant/ID", 'format = "an..9"'), "Declarant/ID", "attribute", "narrowed", SENDERS),
    "widened": (narrow("Declarant/ID", 'format = "an..9"'), "", "Declarant/ID", "attribute", "widened", RECEIVERS),
    "other pattern": (
        narrow("Declarant/ID", 'pattern = "A[0-9]"'),
        narrow("Declarant/ID", 'pattern = "B[0-9]"'),
        "Declarant/ID",
        "attribute",
        "changed",
        BOTH,
    ),
    "pattern dropped": (narrow("Declarant/ID", 'pattern = "A"'), "", "Declarant/ID", "attribute", "widened", RECEIVERS),
    "fewer digits": (
        "",
        narrow("InvoiceAmount", 'format = "n..9,3"'),
        "InvoiceAmount",
        "attribute",
        "narrowed",
        SENDERS,
    ),
    "max lowered": ("", narrow("AdditionalDocument", "max = 9"), "AdditionalDocument", "class", "max changed", SENDERS),
    "max raised": (
        narrow("AdditionalDocument", "max = 9"),
        "",
        "AdditionalDocument",
        "class",
        "max changed",
        RECEIVERS,
    ),
    "min raised": (
        narrow("AdditionalDocument", "min = 1"),
        narrow("AdditionalDocument", "min = 2"),
        "AdditionalDocument",
        "class",
        "min changed",
        SENDERS,
    ),
    "fewer codes": ("", narrow("FunctionCode", 'values = ["9"]'), "FunctionCode", "attribute", "list changed", SENDERS),
    "more codes": (
        narrow("FunctionCode", 'values = ["9"]'),
        "",
        "FunctionCode",
        "attribute",
        "list changed",
        RECEIVERS,
    ),
    "other codes": (
        narrow("FunctionCode", 'values = ["9"]'),
        narrow("FunctionCode", 'values = ["13"]'),
        "FunctionCode",
        "attribute",
        "list changed",
        BOTH,
    ),
    "codes for the first time": (
        "",
        narrow("TypeCode", 'values = ["IMA"]'),
        "TypeCode",
        "attribute",
        "narrowed",
        SENDERS,
    ),
    "a code list": (
        "",
        narrow("TypeCode", 'list = "xz-declaration-types"'),
        "TypeCode",
        "attribute",
        "list changed",
        SENDERS,
    ),
    "XML attribute": (
        "",
        'forbid = ["TypeCode/@listID"]',
        "TypeCode/@listID",
        "XML attribute",
        "removed",
        SENDERS,
    ),
    "XML attribute made mandatory": (
        "",
        'mandatory = ["InvoiceAmount/@currencyID"]',
        "InvoiceAmount/@currencyID",
        "XML attribute",
        "made mandatory",
        SENDERS,
    ),
    "a date": ("", 'mandatory = ["IssueDateTime"]', "IssueDateTime", "attribute", "made mandatory", SENDERS),
}


def models(folder, old: str, new: str) -> tuple[Model, Model, Registry]:
    registry = Registry.load(installation(folder, old_1=HEAD + old, new_1=HEAD + new))
    return registry.message("old/1/DEC").model, registry.message("new/1/DEC").model, registry


@pytest.mark.parametrize("name", CASES)
def test_a_difference_is_told_with_whom_it_breaks(tmp_path, name):
    before, after, path, what, kind, breaks = CASES[name]
    old, new, _ = models(tmp_path, before, after)
    (found,) = compare(old, new)
    assert (found.path, found.what, found.kind, found.breaks) == (f"Declaration/{path}", what, kind, breaks)
    assert found.message == "DEC"


def test_a_document_that_a_narrowed_package_refuses_was_its_senders(tmp_path):
    old, new, registry = models(tmp_path, "", narrow("Declarant/ID", 'format = "an..9"'))
    (found,) = compare(old, new)
    body = json.dumps(sample()).encode()
    assert read(registry, body, "json", old.key)
    with pytest.raises(Refused) as refusal:
        read(registry, body, "json", new.key)
    assert (refusal.value.report.issues[0].json_pointer or "")[1:] == f"MetaData/{found.path}"
    assert (found.old, found.new) == ("length up to 17", "length up to 9")


def test_equal_packages_do_not_differ(registry):
    for message in registry.messages.values():
        assert compare(message.model, message.model) == []


def test_every_derived_package_breaks_senders_of_its_base_alone_but_for_extensions(registry):
    for message in registry.messages.values():
        base = message.model.facts.base
        for each in compare(registry.message(base).model, message.model) if base else ():
            mandatory = each.new.startswith("1")
            expected = SENDERS if each.kind != "added" else BOTH if mandatory else RECEIVERS
            assert each.breaks == expected, each


def test_the_example_s_versions_differ_as_their_makers_meant(registry):
    found = compare(registry.message("xz-dms/2026/DEC").model, registry.message("xz-dms/2027/DEC").model)
    assert [(each.path.rpartition("/")[2], each.kind) for each in found] == [
        ("FunctionalReferenceID", "narrowed"),
        ("Authentication", "removed"),
        ("ID", "widened"),
        ("RecycledPlasticMeasure", "made mandatory"),
        ("Payer", "added"),
        ("ConditionCode", "list changed"),
    ]


def test_message_types_that_come_and_go(registry):
    dec, cancel = registry.message("wco-dms/3.6/DEC").model, registry.message("wco-dms/3.6/CANCEL").model
    assert compare_packages({"DEC": dec, "CANCEL": cancel}, {"DEC": dec, "NEW": cancel}) == [
        Difference(message="CANCEL", path="", what="message", kind="removed", breaks=BOTH),
        Difference(message="NEW", path="", what="message", kind="added", breaks=NOBODY),
    ]


def test_other_roots_are_not_compared_further(registry):
    decision = registry.message("guichet/1/Decision").model
    (found,) = compare(registry.message("wco-dms/3.6/DEC").model, decision)
    assert (found.what, found.kind, found.breaks) == ("message", "replaced", BOTH)


def test_an_order_that_changes_breaks_both(tmp_path):
    two = EXTEND + EXTEND.replace("PassportID", "VisaID")
    other = EXTEND.replace("PassportID", "VisaID") + EXTEND
    old, new, _ = models(tmp_path, two, other)
    (found,) = compare(old, new)
    assert (found.path, found.kind, found.breaks) == ("Declaration/Declarant", "reordered", BOTH)


def test_packages_of_foreign_schemas_are_compared_too(tmp_path):
    packages, changed = tmp_path / "packages", tmp_path / "changed"
    packages.mkdir()
    shutil.copytree(STRESS, changed)
    main = changed / "main.xsd"
    main.write_text(main.read_text().replace('maxOccurs="unbounded"', 'maxOccurs="3"', 1))
    bundles.add(packages, "st", "1", STRESS, ("main.xsd",))
    bundles.add(packages, "st", "2", changed, ("main.xsd",))
    one, again = Registry.load(tmp_path), Registry.load(tmp_path)
    for key in one.messages:
        assert compare(one.messages[key].model, again.messages[key].model) == []
    of_one = {key.rpartition("/")[2]: each.model for key, each in one.messages.items() if "/1/" in key}
    of_two = {key.rpartition("/")[2]: each.model for key, each in one.messages.items() if "/2/" in key}
    (found,) = compare_packages(of_one, of_two)
    assert (found.kind, found.old, found.new, found.breaks) == ("max changed", "0..*", "0..3", SENDERS)
