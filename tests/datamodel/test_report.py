"""The information package report names exactly what a package narrows, forbids and adds, and counts what it uses."""

import csv
import io
import tomllib
from pathlib import Path

import pytest
from lxml import etree, html

from datamodel import report_page
from datamodel.codelists import CodeLists
from datamodel.model import Element, Simple, walk
from datamodel.registry import Registry
from datamodel.report import PackageReport, report
from tests.conftest import SCHEMAS
from tests.datamodel.derived import HEAD, installation

EXTENSIONS = ("Declaration/PassportID", "Declaration/Declarant/VisaID", "Declaration/Agent/SlotDateTime")


def sixty(registry: Registry) -> dict[str, str]:
    """Sixty attributes of the declaration, one in five, each with a rule that narrows it: path to the rule."""
    found = {}
    for number, (path, element) in enumerate(list(walk(registry.message("wco-dms/3.6/DEC").model.root))[::5]):
        below = path.removeprefix("MetaData/Declaration/")
        if isinstance(element.content, Simple) and below != path and not below.startswith(("Amendment", "Warehouse")):
            found[below.removesuffix("/DateTimeString")] = rule(element, number)
    return dict(list(found.items())[:60])


def rule(element: Element, number: int) -> str:
    """A rule that narrows an attribute: by turns how often it stands, and what it holds."""
    letters, upto, _ = element.format.partition("..")
    if not element.min and (number % 2 or not upto or element.content.type.values):
        return "min = 1"
    return 'format = "n..2"' if element.content.type.primitive == "decimal" else f'format = "{letters}1"'


def own_package(folder: Path, registry: Registry) -> tuple[PackageReport, dict[str, str]]:
    """The report on a package that narrows sixty attributes and adds three extensions, and forbids two parts."""
    rules = sixty(registry)
    added = "".join(
        f'[[messages.DEC.extend]]\npath = "{path.removeprefix("Declaration/")}"\nnamespace = "xx"\n'
        f'type = "{"DateTime" if path.endswith("DateTime") else "ID"}"\npurpose = "Purpose of {path}"\n'
        f'legal_basis = "Act <1> & 2"\n'
        for path in EXTENSIONS
    )
    narrowed = "".join(f'"{path}" = {{ {each} }}\n' for path, each in rules.items())
    forbidden = 'forbid = ["Amendment", "GoodsShipment/Warehouse/TypeCode"]\n'
    root = installation(folder, xx_1=f"{HEAD}{forbidden}[messages.DEC.narrow]\n{narrowed}{added}")
    lists = CodeLists.load(root / "codelists")
    return report(Registry.load(root), "xx/1", root / "packages" / "xx" / "1", lists), rules


@pytest.fixture
def own(tmp_path, registry) -> tuple[PackageReport, dict[str, str]]:
    return own_package(tmp_path, registry)


def test_it_names_exactly_the_sixty_and_the_three(own):
    made, rules = own
    assert len(rules) == 60
    (message,) = made.messages
    assert {each.path for each in message.having("narrowed")} == {f"Declaration/{path}" for path in rules}
    assert {each.what for each in message.having("narrowed")} == {"attribute"}
    assert {each.path: each.purpose for each in message.extensions} == {
        each: f"Purpose of {each}" for each in EXTENSIONS
    }
    assert [each.path for each in message.forbidden] == [
        "Declaration/Amendment",
        "Declaration/GoodsShipment/Warehouse/TypeCode",
    ]
    assert message.counts["narrowed"] == 60
    assert message.counts["extension"] == 3
    assert message.counts["forbidden"] == 5


def test_the_page_names_them_too_and_needs_no_other_file(own):
    made, rules = own
    page = html.fromstring(report_page.html(made))
    for table, paths in (
        ("narrowed-1", [f"Declaration/{path}" for path in rules]),
        ("extensions-1", EXTENSIONS),
        ("forbidden-1", ["Declaration/Amendment", "Declaration/GoodsShipment/Warehouse/TypeCode"]),
    ):
        assert sorted(page.xpath(f"//table[@id='{table}']//td[1]/code/text()")) == sorted(paths)
    assert page.xpath("//table[@id='extensions-1']//td[5]/text()") == ["Act <1> & 2"] * 3, "text is escaped"
    assert not page.xpath("//script | //link | //img | //@src | //@href[not(starts-with(., '#'))]")
    widths = [float(each) for each in page.xpath("//svg/rect/@width")]
    assert len(widths) == 4
    assert sum(widths) == pytest.approx(1000, abs=0.1)


