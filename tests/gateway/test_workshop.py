"""A big message has a process of its own: what it takes, and how it ends, is no concern of the others."""

import asyncio
import gc
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from datamodel.codecs import read, write
from datamodel.issues import Refused
from datamodel.wording import catalogue, speaking
from gateway.intake import Lodgement, admit, lodge
from gateway.offload import PROCESS, offload
from gateway.service import Gateway
from gateway.settings import LEAST_MEMORY, BigSettings, Settings
from gateway.spool import Spool, whole
from gateway.workshop import WorkLost, Workshop
from tests.gateway.big_messages import declaration, manifest
from tests.gateway.scripted import case, eventually, sample, states

SMALL = BigSettings(memory=LEAST_MEMORY, seconds=30)
BRIEF = BigSettings(seconds=2)
SAMPLE = "import-cut-flowers-kenya.xml"


@contextmanager
def meeting(folder: Path) -> Iterator[Path]:
    """A place where works in other processes say that they are there, and stay until the test is through."""
    path = folder / "meeting"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen(100)
        door.setblocking(False)
        yield path, door


def stay(gateway: Gateway, meeting: Path) -> str:
    """Goes to a meeting, and stays until it is sent away."""
    with socket.socket(socket.AF_UNIX) as guest:
        guest.connect(str(meeting))
        guest.sendall(b"%d\n" % os.getpid())
        return "sent away" if guest.recv(1) else "left alone"


async def arrival(door: socket.socket) -> tuple[socket.socket, int]:
    """The next work that comes, and its process."""
    loop = asyncio.get_running_loop()
    guest, _ = await asyncio.wait_for(loop.sock_accept(door), 10)
    return guest, int(await loop.sock_recv(guest, 20))


def process(gateway: Gateway) -> int:
    return os.getpid()


