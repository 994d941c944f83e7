"""The SQLite store does, for any sequence of calls, what a few dictionaries do."""

import asyncio
import tempfile
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.ports import Acceptance, Case, CaseFile, Claim, Conflict, DeliveryChange, Dispatch, Listed
from gateway.store.sqlite import SqliteStore
from tests.gateway.ledger import admission, at, change, decision, digest, dispatch

AGENCIES = ("FSA", "PHA")
OPEN = ("queued", "awaiting", "held", "parked")
STATES = (*OPEN, "granted", "refused")
replace = msgspec.structs.replace
times = st.integers(0, 20)


class Model:
    """The store's promises, in memory. Cases stand in order of acceptance."""

    def __init__(self):
        self.files, self.bodies, self.named, self.answers = {}, {}, {}, {}

    def accept(self, new):
        names = [("key", new.account_id, new.idempotency_key), ("reference", new.account_id, new.reference)]
        names = [name for name in names if name[2] is not None]
        for name in names:
            if name in self.named:
                answer, document_digest = self.answers[self.named[name]]
                if document_digest != new.document_digest:
                    return "conflict", answer.mrn
                self.named.update(dict.fromkeys(names[:1], answer.mrn))
                return replace(answer, replayed=True)
        self.named.update(dict.fromkeys(names, new.mrn))
        self.files[new.mrn] = self.file(new)
        answer = Acceptance(
            mrn=new.mrn, conversation_id=new.conversation_id, digest=new.body_digest, accepted_at=new.accepted_at
        )
        self.answers[new.mrn] = answer, new.document_digest
        return answer

    def file(self, new):
        values = {name: getattr(new, name, None) for name in Case.__struct_fields__}
        values |= {"id": len(self.files) + 1, "version": 1, "digest": new.body_digest, "updated_at": new.accepted_at}
        self.bodies.update({each.delivery.id: each.body for each in new.deliveries})
        sent = [each.delivery for each in new.deliveries]
        due = tuple(replace(each, next_attempt_at=each.next_attempt_at or new.accepted_at) for each in sent)
        return CaseFile(Case(**values), due, (), new.events)

    def apply(self, mrn, step):
        file = self.files[mrn]
        if file.case.version != step.version:
            return False
        moves = {move.id: move for move in step.deliveries}
        self.files[mrn] = CaseFile(
            replace(file.case, version=step.version + 1, state=step.state, updated_at=step.updated_at),
            tuple(self.moved(d, moves[d.id], step) if d.id in moves else d for d in file.deliveries),
            file.decisions + step.decisions,
            file.events + step.events,
        )
        return True

    def moved(self, old, move, step):
        values = msgspec.structs.asdict(move)
        if move.state == "queued" and move.next_attempt_at is None:
            values["next_attempt_at"] = step.updated_at
        return replace(old, **values)

    def listed(self, agencies, states):
        every = [Listed(mrn, each) for mrn, file in self.files.items() for each in file.deliveries]
        return [each for each in every if each.delivery.agency in agencies and each.delivery.state in states]

    def claim(self, agency, limit, now, lease_until):
        due = [each for each in self.listed([agency], ["queued"]) if each.delivery.next_attempt_at <= now]
        taken = {c.delivery.id for c in sorted(due, key=lambda c: c.delivery.next_attempt_at)[:limit]}
        for mrn, file in self.files.items():
            leased = tuple(
                replace(d, attempts=d.attempts + 1, next_attempt_at=lease_until) if d.id in taken else d
                for d in file.deliveries
            )
            self.files[mrn] = replace(file, deliveries=leased)
        held = [each for each in self.listed([agency], ["queued"]) if each.delivery.id in taken]
        return [
            Claim(each.mrn, self.files[each.mrn].case.conversation_id, each.delivery, self.bodies[each.delivery.id])
            for each in held
        ]

    def fetch(self, agency, delivery_id):
        found = [each.delivery for each in self.listed([agency], STATES) if each.delivery.id == delivery_id]
        return Dispatch(found[0], self.bodies[delivery_id]) if found else None

    def next_attempt_at(self, agency):
        return min((each.delivery.next_attempt_at for each in self.listed([agency], ["queued"])), default=None)


