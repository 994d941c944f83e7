"""What a virtual agency does, as data, and the decision that follows from it. Pure: the same request, the same answer.

A decision is planned whole when the request arrives: a final outcome is one step, a hold that is released later is
two, and so is a query with what follows its answer. So it can be written down before anybody is told, and nothing is
ever decided a second time.
"""

import hashlib
import tomllib
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

DEFAULTS = "defaults"
PERMIT_DAYS = 180

Outcome = Literal["granted", "refused", "held", "documents", "query"]
HsPrefix = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{2,10}$")]
Fault = Annotated[str, msgspec.Meta(pattern=r"^(stall|truncate|reset|[45][0-9]{2})$")]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Behaviour(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One agency's table. Times are seconds; HS prefixes are two to ten digits."""

    outcome: Outcome = "granted"
    refuse_hs: tuple[HsPrefix, ...] = ()
    hold_hs: tuple[HsPrefix, ...] = ()
    release_after: Seconds | None = None
    delay: Seconds = 0.0
    answer: Literal["at-once", "callback", "poll"] = "at-once"
    poll_every: Annotated[float, msgspec.Meta(gt=0)] = 0.5
    lpco: bool = True
    media: Literal["json", "xml"] = "json"
    fault: Fault | None = None
    fault_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.fault is not None and self.answer == "poll":
            raise ValueError("fault spoils answers to posted requests, and answer = 'poll' has none")


class Goods(msgspec.Struct, frozen=True):
    """One goods item of a request: its sequence number and its HS code as digits."""

    sequence: int
    hs: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a permit request says, as far as a decision needs it. `permits` are LPCO types, each once, in order."""

    delivery_id: str
    mrn: str
    agency: str
    issued_on: date
    goods: tuple[Goods, ...]
    permits: tuple[str, ...]


class Told(msgspec.Struct, frozen=True):
    """What a notice says, as far as the book shows it."""

    notice_id: str
    delivery_id: str
    mrn: str
    agency: str
    about: str
    query: str | None
    answer: str | None
    documents: tuple[str, ...]


class Step(msgspec.Struct, frozen=True):
    """One message to the gateway: seconds to wait after the step before, and the Decision in the form of its JSON.

    With `answered`, the wait begins when the trader has answered the query of the step before.
    """

    after: float
    decision: dict[str, Any]
    answered: bool = False

    @property
    def outcome(self) -> str:
        """The outcome code."""
        return str(self.decision["OutcomeCode"])


def load(file: Path, code: str) -> Behaviour:
    """The behaviour of one agency: its own table over `[defaults]`. Raises ValueError that names file and key."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file}: {error}") from error
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ValueError(f"{file}: {name!r} stands outside a table; put it under [{DEFAULTS}] or under [{code}]")
        _convert(table, f"{file}: [{name}]")
    merged = tables.get(DEFAULTS, {}) | tables.get(code, {})
    return _convert(merged, f"{file}: [{DEFAULTS}] and [{code}] together")


def _convert(table: dict[str, Any], place: str) -> Behaviour:
    try:
        return msgspec.convert(table, Behaviour)
    except msgspec.ValidationError as error:
        raise ValueError(f"{place}: {error}") from error


def decide(asked: Asked, behaviour: Behaviour) -> tuple[Step, ...]:
    """The whole plan for one request: refuse_hs before hold_hs before outcome."""
    refused = _matching(asked.goods, behaviour.refuse_hs)
    held = _matching(asked.goods, behaviour.hold_hs)
    outcome: str = "refused" if refused else "held" if held else behaviour.outcome
    steps = [Step(behaviour.delay, _decision(outcome, asked, behaviour, refused or held or asked.goods))]
    asks = outcome == "query"
    if outcome in ("held", "documents", "query") and (asks or behaviour.release_after is not None):
        final = "refused" if behaviour.outcome == "refused" else "granted"
        steps.append(Step(behaviour.release_after or 0.0, _decision(final, asked, behaviour, asked.goods), asks))
    return tuple(steps)


def _matching(goods: Sequence[Goods], prefixes: tuple[str, ...]) -> tuple[Goods, ...]:
    return tuple(item for item in goods if prefixes and item.hs.startswith(prefixes))


def _decision(outcome: str, asked: Asked, behaviour: Behaviour, goods: tuple[Goods, ...]) -> dict[str, Any]:
    content = CONTENT[outcome](asked, behaviour, goods)
    return {"DeliveryID": asked.delivery_id, "OutcomeCode": outcome} | content


def _granted(asked: Asked, behaviour: Behaviour, _goods: tuple[Goods, ...]) -> dict[str, Any]:
    if not behaviour.lpco:
        return {}
    digest = hashlib.sha256(asked.delivery_id.encode()).hexdigest()[:10].upper()
    expires = (asked.issued_on + timedelta(days=PERMIT_DAYS)).isoformat()
    return {
        "LPCO": [
            {"TypeCode": kind, "ID": f"XZ-{asked.agency}-{digest}-{number}", "ExpirationDate": expires}
            for number, kind in enumerate(asked.permits, 1)
        ]
    }


def _refused(asked: Asked, _behaviour: Behaviour, goods: tuple[Goods, ...]) -> dict[str, Any]:
    return {"Reason": f"{asked.agency} does not admit these goods", "Finding": _findings("NOT-ADMITTED", goods)}


def _held(asked: Asked, _behaviour: Behaviour, goods: tuple[Goods, ...]) -> dict[str, Any]:
    return {"Reason": f"{asked.agency} will inspect these goods", "Finding": _findings("TO-INSPECT", goods)}


def _documents(asked: Asked, _behaviour: Behaviour, _goods: tuple[Goods, ...]) -> dict[str, Any]:
    wanted = [{"TypeCode": kind, "Description": f"The original of document type {kind}"} for kind in asked.permits]
    return {"Reason": f"{asked.agency} needs documents", "DocumentRequest": wanted}


def _query(asked: Asked, _behaviour: Behaviour, goods: tuple[Goods, ...]) -> dict[str, Any]:
    items = [item.sequence for item in goods]
    text = f"{asked.agency} asks: what are these goods for?"
    return {"Query": [{"ReferenceID": f"{asked.agency}-Q1", "Text": text, "SequenceNumeric": items}]}


def _findings(code: str, goods: tuple[Goods, ...]) -> list[dict[str, Any]]:
    return [
        {"Code": code, "Description": f"HS {item.hs or 'not stated'}", "SequenceNumeric": [item.sequence]}
        for item in goods
    ]


CONTENT: dict[str, Callable[[Asked, Behaviour, tuple[Goods, ...]], dict[str, Any]]] = {
    "granted": _granted,
    "refused": _refused,
    "held": _held,
    "documents": _documents,
    "query": _query,
}
