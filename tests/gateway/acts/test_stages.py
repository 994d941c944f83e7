"""The tables of what types mean: by country and day, and refused whole where a row cannot be used."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from datamodel.codecs import read
from datamodel.registry import Registry
from gateway.acts.stages import ORDINARY, Stage, Stages
from gateway.intake import LODGED
from gateway.settings import SCHEMAS
from tests.gateway.scripted import altered

PARTS = "import-machine-parts-germany.json"
DAY = date(2026, 11, 21)
HEAD = "country\ttype\tfrom\tto\tbefore_arrival\tsupplement\tdays\tnamed_by\n"
KEPT_HEAD = "country\tpath\tfrom\tto\tkeep\n"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load(SCHEMAS)


def loaded(registry: Registry, folder: Path, types: str | None = None, kept: str | None = None) -> Stages:
    shutil.copytree(SCHEMAS / "stages", folder / "stages")
    for name, head, text in ("types.tsv", HEAD, types), ("kept.tsv", KEPT_HEAD, kept):
        if text is not None:
            (folder / "stages" / name).write_text(head + text)
    return Stages.load(folder, registry.message(LODGED[0]), "XZ")


def declared(registry: Registry, kind: str, country: str = "XZ"):
    named = ('"ResponsibleCountryCode": "XZ"', f'"ResponsibleCountryCode": "{country}"')
    return read(
        registry, altered(PARTS, ('"TypeCode": "IMA"', f'"TypeCode": "{kind}"'), named), "json", message=LODGED[0]
    )


def test_every_type_of_the_country_is_in_its_list_and_only_four_letters_mean_anything_special(registry):
    stages = Stages.load(SCHEMAS, registry.message(LODGED[0]), "XZ")
    listed = (SCHEMAS / "codelists" / "xz-declaration-types.tsv").read_text().splitlines()[1:]
    codes = {line.split("\t")[0] for line in listed}
    found = {code: stages.of(declared(registry, code), DAY) for code in codes}
    assert {code[2:] for code, stage in found.items() if stage.before_arrival} == {"D", "E", "F"}
    assert {code[2:] for code, stage in found.items() if stage.supplements} == {"B", "C", "E", "F"}
    assert {kind for stage in found.values() for kind in stage.supplements} <= codes
    assert found["IMA"] == found["IMZ"] == ORDINARY
    assert found["IMF"] == Stage(True, ("IMY",), ("SDE", "MRN"), "2026-12-21")


def test_rows_count_for_their_country_and_in_their_days(registry, tmp_path):
    stages = loaded(registry, tmp_path, "GB\tIMD\t\t\tyes\t\t\t\nXZ\tIMD\t2027-01-01\t2027-06-30\tyes\t\t\t\n")
    here, there = declared(registry, "IMD"), declared(registry, "IMD", "GB")
    assert stages.of(there, DAY) == Stage(before_arrival=True)
    days = [date(2026, 12, 31), date(2027, 1, 1), date(2027, 6, 30), date(2027, 7, 1)]
    assert [stages.of(here, day).before_arrival for day in days] == [False, True, True, False]
    assert stages.kept(there, DAY) == []


@pytest.mark.parametrize(
    ("types", "kept", "told"),
    [
        ("XZ\tIMD\t\t\tno\t\t\t\n", None, r"types.tsv:2: before_arrival: write yes"),
        ("XZ\tIMC\t\t\t\tIMY\t\tSDE\n", None, r"types.tsv:2: supplement, days \(a number\) and named_by"),
        ("XZ\tIMC\t\t\t\tIMY\tten\tSDE\n", None, r"types.tsv:2: supplement, days"),
        ("XZ\tIMD\t2027\t\tyes\t\t\t\n", None, r"types.tsv:2: from: '2027' is no day"),
        ("XZ\tIMD\tyes\n", None, r"types.tsv:2: 8 cells are needed"),
        ("XZ\tIMD\t\t\tyes\t\t\t\nXZ\tIMD\t2027-01-01\t\tyes\t\t\t\n", None, r"types.tsv:3: .*IMD.* twice"),
        (None, "XZ\tDeclarant/Nme\t\t\tstated\n", r"kept.tsv:2: path: no 'Nme' below 'Declarant'"),
        (None, "XZ\tDeclarant/Name\t\t\tstated\n", r"kept.tsv:2: path: .* personal"),
        (None, "XZ\tDeclarant/ID\t\t\tall\n", r"kept.tsv:2: keep: write exact or stated"),
    ],
)
def test_a_row_that_cannot_be_used_is_told_with_its_place(registry, tmp_path, types, kept, told):
    with pytest.raises(ValueError, match=told):
        loaded(registry, tmp_path, types, kept)


@pytest.mark.parametrize("file", sorted((SCHEMAS / "samples").glob("*.xml")), ids=lambda file: file.stem)
def test_a_sample_that_ends_released_waits_for_no_goods(registry, file):
    stages = Stages.load(SCHEMAS, registry.message(LODGED[0]), "XZ")
    assert not stages.of(read(registry, file.read_bytes(), "xml", message=LODGED[0]), DAY).before_arrival