class StoreAgainstModel(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.store = SqliteStore(Path(self.folder.name) / "ledger.db")
        self.run(self.store.open())
        self.model, self.lodged = Model(), 0

    def run(self, call):
        return self.runner.run(call)

    def teardown(self):
        self.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    @initialize()
    def register(self):
        for name in "Example Flowers", "Example Fruit":
            self.run(self.store.add_account(name, "trader", None, digest(name.encode())))

    @rule(
        account_id=st.sampled_from([1, 2]),
        key=st.sampled_from([None, "K", "L"]),
        reference=st.sampled_from([None, "R", "S"]),
        document=st.sampled_from([b"D", b"E"]),
        due=st.lists(st.none() | times, max_size=2),
    )
    def accept(self, account_id, key, reference, document, due):
        self.lodged += 1
        deliveries = tuple(
            dispatch(self.lodged, agency, self.lodged, next_attempt_at=None if second is None else at(second))
            for agency, second in zip(AGENCIES, due, strict=False)
        )
        fields = {"idempotency_key": key, "reference": reference, "document": document, "deliveries": deliveries}
        new = admission(account_id, self.lodged, **fields)
        try:
            answer = self.run(self.store.accept(new))
        except Conflict as conflict:
            answer = "conflict", conflict.mrn
        assert answer == self.model.accept(new)

    @rule(data=st.data(), second=times, state=st.sampled_from(STATES), due=st.none() | times, stale=st.booleans())
    def apply(self, data, second, state, due, stale):
        if not self.model.files:
            return
        mrn, file = data.draw(st.sampled_from(sorted(self.model.files.items())))
        chosen = data.draw(st.sampled_from(file.deliveries) if file.deliveries else st.none())
        moves, decisions = (), ()
        if chosen is not None:
            later = None if due is None or state != "queued" else at(due)
            moves = (DeliveryChange(id=chosen.id, state=state, next_attempt_at=later, problem=data.draw(st.text())),)
            decisions = (decision(chosen.id, second),) if state == "granted" else ()
        version = file.case.version - (1 if stale else 0)
        step = change(file, second, *moves, version=version, decisions=decisions)
        assert self.run(self.store.apply(step)) == self.model.apply(mrn, step)

    @rule(agency=st.sampled_from(AGENCIES), limit=st.integers(0, 3), now=times, lease=st.integers(1, 10))
    def claim(self, agency, limit, now, lease):
        asked = agency, limit, at(now), at(now + lease)
        assert self.run(self.store.claim(*asked)) == self.model.claim(*asked)

    @rule(agency=st.sampled_from(AGENCIES), skip=st.integers(0, 3), limit=st.integers(1, 3))
    def inbox(self, agency, skip, limit):
        after, page = self.page(self.model.listed([agency], OPEN), skip, limit)
        assert self.run(self.store.inbox(agency, after, limit)) == page

    @rule(state=st.sampled_from(OPEN), skip=st.integers(0, 3), limit=st.integers(1, 3))
    def undecided(self, state, skip, limit):
        after, page = self.page(self.model.listed(AGENCIES, [state]), skip, limit)
        assert self.run(self.store.undecided(state, after, limit)) == page

    def page(self, expected, skip, limit):
        after = expected[skip - 1].delivery.id if 0 < skip <= len(expected) else None
        return after, expected[skip if after else 0 :][:limit]

    @rule(agency=st.sampled_from(AGENCIES), owner=st.sampled_from(AGENCIES), number=st.integers(1, 5))
    def fetch(self, agency, owner, number):
        wanted = agency, f"{owner}-{number}"
        assert self.run(self.store.fetch(*wanted)) == self.model.fetch(*wanted)

    @rule()
    def reopen(self):
        self.run(self.store.close())
        self.run(self.store.open())

    @invariant()
    def same_cases(self):
        for mrn, file in self.model.files.items():
            assert self.run(self.store.case_file(mrn)) == file
        for agency in AGENCIES:
            assert self.run(self.store.next_attempt_at(agency)) == self.model.next_attempt_at(agency)


TestStoreAgainstModel = StoreAgainstModel.TestCase
TestStoreAgainstModel.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
