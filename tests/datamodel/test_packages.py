"""Our own packages: samples that hold in both formats, and rows that are the WCO's wherever the WCO has them.

The messages derived by usage flag are checked against the declaration; each difference stands here with its reason.
"""

from collections import Counter
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from datamodel.codecs import read, write
from datamodel.issues import Refused
from datamodel.model import Element, descend, walk
from datamodel.registry import Message, Registry
from datamodel.tables import TYPE_COLUMNS, BadTable, DataTypes, read_package
from tests.conftest import SCHEMAS
from tests.datamodel.test_lossless import assert_lossless

NAMES = ("xz-cargo/1", "xz-declarations/1", "xz-exchange/1", "xz-lpco/1", "xz-payment/1")
FOLDERS = {name: SCHEMAS / "packages" / name for name in NAMES}
KEYS = [f"{name}/{message}" for name, folder in FOLDERS.items() for message in read_package(folder).messages]
SAMPLES = sorted((SCHEMAS / "samples" / "packages").glob("*/*.xml"))
ITEM = "GoodsShipment/GovernmentAgencyGoodsItem"

Reasons = Mapping[str, tuple[str, ...]]


def key_of(sample: Path) -> str:
    """The message that a sample says it is: its folder is the package, its name begins with the message."""
    message = sample.stem.partition("-")[0]
    return next(key for key in KEYS if key.startswith(f"{sample.parent.name}/") and key.endswith(f"/{message}"))


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_sample_is_recognised_and_one_document_in_both_formats(registry: Registry, file: Path) -> None:
    as_xml = read(registry, file.read_bytes(), "xml")
    as_json = read(registry, file.with_suffix(".json").read_bytes(), "json")
    assert as_xml.message.key == as_json.message.key == key_of(file)
    assert as_xml.document == as_json.document
    pretty = msgspec.json.format(write(as_xml, "json"), indent=2) + b"\n"
    assert file.with_suffix(".json").read_bytes() == pretty
    assert_lossless(registry, file.read_bytes())


def test_every_message_has_three_samples_or_more() -> None:
    counts = Counter(key_of(file) for file in SAMPLES)
    assert {key: counts[key] for key in KEYS if counts[key] < 3} == {}
    assert len(list((SCHEMAS / "samples" / "packages").glob("*/*.json"))) == len(SAMPLES)


def test_a_manifest_may_have_99_999_consignments(registry: Registry) -> None:
    for name in ("CargoReportIn", "CargoReportOut"):
        root = registry.message(f"xz-cargo/1/{name}").model.root
        assert [descend(root, path).max for path in ("Consignment", "Consignment/HouseConsignment")] == [99_999, 99_999]
    file = SCHEMAS / "samples" / "packages" / "xz-cargo" / "CargoReportIn-ship-manifest-thirty-houses.xml"
    manifest = read(registry, file.read_bytes(), "xml").document
    assert [len(each.HouseConsignment) for each in manifest.Consignment] == [0, 30]


def payload(message: Message) -> dict[str, Element]:
    """The positions of a message's payload by their path below it; the payload itself has the empty path.

    The text of a date is part of its data type, not a position.
    """
    root = descend(message.model.root, message.model.payload)
    positions = {path.partition("/")[2]: element for path, element in walk(root)}
    return {path: element for path, element in positions.items() if element.name != "DateTimeString"}


@pytest.mark.parametrize("key", KEYS)
def test_a_wco_id_has_one_tded_tag_everywhere(registry: Registry, key: str) -> None:
    known = {each.wco_id: each.tded for each in payload(registry.message("wco-dms/3.6/DEC")).values() if each.wco_id}
    rows = [(path, each) for path, each in walk(registry.message(key).model.root) if each.wco_id in known]
    assert [(path, each.wco_id, each.tded) for path, each in rows if each.tded != known[each.wco_id]] == []


@pytest.mark.parametrize("name", FOLDERS)
def test_every_personal_pattern_hides_something(registry: Registry, name: str) -> None:
    messages = [registry.message(key) for key in KEYS if key.startswith(f"{name}/")]
    hidden = [path for each in messages for path, element in walk(each.model.root) if element.personal]
    stale = [
        pattern
        for pattern in read_package(FOLDERS[name]).personal
        if not any(fnmatchcase(path, pattern) for path in hidden)
    ]
    assert stale == []


@pytest.mark.parametrize("key", [key for key in KEYS if key.startswith("xz-payment/")])
def test_payments_have_one_key_and_no_place_for_card_data(registry: Registry, key: str) -> None:
    positions = payload(registry.message(key))
    assert positions["ReferenceID"].min == 1
    assert [path for path in positions if "card" in path.lower()] == []


class Derived(NamedTuple):
    """A message made of the positions of the declaration that carry a usage flag.

    `moved` maps a path of the declaration to where it stands here. The others map a reason to the paths it holds for,
    each with all below it: those `left_out` are flagged but not here, those `added` are here but not flagged, and those
    that are `wider` repeat more often.
    """

    key: str
    flag: str
    moved: Mapping[str, str]
    left_out: Reasons
    added: Reasons
    wider: Reasons = {}

    def place(self, path: str) -> str:
        """Where a position of the declaration stands in this message."""
        for old, new in self.moved.items():
            if under(path, (old,)):
                return new + path[len(old) :]
        return path


