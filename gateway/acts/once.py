"""An act is done once under its sender's Idempotency-Key, whatever becomes of the case: `perform` is all it takes.

Rule: the key and what was done under it are one commit, and are looked for again before each try. Reason: two copies of
a request may come at the same moment, to two workers, or about two cases. The same document, in either format, gets the
first answer; another one, or one for another act, is a conflict. What was refused leaves its key free, so that a good
message can follow under it.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from gateway.acts.common import Notice
from gateway.acts.keys import ActKey, KeyUse
from gateway.cases import change
from gateway.conflicts import Conflict
from gateway.intake import KEY, Lodgement
from gateway.ports import CaseChange, CaseFile
from gateway.service import Gateway

A = TypeVar("A", bound=msgspec.Struct)  # an act's answer: it has `replayed` and `issues`
Step = Callable[[CaseFile], tuple[CaseChange | None, A]]


async def perform(
    gateway: Gateway,
    act: str,
    lodgement: Lodgement,
    notice: Notice,
    find: Callable[[], Awaitable[CaseFile]],
    step: Step[A],
    kind: type[A],
) -> A:
    """Take a step of a case as `cases.change` does, and once for a key. Raises as that, and Conflict."""
    store, account_id, key = gateway.store, lodgement.account.id, lodgement.idempotency_key
    if key is None:
        return await change(store, find, step)
    use: KeyUse | None = None

    async def look() -> CaseFile:
        nonlocal use
        file = await find()
        use = await store.under_key(account_id, key)
        return file

    def keyed(file: CaseFile) -> tuple[CaseChange | None, tuple[A, ActKey | None]]:
        if use is not None:
            return None, (_first_answer(use, act, file.case.mrn, notice, kind), None)
        planned, answer = step(file)
        made = _key(account_id, key, act, notice, answer)
        if planned is None:  # it had been done without the key, or under another one
            return None, (answer, made)
        return msgspec.structs.replace(planned, key=made), (answer, None)

    while True:
        answer, to_keep = await change(store, look, keyed)
        if to_keep is None or await store.keep_key((await find()).case.id, to_keep):
            return answer


def _key(account_id: int, key: str, act: str, notice: Notice, answer: msgspec.Struct) -> ActKey:
    return ActKey(
        account_id=account_id,
        key=key,
        act=act,
        body_digest=notice.facts["digest"],
        document_digest=notice.facts["document"],
        answer=msgspec.json.encode(msgspec.structs.replace(answer, issues=())),
    )


def _first_answer(use: KeyUse, act: str, mrn: str, notice: Notice, kind: type[A]) -> A:
    """The answer of the first time. Raises Conflict where that was to something else."""
    if (use.act, use.mrn, use.document_digest) != (act, mrn, notice.facts["document"]) or use.answer is None:
        raise Conflict(KEY, use.mrn, use.body_digest, notice.facts["digest"])
    first = msgspec.json.decode(use.answer, type=kind)
    return msgspec.structs.replace(first, replayed=True, issues=notice.report.issues)
