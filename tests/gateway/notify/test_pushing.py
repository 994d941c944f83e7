"""Notifications are sent to traders' addresses: signed, in order, again and again, and nobody waits for another."""

import asyncio
import hashlib
import hmac
import time
from ipaddress import ip_address

import msgspec
import pytest
from aiohttp import web

from adapters import callback
from adapters.callback import HttpPoster, is_public
from adapters.port import NotTaken
from gateway.clock import utc_now
from gateway.mandates.kept import DeclaredFor
from gateway.notify.pushing import Pusher
from gateway.retry import RetryPolicy
from gateway.settings import NotificationSettings
from gateway.traces.settings import TraceSettings
from gateway.traces.tracer import Tracer
from tests.gateway.ledger import admission, mrn
from tests.gateway.receiving import receiving
from tests.gateway.scripted import PATIENCE, eventually
from tests.gateway.test_store_mandates import mandate
from tests.gateway.test_store_notifications import told_of

SECRET = "gs_the-secret"
QUICK = NotificationSettings(
    look=0.01, send=0.5, at_once=3, private=True, retry=RetryPolicy(first=0.01, cap=0.02, attempts=3)
)


@pytest.fixture
async def receiver():
    async with receiving() as made:
        yield made


@pytest.fixture
async def other():
    async with receiving() as made:
        yield made


@pytest.fixture
async def trader(store, receiver) -> int:
    account = await store.add_account("Greengate Brokers", "trader", None, "0" * 64)
    await store.set_callback("Greengate Brokers", receiver.url, SECRET)
    return account.id


@pytest.fixture
async def rival(store, other) -> int:
    account = await store.add_account("Bluegate Brokers", "trader", None, "1" * 64)
    await store.set_callback("Bluegate Brokers", other.url, SECRET)
    return account.id


def at_work(store) -> Pusher:
    """Sends at once."""
    return Pusher(
        store,
        HttpPoster(timeout=QUICK.send, private=True),
        QUICK,
        utc_now,
        lambda count: b"\x00" * count,
        Tracer(TraceSettings()),
    )


@pytest.fixture
async def pusher(store):
    """Started before anything happens, as in a gateway."""
    made = at_work(store)
    yield made
    await made.stop()


async def nothing_due(store) -> None:
    """Returns as soon as the store knows that all was sent which is to be sent."""
    deadline = time.monotonic() + PATIENCE
    while await store.due_callbacks("9"):
        assert time.monotonic() < deadline, "something is still due"
        await asyncio.sleep(0.005)


async def happen(store, account_id: int, number: int, count: int = 4) -> None:
    """A case of which so many things are told."""
    await store.accept(admission(account_id, number, (), events=told_of(number, count)))


async def test_what_is_told_is_sent_and_signed(store, trader, receiver, pusher):
    await happen(store, trader, 1, 1)
    await eventually(lambda: receiver.taken)
    [(headers, body)] = receiver.requests
    told = msgspec.json.decode(body)
    assert (told["number"], told["kind"], told["mrn"]) == (1, "accepted", mrn(1))
    assert headers["Guichet-Notification"] == "1" and headers["Content-Type"] == "application/json"
    signed = headers["Guichet-Timestamp"].encode() + b"." + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["Guichet-Signature"] == f"sha256={expected}"
    await nothing_due(store)
    assert len(receiver.requests) == 1


async def test_each_case_is_told_in_order_one_at_a_time_also_over_failures(store, trader, receiver, pusher):
    failed = set()

    async def flap(request, told):
        """Every second one fails the first time."""
        if told["number"] % 2 and told["number"] not in failed:
            failed.add(told["number"])
            return web.Response(status=503)
        return None

    receiver.misbehave = flap
    for number in range(1, 6):
        await happen(store, trader, number)
    await eventually(lambda: len(receiver.taken) == 20)
    for number in range(1, 6):
        of_case = receiver.numbers(mrn(number))
        assert of_case == sorted(of_case) and len(of_case) == 4
    assert set(receiver.most.values()) == {1}


async def test_a_target_that_hangs_for_one_case_holds_up_neither_other_cases_nor_other_traders(
    store, trader, rival, receiver, other, pusher
):
    async def hang(request, told):
        if told["mrn"] == mrn(1):
            await receiver.over.wait()
            return web.Response(status=204)
        return None

    receiver.misbehave = hang
    for number in range(1, 6):
        await happen(store, trader, number)
        await happen(store, rival, 100 + number)
    await eventually(lambda: len(receiver.taken) == 16 and len(other.taken) == 20)
    assert receiver.numbers(mrn(1)) == []


async def test_two_accounts_that_are_told_of_one_case_do_not_wait_for_each_other(
    store, trader, rival, receiver, other, pusher
):
    async def hang(request, told):
        await receiver.over.wait()
        return web.Response(status=204)

    receiver.misbehave = hang
    await store.grant_mandate(mandate(principal=rival, agent=trader), 9, "2026-01-31")
    declared = DeclaredFor(account_id=rival, mandate_id="mandate-1", confirm_by=None)
    await store.accept(admission(trader, 1, (), events=told_of(1, 4), declared_for=declared))
    await eventually(lambda: len(other.taken) == 4)
    assert other.numbers(mrn(1)) == [1, 2, 3, 4]
    assert (receiver.numbers(mrn(1)), len(receiver.asked)) == ([], 1)


