"""The table of parties that must have given a mandate: what it says of a declaration, and what it may not say."""

import pytest

from gateway.mandates.parties import load_parties
from gateway.routing import direction
from gateway.settings import SCHEMAS
from tests.gateway.scripted import sample

DEC = "wco-dms/3.6/DEC"
HEAD = "direction,path,legal_basis\n"


@pytest.fixture
def read(built):
    from datamodel.codecs import read as read_message

    return lambda name: read_message(built.registry, sample(name), name.rpartition(".")[2]).document


@pytest.mark.parametrize(
    ("name", "party"),
    [
        ("import-hotel-supplies.json", "XZ810090008145"),
        ("import-hotel-supplies.xml", "XZ810090008145"),
        ("export-flowers-and-beef-japan.xml", "XZ400020262013"),
    ],
)
def test_the_importer_of_an_import_and_the_exporter_of_an_export_are_asked(built, read, name, party):
    document = read(name)
    row, found = built.rolls.parties.asked(document, direction(document.Declaration))
    assert found == party and row.legal_basis


def test_of_several_rows_the_first_counts_that_the_declaration_has(built, read, tmp_path):
    rows = "import,Declaration/Exporter/ID,Act 1\nimport,Declaration/Declarant/ID,Act 2\n"
    (tmp_path / "a.csv").write_text(HEAD + rows)
    parties = load_parties(tmp_path, [built.registry.message(DEC).model])
    row, found = parties.asked(read("import-hotel-supplies.json"), "import")
    assert (row.path, found) == ("Declaration/Declarant/ID", "XZ100200300430")
    assert parties.asked(read("export-flowers-and-beef-japan.json"), "export") == (None, None)
    assert not load_parties(tmp_path / "nowhere", []) and load_parties(SCHEMAS / "mandates", [])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("direction,path\n", r"a\.csv:1: columns must be direction, path, legal_basis"),
        (HEAD + "transit,Declaration/Agent/ID,Act 1\n", r"a\.csv:2: column direction: 'transit'"),
        (HEAD + "import,Declaration/Importer/ID,Act 1\n", r"a\.csv:2: column path: 'Importer' of"),
        (
            HEAD + "import,Declaration/AuthorisationHolder/ID,Act 1\n",
            r"a\.csv:2: column path: 'AuthorisationHolder' of",
        ),
        (HEAD + "import,Declaration/Agent/ID,\n", r"a\.csv:2: 3 filled cells"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_with_its_line(built, tmp_path, text, told):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=told):
        load_parties(tmp_path, [built.registry.message(DEC).model])