def die(gateway: Gateway, number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


def leave(gateway: Gateway) -> None:
    os._exit(0)


def hoard(gateway: Gateway, size: int) -> int:
    return len(bytearray(size))


def dawdle(gateway: Gateway) -> None:
    while True:
        pass


def fail(gateway: Gateway) -> None:
    raise LookupError("nothing here")


def convert(gateway: Gateway, body: bytes | Spool) -> bytes:
    return write(read(gateway.registry, whole(body), "xml"), "json")


def length(gateway: Gateway, body: bytes | Spool) -> int:
    return len(whole(body))


def children(pid: int) -> list[int]:
    """The processes that a process has started and that have not ended."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(each) for thread in threads for each in (thread / "children").read_text().split() if not gone(each)]


def gone(pid: int | str) -> bool:
    """Whether there is no such process; one that has ended and is not reaped yet is gone too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
async def workshop(built: Gateway) -> AsyncIterator[Workshop]:
    """For two messages at one time, with the usual ceilings."""
    built.workshop.open(built)
    yield built.workshop
    await built.workshop.close()


@pytest.fixture
async def narrow(built: Gateway) -> AsyncIterator[Workshop]:
    """With a ceiling of memory that a test can reach. What is there is left out of collections, as `serve` does it."""
    made = Workshop(SMALL)
    gc.collect()
    gc.freeze()
    made.open(built)
    gc.unfreeze()
    yield made
    await made.close()


@pytest.fixture
async def brief(built: Gateway) -> AsyncIterator[Workshop]:
    """With a ceiling of time that a test can reach."""
    made = Workshop(BRIEF)
    made.open(built)
    yield made
    await made.close()


async def test_each_message_has_a_process_of_its_own(workshop):
    assert len({os.getpid(), *[await workshop.run(process) for _ in range(3)]}) == 4


async def test_no_more_are_worked_on_at_one_time_than_the_settings_say(workshop, tmp_path):
    with meeting(tmp_path) as (path, door):
        tasks = [asyncio.create_task(workshop.run(stay, path)) for _ in range(5)]
        guests = [await arrival(door) for _ in range(BigSettings().at_once)]
        for _ in range(3):
            with pytest.raises(BlockingIOError):
                door.accept()
            guests[0][0].sendall(b"!")
            guests = [*guests[1:], await arrival(door)]
        for guest, _ in guests:
            guest.sendall(b"!")
        assert await asyncio.gather(*tasks) == ["sent away"] * 5


@pytest.mark.parametrize("language", ["en", "fr", "es"])
async def test_a_refusal_crosses_whole_in_the_language_that_is_spoken(workshop, built, language):
    body = sample(SAMPLE).replace(b"<GoodsShipment>", b"<Colour>red</Colour><GoodsShipment>") + b" " * PROCESS
    with speaking(catalogue()[language]):
        with pytest.raises(Refused) as here:
            convert(built, body)
        with pytest.raises(Refused) as there:
            await workshop.run(convert, body)
    assert there.value.report == here.value.report
    assert there.value.status == here.value.status == 422
    assert there.value.report.issues[0].text


async def test_any_other_error_crosses_with_the_place_where_it_was_raised(workshop):
    with pytest.raises(LookupError, match="nothing here") as caught:
        await workshop.run(fail)
    assert "in fail" in "".join(caught.value.__notes__)


async def test_the_outcome_is_the_same_as_here(workshop, built):
    body = manifest(50)
    assert await workshop.run(convert, body) == convert(built, body)


async def test_a_body_in_a_file_goes_as_that_file(workshop):
    spool = Spool()
    for _ in range(5):
        spool.write(b"x" * 1_000_000)
    assert await workshop.run(length, spool) == len(spool) == 5_000_000
    assert spool.read() == b"x" * 5_000_000, "and can be read again here"


@pytest.mark.parametrize(("work", "args"), [(die, (signal.SIGSEGV,)), (die, (signal.SIGKILL,)), (leave, ())])
async def test_a_process_that_dies_takes_its_own_message_along_and_no_other(workshop, tmp_path, work, args):
    with meeting(tmp_path) as (path, door):
        other = asyncio.create_task(workshop.run(stay, path))
        guest, _ = await arrival(door)
        with pytest.raises(WorkLost):
            await workshop.run(work, *args)
        guest.sendall(b"!")
        assert await other == "sent away"
    assert await workshop.run(length, b"abc") == 3, "and the next has another process"


@pytest.mark.alone
async def test_a_message_that_takes_too_much_memory_is_refused_for_that(narrow):
    with pytest.raises(Refused) as caught:
        await narrow.run(hoard, 2 * LEAST_MEMORY)
    [found] = caught.value.report.issues
    assert (found.rule, found.expected, caught.value.status) == ("size.memory", "at most 64 MiB of memory", 413)
    assert await narrow.run(hoard, 1024) == 1024


@pytest.mark.alone
async def test_so_it_is_when_the_parser_runs_out_of_memory(narrow):
    """libxml2 calls it a fault of the document, which it is not."""
    with pytest.raises(Refused) as caught:
        await narrow.run(convert, b"<a>" + b"<b>x</b>" * 900_000 + b"</a>")
    assert [found.rule for found in caught.value.report.issues] == ["size.memory"]


@pytest.mark.alone
async def test_a_message_that_takes_too_long_is_refused_for_that(brief):
    with pytest.raises(Refused) as caught:
        await brief.run(dawdle)
    [found] = caught.value.report.issues
    assert (found.rule, found.expected, caught.value.status) == ("size.time", "at most 2 seconds of work", 413)


async def test_closing_ends_what_is_under_way(workshop, tmp_path):
    with meeting(tmp_path) as (path, door):
        lost = asyncio.create_task(workshop.run(stay, path))
        _, pid = await arrival(door)
        await workshop.close()
        with pytest.raises(WorkLost):
            await lost
    await eventually(lambda: gone(pid))
    with pytest.raises(WorkLost):
        await workshop.run(process)


async def test_when_there_can_be_no_more_processes_the_work_goes_on_in_threads(workshop, built, caplog):
    """Somebody has ended the template: one message is lost with it, and an operator is told."""
    [template] = children(os.getpid())
    os.kill(template, signal.SIGKILL)
    await eventually(lambda: gone(template))
    with pytest.raises(WorkLost):
        await offload(built, PROCESS + 1, process)
    assert "until the gateway starts again" in caplog.text
    assert await offload(built, PROCESS + 1, process) == os.getpid()


async def test_a_big_declaration_is_lodged_like_a_small_one(gateway, trader):
    body = declaration(999)
    assert len(body) > PROCESS
    lodgement = Lodgement(account=trader, body=body, media="application/xml", conversation_id="conversation")
    accepted = await lodge(gateway, lodgement)
    file = await case(gateway, accepted.mrn)
    stored = await gateway.store.message(file.case.id)
    expected, _ = admit(gateway, lodgement, gateway.clock(), [])
    assert stored.body == body
    assert stored.document == expected.document
    assert set(states(file)) == {each.delivery.agency for each in expected.deliveries}
    assert len(file.deliveries) > 1
    again = await lodge(gateway, lodgement)
    assert (again.mrn, again.replayed) == (accepted.mrn, True)


def test_workers_share_what_is_for_the_gateway():
    alone, two, many = (Settings(workers=workers).big_share for workers in (1, 2, 8))
    assert alone == BigSettings()
    assert (two.at_once, two.room) == (1, alone.room // 2)
    assert (many.at_once, many.room) == (1, Settings().limits.max_bytes), "room for the biggest message in each"


def test_settings_that_would_let_nothing_through_are_refused():
    with pytest.raises(ValueError, match="memory must be at least"):
        BigSettings(memory=LEAST_MEMORY - 1)
    with pytest.raises(ValueError, match="at_once"):
        BigSettings(at_once=0)
    with pytest.raises(ValueError, match="big.room must be at least"):
        Settings(big=BigSettings(room=1024))
