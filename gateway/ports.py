"""What the gateway stores and the protocol of the store that keeps it. Concrete stores are named in bootstrap only.

A case is one aggregate. Whoever changes it reads its `CaseFile`, works out a `CaseChange` in pure code, and asks the
store to apply it against the version read. The store writes a change whole or not at all, and only then answers.
Times are RFC 3339 in UTC with milliseconds (`2026-01-31T08:00:00.000Z`), so that they sort as text.
Digests are lower-case hexadecimal SHA-256.
"""

from typing import Any, Protocol

import msgspec

from datamodel.issues import Issue
from gateway.access.users import FIRST_USER, User, UserStore
from gateway.acts.appeals import AppealStore, NewAppeal, NewRuling
from gateway.acts.due import SupplementStore
from gateway.acts.keys import ActKey, KeyStore
from gateway.attachments.documents import DocumentStore, Use
from gateway.bulk.taken import BatchStore
from gateway.census import Census
from gateway.mandates.kept import DeclaredFor, MandateStore
from gateway.notices.records import KeptAnswer, NewNotice, NoticeMove, NoticeStore
from gateway.notify.told import NotificationStore
from gateway.trial.kept import ForAgency, Telling, TrialStore
from gateway.vocabulary import EventKind


class Account(msgspec.Struct, frozen=True):
    """Who calls. `role` is one of `rights.ROLES`; `agency` is the agency's code for role agency.

    With `revoked_at` the account's keys open nothing any more; its name stays taken, and its cases stay its own. What a
    `test` account lodges reaches no agency.
    """

    id: int
    name: str
    role: str
    agency: str | None = None
    revoked_at: str | None = None
    test: bool = False


class KeyTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a key is made with. `expires_on` is its last day; without `scopes` it may do all that its user may.

    `user` is the name of the account's user that it belongs to. `kind` is one of `accounts.KINDS`: a client certificate
    and a subject of an issuer prove who somebody is as a key does, so they are kept as keys are.
    """

    kind: str = "key"
    user: str = FIRST_USER
    label: str = "first"
    made_at: str | None = None
    expires_on: str | None = None
    scopes: tuple[str, ...] | None = None


FIRST_KEY = KeyTerms()


class ApiKey(KeyTerms, frozen=True, kw_only=True):
    """A key as it is on record. `id` is the beginning of its digest, `used_on` the last day that it was seen on."""

    id: str
    revoked_at: str | None = None
    used_on: str | None = None


class Holder(msgspec.Struct, frozen=True):
    """An account together with one of its keys, and the user that this one belongs to."""

    account: Account
    key: ApiKey
    user: User


class Event(msgspec.Struct, frozen=True):
    """One link of a case's chain: `digest` covers all other fields and the digest of the link before."""

    seq: int
    at: str
    kind: EventKind
    actor: str
    data: dict[str, Any]
    digest: str


class Delivery(ForAgency, frozen=True, kw_only=True):
    """One message to one agency. `state` is one of `lifecycle.DELIVERY_STATES`; `attempts` counts sends begun.

    The message itself is not here: it is needed to send and to fetch, and not to see how a case stands.
    """

    id: str
    state: str
    media: str
    requirements: tuple[str, ...]
    items: tuple[int, ...]
    created_at: str
    due_at: str
    attempts: int = 0
    next_attempt_at: str | None = None
    problem: str | None = None
    decided_at: str | None = None


class Dispatch(msgspec.Struct, frozen=True):
    """A delivery together with the message that it carries, and the ids of the documents that this lists."""

    delivery: Delivery
    body: bytes
    documents: tuple[str, ...] = ()


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What an agency answered. `outcome` is granted, refused, held or documents; the first two are final."""

    delivery_id: str
    agency: str
    outcome: str
    at: str
    reason: str | None
    document: bytes
    digest: str


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Everything's head: one lodged declaration. `version` rises with each change."""

    id: int
    version: int
    mrn: str
    account_id: int
    conversation_id: str
    message: str
    reference: str | None
    digest: str
    media: str
    state: str
    accepted_at: str
    updated_at: str


class CasesAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Which cases: of an account or of all, behind the one with the MRN `after`; accepted from a time on, and before
    a time.
    """

    account_id: int | None
    limit: int
    after: str | None = None
    reference: str | None = None
    state: str | None = None
    since: str | None = None
    until: str | None = None


class CasesFound(msgspec.Struct, frozen=True):
    """Cases, the latest first; `next` is the `after` to go on with, if there may be more."""

    cases: tuple[Case, ...]
    next: str | None


class CaseFile(msgspec.Struct, frozen=True):
    """A case with all that belongs to it, as one consistent reading."""

    case: Case
    deliveries: tuple[Delivery, ...]
    decisions: tuple[Decision, ...]
    events: tuple[Event, ...]


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """All that one acceptance writes, in one commit. `document` is the canonical JSON of what `body` says.

    `body_digest` is of the bytes as they came; `document_digest` is of `document`, the same in either format.
    """

    account_id: int
    idempotency_key: str | None
    reference: str | None
    mrn: str
    conversation_id: str
    message: str
    media: str
    body: bytes
    body_digest: str
    document: bytes
    document_digest: str
    state: str
    accepted_at: str
    deliveries: tuple[Dispatch, ...]
    events: tuple[Event, ...]
    supplement_due: str | None = None
    uses: tuple[Use, ...] = ()
    telling: Telling | None = None
    declared_for: DeclaredFor | None = None


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a lodgement, stored with it, so that a repeated lodgement gets the same one.

    Not stored are the `issues`: warnings and advice on the document, as of the day that it was sent.
    """

    mrn: str
    conversation_id: str
    digest: str
    accepted_at: str
    replayed: bool = False
    issues: tuple[Issue, ...] = ()


class StoredMessage(msgspec.Struct, frozen=True):
    """The declaration as it came (`media`, `body`, `digest`) and as canonical JSON (`document`)."""

    media: str
    body: bytes
    digest: str
    document: bytes


class AdditionalMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message about a case that came after its declaration, kept as that is; `kind` is one of `lifecycle.ACTS`.

    A version of the declaration has that number, the lodged one being 1; all others are numbered by kind.
    """

    number: int
    kind: str
    message: str
    media: str
    body: bytes
    digest: str
    document: bytes


class DeliveryChange(msgspec.Struct, frozen=True, kw_only=True):
    """New values of one delivery's changing fields."""

    id: str
    state: str
    next_attempt_at: str | None = None
    problem: str | None = None
    decided_at: str | None = None