def under(path: str, prefixes: tuple[str, ...]) -> bool:
    """Whether a path is one of the prefixes or stands below one."""
    return any(path == each or path.startswith(f"{each}/") for each in prefixes)


def listed(reasons: Reasons) -> tuple[str, ...]:
    """All paths of all reasons."""
    return tuple(path for paths in reasons.values() for path in paths)


# A report of cargo has no goods shipment: what hangs there in the declaration hangs on the consignment.
CARGO_MOVED = {f"{ITEM}/UCR": "Consignment/UCR"}
CARGO_ADDED = {
    "a manifest numbers, weighs and counts its consignments": (
        "Consignment/SequenceNumeric",
        "Consignment/TotalGrossMassMeasure",
        "Consignment/TotalPackageQuantity",
    ),
    "who sends, gets and is told": ("Consignment/Consignor", "Consignment/Consignee", "Consignment/NotifyParty"),
    "what the goods are": (
        "Consignment/ConsignmentItem/Commodity",
        "Consignment/ConsignmentItem/GoodsMeasure",
        "Consignment/ConsignmentItem/Packaging",
    ),
    "a master consignment holds house consignments": ("Consignment/HouseConsignment",),
    "containers, wagons and their seals": (
        "Consignment/TransportEquipment",
        "Consignment/PassiveTransportMeans",
        "Consignment/ConsignmentItem/TransportEquipment",
    ),
    "the contract of carriage and its end": ("Consignment/TransportContractDocument", "Consignment/UnloadingLocation"),
}
LETTER = "document types of XZ are a letter and a code"
MANY = {"a manifest has many consignments": ("Consignment",)}

DERIVED = [
    Derived(
        "xz-cargo/1/CargoReportIn",
        "CRI",
        {**CARGO_MOVED, "GoodsShipment/Consignment/LoadingLocation": "Consignment/LoadingLocation"},
        {
            "only the type of its identification is flagged, not the identification": (
                "GoodsShipment/Consignment/ArrivalTransportMeans",
            )
        },
        CARGO_ADDED
        | {
            "when and where it comes in": (
                "BorderTransportMeans/JourneyID",
                "BorderTransportMeans/ExpectedArrivalDateTime",
                "EntryOffice",
            )
        },
        MANY,
    ),
    Derived(
        "xz-cargo/1/CargoReportOut",
        "CRE",
        {**CARGO_MOVED, "GoodsShipment/PreviousDocument": "Consignment/PreviousDocument"},
        {},
        CARGO_ADDED
        | {
            "when it goes": ("BorderTransportMeans/JourneyID", "BorderTransportMeans/ExpectedDepartureDateTime"),
            "only the carrier's communication is flagged, not the carrier": ("Consignment/Carrier",),
            "where the goods were loaded is known at exit too": ("Consignment/LoadingLocation",),
        },
        MANY,
    ),
    Derived(
        "xz-cargo/1/ConveyanceReport",
        "CONV",
        {"Consignment/Carrier": "Carrier", "GoodsShipment/PreviousDocument": "PreviousDocument"},
        {},
        {
            "only the carrier's communication is flagged, not the carrier": ("Carrier",),
            LETTER: ("AdditionalDocument/CategoryCode",),
            "the journey and who is aboard": (
                "BorderTransportMeans/JourneyID",
                "BorderTransportMeans/CrewQuantity",
                "BorderTransportMeans/PassengerQuantity",
                "CallLocation",
                "Itinerary",
            ),
        },
    ),
    Derived(
        "xz-declarations/1/TransitDeclaration",
        "TRT",
        {
            "GoodsShipment/PreviousDocument": "Consignment/PreviousDocument",
            f"{ITEM}/UCR": "Consignment/ConsignmentItem/UCR",
        },
        {},
        {
            "only the class is flagged, none of its attributes": ("BorderTransportMeans",),
            "only the carrier's communication is flagged, not the carrier": ("Consignment/Carrier",),
            LETTER: ("AdditionalDocument/CategoryCode",),
            "who gets the goods": ("Consignment/Consignee", "Consignment/ConsignmentItem/Consignee"),
            "what the goods are": (
                "Consignment/ConsignmentItem/AdditionalDocument",
                "Consignment/ConsignmentItem/Commodity",
                "Consignment/ConsignmentItem/GoodsMeasure",
                "Consignment/ConsignmentItem/Packaging",
            ),
            "containers and their seals": (
                "Consignment/TransportEquipment",
                "Consignment/ConsignmentItem/TransportEquipment",
            ),
            "the way, its papers, its end and its limit": (
                "LimitDateTime",
                "Consignment/Itinerary",
                "Consignment/LoadingLocation",
                "Consignment/TransportContractDocument",
                "DestinationOffice",
                "TransitOffice",
            ),
            "details of carnets": ("TIRCarnet", "ATACarnet"),
        },
    ),
    Derived(
        "xz-declarations/1/PostalReport",
        "UPU",
        {},
        {
            "their addresses and communications are flagged because every address is; they have no part in the post": (
                "Agent",
                "Declarant",
                "Exporter",
                "Consignment/Carrier",
                "GoodsShipment/Buyer",
                "GoodsShipment/Consignment/GoodsLocation",
                "GoodsShipment/Payer",
                "GoodsShipment/Seller",
                "GoodsShipment/Surety",
                f"{ITEM}/Buyer",
                f"{ITEM}/Seller",
            ),
            "a postal item has one sender, one addressee and one country of dispatch": (
                "Consignment/Consignor",
                "Consignment/ConsignmentItem",
                f"{ITEM}/Consignee",
                f"{ITEM}/Consignor",
                f"{ITEM}/ExportCountry",
            ),
        },
        {
            "who reports, under which reference, which dispatch": (
                "FunctionalReferenceID",
                "DispatchID",
                "Submitter",
            ),
            LETTER: ("AdditionalDocument/CategoryCode", f"{ITEM}/AdditionalDocument/CategoryCode"),
            "a rate of exchange has a rate": ("CurrencyExchange/RateNumeric",),
            "the number on the label": ("GoodsShipment/ItemID",),
            "a package has its place in the list": (f"{ITEM}/Packaging/SequenceNumeric",),
        },
        {"a dispatch has many items": ("GoodsShipment",)},
    ),
]


