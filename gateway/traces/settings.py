"""Where traces go, and how many of them."""

from hashlib import sha256

import msgspec


class TraceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`endpoint` is where an OpenTelemetry collector takes traces by HTTP, as `http://localhost:4318/v1/traces`;
    without it there are none. `share` of all conversations is traced, each either whole or not at all.
    """

    endpoint: str | None = None
    share: float = 1.0

    def __post_init__(self) -> None:
        if self.endpoint is not None and not self.endpoint.startswith(("http://", "https://")):
            raise ValueError("endpoint must be an http:// or https:// address")
        if not 0 < self.share <= 1:
            raise ValueError("share must be above 0 and at most 1")

    def takes(self, trace_id: int) -> bool:
        """Whether this trace is one of the share: the same for all of its spans, in whichever process."""
        if self.share == 1:
            return True
        return int.from_bytes(sha256(trace_id.to_bytes(16)).digest()[8:16]) < self.share * 2**64