class CaseChange(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a case, valid only at `version` and while the `key` is free; the conversation is for its trace.
    `supplement_due` is the last day for a supplement, where that is new.
    """

    case_id: int
    version: int
    conversation_id: str
    state: str
    updated_at: str
    deliveries: tuple[DeliveryChange, ...] = ()
    decisions: tuple[Decision, ...] = ()
    events: tuple[Event, ...] = ()
    additional: AdditionalMessage | None = None
    added: tuple[Dispatch, ...] = ()
    supplement_due: str | None = None
    uses: tuple[Use, ...] = ()
    answer: KeptAnswer | None = None
    notices: tuple[NewNotice, ...] = ()
    told: tuple[NoticeMove, ...] = ()
    declared_for: DeclaredFor | None = None
    key: ActKey | None = None
    appeal: NewAppeal | None = None
    ruling: NewRuling | None = None


class Claim(msgspec.Struct, frozen=True):
    """A delivery that this process may send until its lease ends, its message, and the names of its case."""

    mrn: str
    conversation_id: str
    delivery: Delivery
    body: bytes


class Listed(msgspec.Struct, frozen=True):
    """A delivery in a list, and the MRN of its case."""

    mrn: str
    delivery: Delivery


class Store(
    NotificationStore,
    NoticeStore,
    UserStore,
    MandateStore,
    BatchStore,
    DocumentStore,
    KeyStore,
    AppealStore,
    SupplementStore,
    TrialStore,
    Protocol,
):
    """The ledger. Every method that writes returns only when what it wrote survives a crash."""

    async def open(self) -> None:
        """Connect, and bring the tables to the newest form."""

    async def close(self) -> None:
        """Finish what is under way and let go."""

    async def ping(self) -> None:
        """Raises when the store cannot take a write now."""

    async def add_account(
        self, name: str, role: str, agency: str | None, key_digest: str, terms: KeyTerms = FIRST_KEY, test: bool = False
    ) -> Account:
        """Register an account with its first user, whose API key is known by digest only.

        Raises ValueError when the name is taken.
        """

    async def add_key(self, name: str, key_digest: str, terms: KeyTerms, today: str, most: int) -> Holder:
        """Give a user of an account another key.

        Raises ValueError where no account and user of those names are in force, where `most` of the user's keys of that
        kind live `today`, and where somebody has this very one.
        """

    async def revoke_key(self, name: str, key_id: str, at: str) -> Holder:
        """Withdraw one key; the first time counts. Raises ValueError where the account has no such key."""

    async def note_use(self, key_digest: str, day: str) -> None:
        """Remember the last day that a key, of this digest or id, was seen on."""

    async def holder(self, key_digest: str) -> Holder | None:
        """Whose key has this digest, or this id; nobody's where the key, its user or its account was revoked."""

    async def keys(self, name: str | None = None) -> list[Holder]:
        """The keys of one account or of all, by name and in the order in which they were made; revoked ones too."""

    async def accounts(self) -> list[Account]:
        """All accounts by name, revoked ones too."""

    async def revoke_account(self, name: str, at: str) -> Account:
        """Withdraw all keys of an account; the first time counts. Raises ValueError where no account has that name."""

    async def accept(self, admission: Admission) -> Acceptance:
        """Write an admission, or find that it came before (same key or same reference, same document).

        Raises Conflict where the key or the reference came before with another document.
        """

    async def repeated(self, admission: Admission) -> Acceptance | None:
        """What `accept` would answer to an admission that came before; None for a new one. Raises Conflict likewise."""

    async def case_file(self, mrn: str, account_id: int | None = None) -> CaseFile | None:
        """One case, if it is there and (where an account is given) belongs to that account."""

    async def cases(self, asked: CasesAsked) -> CasesFound:
        """A page of cases; it may be short, or empty, though there is more behind it."""

    async def message(self, case_id: int) -> StoredMessage:
        """The declaration of a case."""

    async def additional(self, case_id: int, kind: str, number: int | None = None) -> AdditionalMessage | None:
        """The message of that kind and number about a case, without a number the last one; None where there is none."""

    async def case_of_delivery(self, delivery_id: str) -> CaseFile | None:
        """The case that a delivery belongs to."""

    async def apply(self, change: CaseChange) -> bool:
        """Write a change; False, with nothing written, where the case is at another version, or the key was used."""

    async def claim(self, agency: str, limit: int, now: str, lease_until: str) -> list[Claim]:
        """Take up to `limit` deliveries of an agency that are queued and due, oldest first, and count the attempt.

        A claimed delivery is not offered again before `lease_until` unless `apply` sets its next attempt.
        """

    async def release_claims(self, now: str) -> None:
        """Make every queued delivery due now. For a start: no send is under way then, whatever a dead process held."""

    async def next_attempt_at(self, agency: str) -> str | None:
        """When the earliest queued delivery of an agency becomes due, or None where none is queued."""

    async def inbox(self, agency: str, after: str | None, limit: int) -> list[Listed]:
        """Undecided deliveries of an agency, oldest first, those after the delivery id given; none of a test."""

    async def fetch(self, agency: str, delivery_id: str) -> Dispatch | None:
        """An agency's own delivery with its message, in whatever state it is."""

    async def undecided(self, state: str, after: str | None, limit: int) -> list[Listed]:
        """Deliveries of all agencies in one state that is not final, oldest first, after the id given; no tests."""

    async def census(self, now: str) -> Census:
        """How much is undecided at this moment; agencies and states without any are not in it, and no tests."""