@pytest.fixture(scope="module")
def declaration(registry: Registry) -> dict[str, Element]:
    return payload(registry.message("wco-dms/3.6/DEC"))


def flagged(declaration: dict[str, Element], derived: Derived) -> set[str]:
    """The positions of the declaration that carry the flag, without those left out."""
    out = listed(derived.left_out)
    return {path for path, each in declaration.items() if derived.flag in each.usage and not under(path, out)}


@pytest.mark.parametrize("derived", DERIVED, ids=lambda derived: derived.flag)
def test_a_derived_message_is_what_its_flag_says(
    registry: Registry, declaration: dict[str, Element], derived: Derived
) -> None:
    here = payload(registry.message(derived.key))
    wanted = {derived.place(path) for path in flagged(declaration, derived)}
    around = {"/".join(path.split("/")[:depth]) for path in wanted for depth in range(len(path.split("/")))}
    assert wanted - here.keys() == set()
    unexplained = here.keys() - wanted - around
    assert {path for path in unexplained if not under(path, listed(derived.added))} == set()
    assert {path for path, each in here.items() if derived.flag in each.usage} == wanted


@pytest.mark.parametrize("derived", DERIVED, ids=lambda derived: derived.flag)
def test_no_stated_difference_is_stale(registry: Registry, declaration: dict[str, Element], derived: Derived) -> None:
    here = payload(registry.message(derived.key))
    with_flag = [path for path, each in declaration.items() if derived.flag in each.usage]
    elsewhere = (*derived.moved, *listed(derived.left_out))
    assert [path for path in elsewhere if not any(under(each, (path,)) for each in with_flag)] == []
    assert [path for path in (*listed(derived.added), *listed(derived.wider)) if path not in here] == []


NARROWED = [*DERIVED, Derived("xz-declarations/1/LowValueDeclaration", "IM", {}, {}, {})]


@pytest.mark.parametrize("derived", NARROWED, ids=lambda derived: derived.key.rpartition("/")[2])
def test_a_derived_position_only_narrows(registry: Registry, declaration: dict[str, Element], derived: Derived) -> None:
    here = payload(registry.message(derived.key))
    for path, original in declaration.items():
        position = here.get(derived.place(path))
        if position is None or not path:
            continue
        assert (position.wco_id, position.tded, position.format) == (original.wco_id, original.tded, original.format)
        assert position.min >= original.min, path
        most = original.max or float("inf")
        assert (position.max or float("inf")) <= most or under(derived.place(path), listed(derived.wider)), path


def test_an_amount_without_its_currency_is_refused_in_both_formats(registry: Registry) -> None:
    file = SCHEMAS / "samples" / "packages" / "xz-payment" / "PaymentConfirmation-duty-paid.xml"
    as_json = file.with_suffix(".json").read_bytes()
    amount = b'{\n      "@currencyID": "XZD",\n      "value": 120.00\n    }'
    assert amount in as_json
    for body, form in (
        (file.read_bytes().replace(b' currencyID="XZD"', b""), "xml"),
        (as_json.replace(amount, b"120.00"), "json"),
    ):
        with pytest.raises(Refused) as refusal:
            read(registry, body, form)
        assert [each.rule for each in refusal.value.report.issues] == ["attribute.missing"]


def test_a_data_type_of_an_unknown_primitive_is_refused_with_its_line(tmp_path: Path) -> None:
    """A boolean, for one: it would be text in the JSON of a message."""
    file = tmp_path / "datatypes.tsv"
    file.write_text("\t".join(TYPE_COLUMNS) + "\nFlag\tboolean" + "\t" * 6 + "\n", encoding="utf-8")
    with pytest.raises(BadTable, match=r"datatypes\.tsv:2: 'boolean' is no primitive of a data type"):
        DataTypes(file)