async def test_what_is_never_taken_is_given_up_with_its_reason_and_sent_again_when_asked(
    store, trader, receiver, pusher, caplog
):
    async def refuse(request, told):
        return web.Response(status=500) if told["number"] == 1 else None

    receiver.misbehave = refuse
    await happen(store, trader, 1)
    await eventually(lambda: len(receiver.taken) == 3)
    [dead] = await store.dead_letters(10)
    assert (dead.account, dead.number, dead.mrn, dead.attempts) == ("Greengate Brokers", 1, mrn(1), 3)
    assert dead.problem == "answered 500"
    assert receiver.numbers() == [2, 3, 4], "what follows in the case is not held up for ever"
    assert "it is given up" in caplog.text and SECRET not in caplog.text
    receiver.misbehave = None
    assert await store.redeliver("Greengate Brokers", "2026-01-31T08:00:00.000Z") == 1
    await eventually(lambda: receiver.numbers() == [2, 3, 4, 1])
    assert await store.dead_letters(10) == []
    assert await store.redeliver("Greengate Brokers", "2026-01-31T08:00:00.000Z") == 0


async def test_a_start_goes_on_where_the_last_one_ended(store, trader, receiver):
    await happen(store, trader, 1)
    pusher = at_work(store)
    await eventually(lambda: len(receiver.taken) == 4)
    await pusher.stop()
    await happen(store, trader, 2)
    pusher = at_work(store)
    await eventually(lambda: len(receiver.taken) == 8)
    await pusher.stop()
    assert receiver.numbers() == list(range(1, 9))


async def test_nothing_is_sent_to_who_gave_no_address_or_took_it_back(store, trader, rival, receiver, other, pusher):
    await store.remove_callback("Bluegate Brokers")
    await happen(store, rival, 2)
    await happen(store, trader, 1)
    await eventually(lambda: len(receiver.taken) == 4)
    assert other.asked == []
    with pytest.raises(ValueError, match="no callback address"):
        await store.remove_callback("Bluegate Brokers")
    with pytest.raises(ValueError, match="no trader named"):
        await store.set_callback("Nobody", receiver.url, SECRET)


async def test_nothing_is_sent_to_an_account_that_was_revoked(store, trader, rival, receiver, other, pusher):
    async def refuse(request, told):
        return web.Response(status=503)

    receiver.misbehave = refuse
    await happen(store, trader, 1)
    await eventually(lambda: receiver.asked)
    await store.revoke_account("Greengate Brokers", "2026-01-31T08:00:00.000Z")
    receiver.misbehave = None
    await happen(store, trader, 2)
    await happen(store, rival, 3)
    await eventually(lambda: len(other.taken) == 4)
    assert receiver.numbers(mrn(2)) == []
    await nothing_due(store)
    with pytest.raises(ValueError, match="was revoked"):
        await store.set_callback("Greengate Brokers", receiver.url, SECRET)


@pytest.fixture
async def poster():
    made = HttpPoster(timeout=0.5, private=True)
    yield made
    await made.close()


async def refusal(poster: HttpPoster, url: str) -> str:
    with pytest.raises(NotTaken) as refused:
        await poster.post(url, SECRET, 1, 0, b'{"number":1,"mrn":"x"}')
    return str(refused.value)


async def test_a_redirect_is_not_followed(poster, receiver):
    async def redirect(request, told):
        return web.Response(status=307, headers={"Location": receiver.url.replace("/in", "/elsewhere")})

    receiver.misbehave = redirect
    assert await refusal(poster, receiver.url) == "answered 307"
    assert receiver.elsewhere == 0


async def test_a_target_that_hangs_is_left(poster, receiver):
    async def hang(request, told):
        await receiver.over.wait()

    receiver.misbehave = hang
    assert await refusal(poster, receiver.url) == "no answer within 0.5 s"


async def test_an_answer_without_end_is_not_read(poster, receiver):
    """Its status says that it was taken; what follows is cut off, and its sender notices."""

    async def flood(request, told):
        answer = web.StreamResponse(status=200)
        await answer.prepare(request)
        try:
            while not receiver.over.is_set():
                await answer.write(b"x" * 65536)
        except ConnectionError:
            cut_off.append(told["number"])
        return answer

    cut_off: list[int] = []
    receiver.misbehave = flood
    await poster.post(receiver.url, SECRET, 1, 0, b'{"number":1,"mrn":"x"}')
    await eventually(lambda: cut_off == [1])


async def test_a_target_that_is_not_there_is_told_as_such(poster):
    assert await refusal(poster, "http://127.0.0.1:1/in") == "no connection: Connection refused"
    assert await refusal(poster, "http://nowhere.invalid/in") == "its name cannot be looked up"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/in",
        "https://127.0.0.1/in",
        "https://10.0.0.1/in",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/in",
        "https://2130706433/in",
        "https://127.1/in",
        "https://0x7f.0.0.1/in",
        "https://127.0.0.1./in",
        "https://[::ffff:127.0.0.1]/in",
        "https://user:word@example.com/in",
        "file:///etc/passwd",
        "//example.com/in",
        "in",
    ],
)
def test_an_address_that_is_private_or_none_is_refused(url):
    with pytest.raises(ValueError, match="the address"):
        callback.checked(url, private=False)


async def test_a_name_for_a_private_address_is_refused_when_it_is_looked_up(receiver):
    """Nothing is wrong with the name; the address that would be connected to is."""
    poster = HttpPoster(timeout=5.0, private=False)
    url = receiver.url.replace("http://127.0.0.1", "https://localhost")
    callback.checked(url, private=False)
    try:
        assert await refusal(poster, url) == "the address is private"
    finally:
        await poster.close()
    assert receiver.asked == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("1.1.1.1", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
    ],
)
def test_which_addresses_are_public(address, public):
    assert is_public(ip_address(address)) is public
