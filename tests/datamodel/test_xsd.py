"""The schema that we print: complete, readable by a second implementation, and the one that judges."""

from pathlib import Path

import pytest
import xmlschema

from datamodel.model import walk
from datamodel.registry import Registry
from datamodel.xsd_writer import write_bundle
from tests.conftest import SCHEMAS

KEYS = ("wco-dms/3.6/DEC", "wco-dms/3.6/CANCEL", "wco-dms/3.6/RES", "guichet/1/PermitRequest", "guichet/1/Decision")


@pytest.fixture
def printed(registry: Registry, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The entry file of a printed bundle."""
    files = write_bundle(registry.message(request.param).model)
    for name, text in files.items():
        (tmp_path / name).write_bytes(text)
    return tmp_path / next(iter(files))


@pytest.mark.parametrize("printed", KEYS, indirect=True)
def test_another_implementation_compiles_it(printed: Path) -> None:
    assert xmlschema.XMLSchema(printed, defuse="always").root_elements


@pytest.mark.parametrize("printed", KEYS[:1], indirect=True)
def test_another_implementation_agrees_about_our_samples(printed: Path) -> None:
    schema = xmlschema.XMLSchema(printed, defuse="always")
    samples = sorted((SCHEMAS / "samples").glob("*.xml"))
    assert len(samples) == 12
    for sample in samples:
        schema.validate(str(sample))
        broken = sample.read_text(encoding="utf-8").replace("FunctionCode>9<", "FunctionCode>8<")
        assert not schema.is_valid(broken)


def test_the_declaration_has_all_positions_and_wco_ids(registry: Registry) -> None:
    model = registry.message("wco-dms/3.6/DEC").model
    positions = dict(walk(model.root))
    declared = {path: element for path, element in positions.items() if path.startswith("MetaData/Declaration/")}
    without_wrappers = [path for path in declared if not path.endswith("/DateTimeString")]
    assert len(without_wrappers) == 459
    wco_ids = {element.wco_id for element in declared.values() if element.wco_id}
    assert len(wco_ids | {"42A"}) == 228