def test_the_table_has_a_row_for_every_class_and_attribute(own, registry):
    made, rules = own
    rows = list(csv.DictReader(io.StringIO(report_page.table(made))))
    of_base = [path for path, _ in walk(registry.message("wco-dms/3.6/DEC").model.root) if "DateTimeString" not in path]
    assert len(rows) == len(of_base) + len(EXTENSIONS)
    by_path = {row["path"]: row for row in rows}
    assert {path for path, row in by_path.items() if row["status"] == "narrowed"} == {
        f"Declaration/{each}" for each in rules
    }
    assert by_path["Declaration/DeclarationOfficeID"]["wco_id"] == "065"
    assert by_path["Declaration/Amendment/Pointer/TagID"]["status"] == "forbidden"


def test_what_is_used_is_counted(registry):
    made = report(
        registry, "wco-dms/3.6", SCHEMAS / "packages" / "wco-dms" / "3.6", CodeLists.load(SCHEMAS / "codelists")
    )
    cancel = next(each for each in made.messages if each.key == "wco-dms/3.6/CANCEL")
    assert {(use.name, use.wco_id): use.positions for use in cancel.classes} == {
        ("MetaData", ""): 1,
        ("Declaration", "42A"): 1,
        ("Submitter", "17B"): 1,
        ("AdditionalInformation", "03A"): 1,
        ("Pointer", "97A"): 1,
        ("Amendment", "06A"): 1,
    }
    assert sum(use.positions for use in cancel.attributes) == 16
    assert {"42A", "017", "D014"} <= set(cancel.wco_ids)
    codes = {each.path: (each.values, each.lists) for each in cancel.coded}
    assert codes["Declaration/TypeCode"][0] == ("INV",)
    assert codes["Declaration/FunctionCode"] == (("13",), ("message-functions",))
    assert (cancel.base, cancel.counts, cancel.extensions) == ("", {}, ())


def test_the_example_narrows_sixty_attributes_and_adds_three(registry):
    folder = SCHEMAS / "packages" / "xz-dms" / "2026"
    (message,) = report(registry, "xz-dms/2026", folder, CodeLists.load(SCHEMAS / "codelists")).messages
    said = tomllib.loads((folder / "package.toml").read_text(encoding="utf-8"))["messages"]["DEC"]
    stated = {f"Declaration/{path}" for path in (*said["mandatory"], *said["narrow"])}
    assert {each.path for each in message.having("narrowed")} == stated
    assert len(message.having("narrowed", "attribute")) == message.counts["narrowed"] == 60
    assert [each.path for each in message.extensions] == [f"Declaration/{each['path']}" for each in said["extend"]]
    assert {each.path for each in message.forbidden} == {f"Declaration/{each}" for each in said["forbid"]}
    office = next(each for each in message.positions if each.path == "Declaration/DeclarationOfficeID")
    assert (office.lists, office.occurs) == (("xz-offices",), "1..1")


def test_both_files_are_written(own, tmp_path):
    made, _ = own
    page, rows = report_page.write(made, tmp_path / "new" / "folder")
    assert (page.name, rows.name) == ("xx-1.html", "xx-1.csv")
    assert etree.parse(page, etree.HTMLParser()).getroot() is not None
    assert rows.read_text(encoding="utf-8").startswith("message,path,kind,")


def test_a_spreadsheet_takes_no_cell_for_a_formula(own):
    made, _ = own
    (message,) = made.messages
    row = message.extensions[0]
    changed = type(row)(**{name: getattr(row, name) for name in row.__struct_fields__} | {"purpose": "=1+1"})
    mocked = type(message)(
        **{name: getattr(message, name) for name in message.__struct_fields__} | {"positions": (changed,)}
    )
    table = report_page.table(PackageReport(name="x/1", title="T", facts=made.facts, messages=(mocked,)))
    assert "'=1+1" in table


def test_an_unknown_package_is_a_key_error(registry):
    with pytest.raises(KeyError):
        report(registry, "xx/9", SCHEMAS)
