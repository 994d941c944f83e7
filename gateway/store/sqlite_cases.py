"""The list of cases, the latest first.

An account's cases are found by its index, and looked through one after the other; so how long a page may take is
bounded by how many it looks at, and not by what is asked for.
"""

import sqlite3
from typing import Final

from gateway.ports import Case, CasesAsked, CasesFound

LOOKED_THROUGH: Final = 5000
_CASES = """SELECT id, version, mrn, account_id, conversation_id, message, reference, body_digest AS digest, media,
    state, accepted_at, updated_at FROM declaration_case"""
_BEFORE = """id < coalesce((SELECT earlier.id FROM declaration_case AS earlier WHERE earlier.mrn = :after),
    9223372036854775807) ORDER BY id DESC LIMIT :most"""
OF_ALL = f"{_CASES} WHERE {_BEFORE}"
OF_ACCOUNT = f"{_CASES} INDEXED BY declaration_case_account WHERE account_id = :account AND {_BEFORE}"
BY_REFERENCE = f"{_CASES} WHERE account_id = :account AND reference = :reference AND {_BEFORE}"


def cases(connection: sqlite3.Connection, asked: CasesAsked) -> CasesFound:
    """A page. An `after` that is unknown counts as none."""
    names = {"account": asked.account_id, "after": asked.after, "reference": asked.reference, "most": LOOKED_THROUGH}
    found: list[Case] = []
    looked, last = 0, None
    for row in connection.execute(_query(asked), names):
        if len(found) == asked.limit:
            return CasesFound(tuple(found), last)
        case = Case(**dict(row))
        looked, last = looked + 1, case.mrn
        if _fits(case, asked):
            found.append(case)
    return CasesFound(tuple(found), last if looked == LOOKED_THROUGH else None)


def _query(asked: CasesAsked) -> str:
    if asked.account_id is None:
        return OF_ALL
    return OF_ACCOUNT if asked.reference is None else BY_REFERENCE


def _fits(case: Case, asked: CasesAsked) -> bool:
    return (
        asked.reference in (None, case.reference)
        and asked.state in (None, case.state)
        and (asked.since is None or case.accepted_at >= asked.since)
        and (asked.until is None or case.accepted_at < asked.until)
    )
