"""What a document says of itself that decides which lists and rules it is held to: its country and its day."""

from contextlib import suppress
from datetime import date, datetime
from typing import Any, Final

from datamodel.model import Model
from datamodel.paths import reader, value_of

COUNTRY: Final = "ResponsibleCountryCode"  # of MetaData, the WCO envelope
ACCEPTANCE: Final = "AcceptanceDateTime/DateTimeString"
DAY: Final = "%Y%m%d"  # formats 102 and 304 of UN/EDIFACT 2379 both begin with it


def country_of(model: Model, document: Any) -> str | None:
    """The country to whose administration the document is addressed: its envelope's, else that of its package.

    None where neither names one; then it is that of the administration that reads the document, which the caller knows.
    """
    value = document.get(COUNTRY) if isinstance(document, dict) else getattr(document, COUNTRY, None)
    return value_of(value) or model.facts.country or None


def accepted_on(model: Model, document: Any) -> date | None:
    """The day of acceptance that the document itself states; None where it states none that exists."""
    path = f"{model.payload}/{ACCEPTANCE}" if model.payload else ACCEPTANCE
    with suppress(ValueError):  # a message without the position, or a day such as 30 February
        for _, text in reader(model.root, path)(document):
            return datetime.strptime(text[:8], DAY).date()
    return None
