"""What is lodged: real declarations without comments and white space, chosen by where the gateway would send them.

The gateway's own intake says which agencies want a declaration, so that a change of the requirements cannot turn a
measurement of intake into one of deliveries unseen.
"""

import os
from collections.abc import Callable, Sequence
from copy import deepcopy
from decimal import Decimal
from pathlib import Path

from lxml import etree

from gateway import bootstrap
from gateway.clock import utc_now
from gateway.intake import LODGED, Lodgement, admit
from gateway.ports import Account, Admission
from gateway.settings import Settings
from perf.data import stripped
from perf.options import ROOT, SCHEMAS
from perf.service.references import Declaration, declaration

HTTP_AGENCIES = ("FSA", "PHS", "WLD")
_NAMESPACE = "{urn:wco:datamodel:WCO:DEC-DMS:2}"
# What the whole declares, and what its items say of it.
_TOTALS = {
    "InvoiceAmount": "ItemChargeAmount",
    "TotalGrossMassMeasure": "GrossMassMeasure",
    "TotalPackageQuantity": "Packaging/QuantityQuantity",
}


def corpus_files() -> list[Path]:
    """The public declarations, or nothing where they are not at hand."""
    folder = Path(os.environ.get("GUICHET_CORPUS", ROOT.parent / "shared" / "corpus"))
    return sorted((folder / "uk-cds" / "samples" / "declarations").glob("*.xml"))


def sample_files() -> list[Path]:
    """Our own declarations, of the country XZ."""
    return sorted((SCHEMAS / "samples").glob("*.xml"))


def unwanted(files: Sequence[Path], place: Path) -> list[Declaration]:
    """Those of the files that the gateway takes without a remark, and that no agency wants."""
    admitted = _admissions(place)
    made = []
    for file in files:
        document = stripped(file.read_bytes())
        admission, faults = admitted(document)
        if not admission.deliveries and not faults:
            made.append(declaration(file.stem, document))
    return made


def for_three_agencies(place: Path) -> Declaration:
    """Orchids and a box of beef in one declaration, which the three agencies HTTP_AGENCIES want to see."""
    files = (
        SCHEMAS / "samples" / f"{name}.xml" for name in ("import-orchids-thailand", "import-chilled-beef-argentina")
    )
    orchids, beef = (etree.fromstring(stripped(file.read_bytes())) for file in files)
    items = _all(orchids, "GovernmentAgencyGoodsItem")
    added = deepcopy(_all(beef, "GovernmentAgencyGoodsItem")[0])
    commodity = _all(added, "Commodity")[0]
    commodity.remove(_all(commodity, "TransportEquipment")[0])  # the box flies along; it is in no container
    _all(added, "SequenceNumeric")[0].text = str(len(items) + 1)
    items[-1].addnext(added)
    _all(orchids, "GoodsItemQuantity")[0].text = str(len(items) + 1)
    for total, parts in _TOTALS.items():
        _all(orchids, total)[0].text = str(sum(Decimal(part.text or "") for part in _all(orchids, parts)))
    document = etree.tostring(orchids, xml_declaration=True, encoding="UTF-8")
    admission, faults = _admissions(place)(document)
    wanted = sorted(each.delivery.agency for each in admission.deliveries)
    if faults or wanted != sorted(HTTP_AGENCIES):
        raise RuntimeError(f"the declaration for three agencies goes to {wanted}, with {faults} remarks")
    return declaration("orchids-and-beef", document)


def _admissions(place: Path) -> Callable[[bytes], tuple[Admission, int]]:
    """Document -> what its acceptance would write, and how many remarks lists and rules have on it. Stores nothing."""
    gateway = bootstrap.build(Settings(database=f"sqlite:///{place / 'never-opened.db'}"), adapters={})
    trader = Account(1, "measured", "trader", None)

    def admitted(document: bytes) -> tuple[Admission, int]:
        lodgement = Lodgement(
            account=trader, body=document, media="application/xml", conversation_id="-", message=LODGED[0]
        )
        admission, report = admit(gateway, lodgement, utc_now(), [])
        return admission, report.total

    return admitted


def _all(root: etree._Element, path: str) -> list[etree._Element]:
    """All elements at a path of names, wherever it begins."""
    steps = "/".join(_NAMESPACE + name for name in path.split("/"))
    return root.findall(f".//{steps}")
