"""Who may do what: one table, by which callers are admitted, keys are scoped, and the API is described.

A cell says how far a role reaches on a route: `own` is what belongs to it, with another's hidden as if it never was;
`any` is everybody's; `-` is nothing, which is told before anything is looked for, so that a refusal gives nothing away.
`scope` is what a key must have for the route, where it has not all that its role may do.

Rule: a route stands here, or among those that are open to all, or the gateway does not start. Reason: a route that
somebody forgot must not be one that anybody may call.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

TABLE: Final = """
route                scope     trader  agency  operator  author  auditor
lodge                lodge     own     -       -         -       -
lodge-batch          lodge     own     -       -         -       -
batch                read      own     -       -         -       -
amend                lodge     own     -       -         -       -
invalidate           lodge     own     -       -         -       -
invalidation         read      own     -       -         -       any
lodge-appeal         lodge     own     -       -         -       -
appeals              read      own     -       any       -       any
appeal               read      own     -       any       -       any
appeal-message       read      own     -       -         -       any
appeal-record        read      own     -       -         -       any
appeal-response      read      own     -       any       -       any
answer               lodge     own     -       -         -       -
query-answer         read      own     -       -         -       any
arrive               lodge     own     -       -         -       -
arrival              read      own     -       -         -       any
supplement           lodge     own     -       -         -       -
declarations         read      own     -       any       -       any
status               read      own     -       any       -       any
message              read      own     -       -         -       any
response             read      own     -       any       -       any
timeline             read      own     -       any       -       any
grant                mandate   own     -       -         -       -
mandates             read      own     -       -         -       -
mandate              read      own     -       -         -       any
revoke               mandate   own     -       -         -       -
declared             read      own     -       -         -       -
confirm              confirm   own     -       -         -       -
notifications        read      own     -       -         -       -
acknowledge          read      own     -       -         -       -
notification-stream  read      own     -       -         -       -
redeliver            notify    own     -       -         -       -
callback             read      own     -       -         -       -
test-callback        notify    own     -       -         -       -
set-callback         notify    own     -       -         -       -
remove-callback      notify    own     -       -         -       -
validate             validate  any     any     any       any     any
convert              validate  any     any     any       any     any
inbox                read      -       own     -         -       -
delivery             read      -       own     -         -       -
decide               decide    -       own     -         -       -
send-document        lodge     own     -       -         -       -
documents            read      own     -       -         -       -
document             read      own     -       -         -       -
document-content     read      own     -       -         -       -
delete-document      lodge     own     -       -         -       -
begin-upload         lodge     own     -       -         -       -
upload               read      own     -       -         -       -
send-part            lodge     own     -       -         -       -
finish-upload        lodge     own     -       -         -       -
end-upload           lodge     own     -       -         -       -
attach               lodge     own     -       -         -       -
case-documents       read      own     -       -         -       any
delivery-documents   read      -       own     -         -       -
delivery-document    read      -       own     -         -       -
open-appeals         read      -       own     -         -       -
delivery-appeal      read      -       own     -         -       -
rule-appeal          decide    -       own     -         -       -
notices              read      -       own     -         -       -
notice               read      -       own     -         -       -
take-notice          read      -       own     -         -       -
metrics              read      -       -       any       -       -
test-clock           read      own     -       -         -       -
advance-clock        lodge     own     -       -         -       -
"""
_OPEN = """
alive ready describe packages xsd json_schema message_page xsd_file index_page api_page codelists_page codelist_page
token key_set authorization_server
rules_page requirements_page codelists codelist rules requirements response_codes response_codes_page
scan-content scan-answer
scenarios scenarios_page
"""
OPEN: Final = frozenset(_OPEN.split())
# What each scope is for, as it is told to those who ask for one.
SCOPES: Final = {
    "lodge": "Lodge declarations, and change what was lodged.",
    "read": "See what is one's own, or what the role may see.",
    "validate": "Try messages; nothing is stored.",
    "decide": "Decide on deliveries.",
    "mandate": "Say who may lodge for one, and end it.",
    "confirm": "Confirm or decline what was lodged for one.",
    "notify": "Say where one is told what happens, and have it told again.",
}
OWN, ANY, NOTHING = "own", "any", "-"


class Right(NamedTuple):
    """One row: the scope that a key needs, and how far each role reaches that may come at all."""

    scope: str
    reach: Mapping[str, str]


def _read(table: str) -> tuple[tuple[str, ...], dict[str, Right]]:
    """The roles and the rows. Raises ValueError for a row that does not fit."""
    (_, _, *roles), *rows = (line.split() for line in table.strip().splitlines())
    read: dict[str, Right] = {}
    for name, scope, *cells in rows:
        if scope not in SCOPES:
            raise ValueError(f"the scope {scope!r} of {name} is none of {', '.join(SCOPES)}")
        reach = dict(zip(roles, cells, strict=True))
        if name in read or not {*cells} <= {OWN, ANY, NOTHING}:
            raise ValueError(f"the row of {name} stands twice, or has a cell that is none of own, any, -")
        read[name] = Right(scope, {role: cell for role, cell in reach.items() if cell != NOTHING})
    return tuple(roles), read


ROLES, RIGHTS = _read(TABLE)


def right(route: str) -> Right | None:
    """What the table says of a route; None for one that is open to all. Raises LookupError for one it does not name."""
    if (route in RIGHTS) == (route in OPEN):
        where = "gateway/access/rights.py: in the table, or among the open ones"
        raise LookupError(f"the route {route!r} must stand in {where}")
    return RIGHTS.get(route)


def scopes(role: str) -> tuple[str, ...]:
    """All that a role may do, in the words of scopes."""
    return tuple(dict.fromkeys(right.scope for right in RIGHTS.values() if role in right.reach))
