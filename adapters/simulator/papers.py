"""The papers that an agency handles: permit requests and notices read, decisions written, by the project's own codecs.

A decision is checked like anybody else's message before it leaves, so that the virtual agency never teaches a
message that the gateway would refuse.
"""

from datetime import date
from pathlib import Path
from typing import Any, Literal

import msgspec

from adapters.simulator.behaviour import Asked, Goods, Told
from datamodel.codecs import read, write
from datamodel.registry import Registry
from datamodel.structs import bare

PERMIT_REQUEST = "guichet/1/PermitRequest"
DECISION = "guichet/1/Decision"
NOTICE = "guichet/1/AgencyNotice"
# The tariff line is the classification of one of these types, else the first one long enough to be a tariff code.
TARIFF_TYPES = ("TSP", "HS")
MIN_TARIFF_DIGITS = 4

Format = Literal["xml", "json"]


class Papers:
    """Reads and writes with the packages of one folder. Compiled at once, so that the first request is not slow."""

    def __init__(self, schemas: Path) -> None:
        self._registry = Registry.load(schemas)
        for key in (PERMIT_REQUEST, DECISION, NOTICE):
            self._registry.message(key).compile()

    def asked(self, body: bytes, form: Format) -> Asked:
        """The facts of a permit request. Raises datamodel.issues.Refused."""
        request: Any = read(self._registry, body, form, message=PERMIT_REQUEST).document
        permits = dict.fromkeys(str(bare(row.LPCOTypeCode)) for row in request.Requirement)
        return Asked(
            delivery_id=str(bare(request.DeliveryID)),
            mrn=str(bare(request.DeclarationID)),
            agency=str(bare(request.AgencyCode)),
            issued_on=date.fromisoformat(str(bare(request.IssueDateTime))[:10]),
            goods=_goods(request.od_Declaration),
            permits=tuple(permits),
        )

    def told(self, body: bytes, form: Format) -> Told:
        """What a notice says. Raises datamodel.issues.Refused."""
        notice: Any = read(self._registry, body, form, message=NOTICE).document
        return Told(
            notice_id=str(bare(notice.NoticeID)),
            delivery_id=str(bare(notice.DeliveryID)),
            mrn=str(bare(notice.DeclarationID)),
            agency=str(bare(notice.AgencyCode)),
            about=str(bare(notice.NoticeCode)),
            query=str(bare(notice.Query.Text)) if notice.Query else None,
            answer=str(bare(notice.AnswerText)) if notice.AnswerText else None,
            documents=tuple(f"{bare(each.TypeCode)} {bare(each.ID)}" for each in notice.Document),
        )

    def decision(self, decision: dict[str, Any], form: Format) -> bytes:
        """A Decision in the form asked for. Raises datamodel.issues.Refused where it is not a valid one."""
        body = msgspec.json.encode({"Decision": decision})
        written: bytes = write(read(self._registry, body, "json", message=DECISION), form)
        return written


def _goods(declaration: Any) -> tuple[Goods, ...]:
    shipment = declaration.GoodsShipment
    items = () if shipment is None else shipment.GovernmentAgencyGoodsItem
    return tuple(Goods(int(bare(item.SequenceNumeric)), _tariff_line(item.Commodity)) for item in items)


def _tariff_line(commodity: Any) -> str:
    """Digits only; empty where the projection holds no tariff line."""
    coded = [
        (str(bare(each.IdentificationTypeCode)), "".join(filter(str.isdigit, str(bare(each.ID)))))
        for each in (() if commodity is None else commodity.Classification)
    ]
    typed = [digits for wanted in TARIFF_TYPES for kind, digits in coded if kind == wanted and digits]
    return next(iter([*typed, *(digits for _, digits in coded if len(digits) >= MIN_TARIFF_DIGITS)]), "")
