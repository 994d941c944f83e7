"""The audit trail: each event of a case carries a digest that covers it and the event before.

Rule: an event that was changed, removed from the middle, put in or moved no longer fits its neighbours, and `verify`
names the first place that does not. Reason: a trail that its keeper could rewrite unseen would prove nothing.
What the chain alone cannot show is a tail cut off at the end; whoever holds a later digest can.

The chain, so that anybody can compute it again with nothing but SHA-256 and JSON:
- the chain of a case begins with the SHA-256 of its MRN (UTF-8), in lower-case hexadecimal: the genesis;
- events are numbered from 1 without gaps;
- the digest of an event is the SHA-256, in lower-case hexadecimal, of the canonical encoding of the JSON array
  `[digest before, seq, at, kind, actor, data]`;
- canonical encoding: UTF-8, no white space between tokens, the properties of objects in order of their names at every
  depth, characters beyond ASCII as themselves. `data` holds JSON values only; quantities belong in it as text or whole
  numbers, because the spelling of a binary fraction differs from one JSON library to another.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import msgspec

from gateway.ports import Event

FIRST_SEQ = 1
_CANONICAL = msgspec.json.Encoder(order="sorted")


def genesis(mrn: str) -> str:
    """The digest that the first event of a case refers to."""
    return sha256(mrn.encode()).hexdigest()


def covered(previous_digest: str, seq: int, at: str, kind: str, actor: str, data: dict[str, Any]) -> bytes:
    """What the digest of an event covers; raises TypeError for data that JSON cannot carry."""
    return _CANONICAL.encode((previous_digest, seq, at, kind, actor, data))


def link(previous_digest: str, seq: int, at: str, kind: str, actor: str, data: dict[str, Any]) -> Event:
    """The event that follows the one with `previous_digest`; raises TypeError for data that JSON cannot carry."""
    canonical = covered(previous_digest, seq, at, kind, actor, data)
    return Event(seq, at, kind, actor, data, sha256(canonical).hexdigest())


def verify(mrn: str, events: Iterable[Event]) -> int | None:
    """The first sequence number at which the chain of a case does not hold, or None where all of it does."""
    previous = genesis(mrn)
    for seq, event in enumerate(events, FIRST_SEQ):
        expected = link(previous, seq, event.at, event.kind, event.actor, event.data)
        if (event.seq, event.digest) != (seq, expected.digest):
            return seq
        previous = event.digest
    return None
