"""How strict a gateway is about who lodges for whom, and how long it waits for a confirmation."""

from typing import Final, Literal

import msgspec

REGISTERED: Final = "registered"
REQUIRED: Final = "required"


class MandateSettings(msgspec.Struct, frozen=True, kw_only=True):
    """With `strict` at `registered`, a mandate is needed where the party is another account's, and parties that nobody
    has registered pass; with `required`, all must be the sender's own or have given it a mandate.

    `confirm` is how many days a principal has to confirm a filing, `look` how many seconds pass at most until a mandate
    that was granted or revoked elsewhere counts, `most` how many mandates a principal may have at one time.
    """

    strict: Literal["registered", "required"] = "registered"
    confirm: int = 5
    look: float = 1.0
    most: int = 1000

    def __post_init__(self) -> None:
        if min(self.confirm, self.most) < 1:
            raise ValueError("confirm and most must be at least 1")
        if not 0 <= self.look <= 60:
            raise ValueError("look must be from 0 to 60 seconds, because a mandate that was revoked counts for so long")
