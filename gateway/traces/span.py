"""Spans: what was done for a declaration, how long it took, and what came of it.

Rule: the trace of a declaration is its conversation: the trace id is the conversation id, and the span that all others
of a case hang from has an id that follows from it. Reason: a stage that runs days later, in another process or after a
crash, knows its case's conversation from the ledger, and so its place in the trace; nothing has to be stored for that,
and who holds the answer to a lodgement can look its trace up.

A span is made when what it tells of has ended, from two readings of the clock (nanoseconds since 1970). It has ids,
codes and counts, never what traders declare or agencies answer.
"""

import os
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from time import time_ns
from typing import Literal, Protocol
from uuid import UUID

import msgspec

Facts = Mapping[str, str | int | Sequence[str]]
Kind = Literal["internal", "server", "client"]
_CALLER = re.compile("00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")  # W3C Trace Context, traceparent


class Place(msgspec.Struct, frozen=True):
    """Where a span is, in its trace."""

    trace_id: int
    span_id: int

    def __str__(self) -> str:
        """As `traceparent` carries it to the next one."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-01"


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One stage. Without an end it has ended now. `failed` says why it failed; `caller` is the place that who called
    has in a trace of his own.
    """

    name: str
    place: Place
    parent: Place | None
    begun: int
    ended: int = msgspec.field(default_factory=time_ns)
    kind: Kind = "internal"
    facts: Facts = {}
    failed: str = ""
    caller: Place | None = None


class Collector(Protocol):
    """Takes spans at once and without an error; what it cannot pass on is lost."""

    def put(self, span: Span) -> None:
        """Take a span."""

    def close(self) -> None:
        """Pass on what is there, as long as that takes."""


def place_in(conversation_id: str) -> Place:
    """A place of its own for a span of a conversation."""
    return Place(UUID(conversation_id).int, int.from_bytes(os.urandom(8)) | 1)


def place_of(traceparent: str) -> Place | None:
    """The place that a caller gives as his own, if it is one."""
    told = _CALLER.fullmatch(traceparent)
    return Place(int(told[1], 16), int(told[2], 16)) if told else None


def root_of(conversation_id: str) -> Place:
    """The place of the span that all others of a case hang from."""
    conversation = UUID(conversation_id)
    return Place(conversation.int, int.from_bytes(sha256(conversation.bytes).digest()[:8]) | 1)
