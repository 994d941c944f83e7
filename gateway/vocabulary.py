"""The closed lists of words in what callers see, as types: plain text to Python, an enumeration in every schema.

The words themselves, and what follows from them, are the lifecycle's.
"""

from collections.abc import Iterable
from typing import Annotated

import msgspec

from gateway import lifecycle


def one_of(words: Iterable[str]) -> msgspec.Meta:
    """Says in a schema which words there are."""
    return msgspec.Meta(extra_json_schema={"enum": list(words)})


CaseState = Annotated[str, one_of(lifecycle.CASE_STATES)]
DeliveryState = Annotated[str, one_of(lifecycle.DELIVERY_STATES)]
UndecidedState = Annotated[str, one_of(lifecycle.UNDECIDED)]
EventKind = Annotated[str, one_of(lifecycle.EVENT_KINDS)]
NotificationKind = Annotated[str, one_of(lifecycle.TOLD)]
NotificationState = Annotated[str, one_of(("pending", "acknowledged"))]
Outcome = Annotated[str, one_of(lifecycle.OUTCOME_EVENTS)]
Verdict = Annotated[str, one_of((lifecycle.CONFIRMED, lifecycle.DECLINED))]
ToldOutcome = Annotated[str, one_of((*lifecycle.OUTCOME_EVENTS, lifecycle.CONFIRMED, lifecycle.DECLINED))]
