"""The folder channel on a real disk, with everything that an agency, a crash or an attacker may leave in it."""

import asyncio
import os
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.folder import MAX_FILE_BYTES, MAX_FILES_AT_ONCE, FolderAdapter
from adapters.port import Declined, Pickup, Receipt, Unreachable
from tests.adapters.peers import BODY, outgoing

DECISION = b'{"Decision":{"DeliveryID":"D-1","OutcomeCode":"granted"}}'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "agency"
    for name in ("to-agency", "from-agency", "done", "rejected"):
        (made / name).mkdir(parents=True)
    return made


@pytest.fixture
async def folder(root: Path) -> AsyncIterator[FolderAdapter]:
    made = FolderAdapter(root, timeout=10)
    yield made
    await made.close()


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def offer(root: Path, name: str, body: bytes = DECISION, *, at: int | None = None) -> None:
    """What an agency that keeps the rule does."""
    part = root / "from-agency" / f".{name}.part"
    part.write_bytes(body)
    if at is not None:
        os.utime(part, (at, at))
    part.rename(root / "from-agency" / name)


async def test_a_drop_is_one_whole_file(root: Path, folder: FolderAdapter) -> None:
    assert await folder.send(outgoing("D-1")) == Receipt()
    assert await folder.send(outgoing("D-2", "application/xml", b"<PermitRequest/>")) == Receipt()
    assert names(root / "to-agency") == ["D-1.json", "D-2.xml"]
    assert (root / "to-agency" / "D-1.json").read_bytes() == BODY
    assert (root / "to-agency" / "D-2.xml").read_bytes() == b"<PermitRequest/>"


async def test_the_agency_never_sees_half_a_file(root: Path, folder: FolderAdapter) -> None:
    """A reader that looks all the time, at the names that the rule calls complete, sees whole bodies only."""
    body = b"x" * 3_000_000
    sizes = set()
    sending = asyncio.gather(*(folder.send(outgoing(f"D-{number}", body=body)) for number in range(20)))
    while not sending.done():
        sizes |= {file.stat().st_size for file in (root / "to-agency").glob("[!.]*")}
        await asyncio.sleep(0)
    await sending
    assert sizes <= {len(body)} and len(names(root / "to-agency")) == 20


async def test_dropping_again_is_harmless(root: Path, folder: FolderAdapter) -> None:
    await asyncio.gather(*(folder.send(outgoing("D-1")) for _ in range(10)))
    assert names(root / "to-agency") == ["D-1.json"]
    (root / "to-agency" / "D-1.json").unlink()  # the agency has taken it
    await folder.send(outgoing("D-1"))
    assert (root / "to-agency" / "D-1.json").read_bytes() == BODY


async def test_a_link_in_the_way_is_replaced_and_not_followed(
    root: Path, folder: FolderAdapter, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"keep")
    (root / "to-agency" / "D-1.json").symlink_to(precious)
    await folder.send(outgoing("D-1"))
    assert precious.read_bytes() == b"keep"
    assert not (root / "to-agency" / "D-1.json").is_symlink()


@pytest.mark.parametrize("delivery_id", ["../D-1", "a/b", "", ".hidden", "a\x00b", "a\nb", "x" * 300, "é"])
async def test_an_id_that_is_no_file_name_is_declined(folder: FolderAdapter, delivery_id: str) -> None:
    with pytest.raises(Declined):
        await folder.send(outgoing(delivery_id))


async def test_a_media_type_without_an_ending_is_declined(folder: FolderAdapter) -> None:
    with pytest.raises(Declined):
        await folder.send(outgoing(media="text/plain"))


async def test_a_share_that_is_not_mounted_is_not_made_up(tmp_path: Path) -> None:
    folder = FolderAdapter(tmp_path / "mnt")
    for work in (folder.send(outgoing()), folder.pick_up(), folder.settle("D-1.json?1-2-3", None)):
        with pytest.raises(Unreachable, match="No such file"):
            await work
    assert not (tmp_path / "mnt").exists()
    await folder.close()


async def test_subfolders_are_made(tmp_path: Path) -> None:
    folder = FolderAdapter(tmp_path)
    await folder.send(outgoing())
    assert await folder.pick_up() == []
    assert names(tmp_path) == ["from-agency", "rejected", "to-agency"]
    await folder.close()


async def test_a_full_disk_leaves_nothing_behind(root: Path, folder: FolderAdapter) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(Unreachable, match="not usable"):
            await folder.send(outgoing("D-1", body=b"x" * 100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(root / "to-agency") == []
    await folder.send(outgoing("D-1"))


@pytest.mark.parametrize("link", [False, True])
async def test_a_subfolder_that_is_something_else_is_not_written_to(tmp_path: Path, link: bool) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    if link:
        (root / "to-agency").symlink_to(elsewhere)
    else:
        (root / "to-agency").write_bytes(b"")
    folder = FolderAdapter(root)
    with pytest.raises(Unreachable):
        await folder.send(outgoing())
    assert names(elsewhere) == []
    await folder.close()


async def test_a_decision_is_picked_up_and_put_away(root: Path, folder: FolderAdapter) -> None:
    offer(root, "answer-17.json")
    offer(root, "answer-18.xml", b"<Decision/>")
    found = {pickup.media: pickup for pickup in await folder.pick_up()}
    assert found["application/json"].body == DECISION
    assert found["application/xml"].body == b"<Decision/>"
    await folder.settle(found["application/json"].token, None)
    await folder.settle(found["application/xml"].token, "no\nsuch delivery")
    assert await folder.pick_up() == []
    assert names(root / "from-agency") == []
    assert names(root / "done") == ["answer-17.json"]
    assert names(root / "rejected") == ["answer-18.xml", "answer-18.xml.problem.txt"]
    assert (root / "rejected" / "answer-18.xml.problem.txt").read_text() == "no such delivery\n"


async def test_what_was_not_settled_is_offered_again(root: Path, folder: FolderAdapter) -> None:
    offer(root, "a.json")
    first = await folder.pick_up()
    after_a_crash = FolderAdapter(root)
    assert await after_a_crash.pick_up() == first
    await after_a_crash.close()


async def test_incomplete_files_are_not_looked_at(root: Path, folder: FolderAdapter) -> None:
    for name in (".a.json", ".a.json.part", "b.json.tmp", "c.xml.part", ".D-1.json.0a1b2c3d.tmp"):
        (root / "from-agency" / name).write_bytes(b'{"Decision":')
    (root / "from-agency" / "folder.json").mkdir()
    before = names(root / "from-agency")
    assert await folder.pick_up() == []
    assert names(root / "from-agency") == before and names(root / "rejected") == []


async def test_leftovers_of_an_interrupted_drop_do_not_hold_up_the_next(root: Path, folder: FolderAdapter) -> None:
    (root / "to-agency" / ".D-1.json.0a1b2c3d.tmp").write_bytes(BODY[:5])
    await folder.send(outgoing("D-1"))
    assert (root / "to-agency" / "D-1.json").read_bytes() == BODY


async def test_what_cannot_be_a_decision_is_put_aside_with_the_reason(
    root: Path, folder: FolderAdapter, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.json"
    secret.write_bytes(b"secret")
    inbox = root / "from-agency"
    (inbox / "link.json").symlink_to(secret)
    (inbox / "lost.json").symlink_to(tmp_path / "nowhere")
    os.mkfifo(inbox / "pipe.json")
    (inbox / "huge.xml").write_bytes(b" " * (MAX_FILE_BYTES + 1))
    (inbox / "letter.pdf").write_bytes(b"%PDF")
    (inbox / "odd\nname ü.json").write_bytes(DECISION)
    (inbox / ("n" * 240 + ".json")).write_bytes(DECISION)
    os.close(os.open(os.fsencode(inbox) + b"/\xff\xfe.json", os.O_CREAT | os.O_WRONLY))
    offer(root, "good.json")

    assert [pickup.body for pickup in await folder.pick_up()] == [DECISION]
    assert names(inbox) == ["good.json"]
    rejected = root / "rejected"
    reasons = {file.name: file.read_text() for file in rejected.glob("*.problem.txt")}
    assert len(reasons) == 8 and len(names(rejected)) == 16
    assert "links" in reasons["link.json.problem.txt"]
    assert "links" in reasons["lost.json.problem.txt"]
    assert "regular" in reasons["pipe.json.problem.txt"]
    assert str(MAX_FILE_BYTES) in reasons["huge.xml.problem.txt"]
    assert ".xml or .json" in reasons["letter.pdf.problem.txt"]
    assert (rejected / "link.json").is_symlink() and secret.read_bytes() == b"secret"
    assert all(name.isascii() and name.isprintable() for name in names(rejected))


async def test_a_sparse_terabyte_is_not_read(root: Path, folder: FolderAdapter) -> None:
    with (root / "from-agency" / "huge.json").open("wb") as file:
        file.truncate(1024**4)
    assert await folder.pick_up() == []
    assert "huge.json.problem.txt" in names(root / "rejected")


async def test_many_files_come_oldest_first_and_not_all_at_once(root: Path, folder: FolderAdapter) -> None:
    count = MAX_FILES_AT_ONCE + 5
    for number in range(count):
        offer(root, f"{count - number:03}.json", b"%d" % number, at=1_700_000_000 + number)
    seen: list[bytes] = []
    while found := await folder.pick_up():
        assert len(found) <= MAX_FILES_AT_ONCE
        for pickup in found:
            seen.append(pickup.body)
            await folder.settle(pickup.token, None)
    assert seen == [b"%d" % number for number in range(count)]


async def test_two_gateways_at_one_folder(root: Path, folder: FolderAdapter) -> None:
    for number in range(20):
        offer(root, f"{number}.json", b"%d" % number)
    (root / "from-agency" / "bad.txt").write_bytes(b"")
    other = FolderAdapter(root)

    async def work(gateway: FolderAdapter) -> set[bytes]:
        found: list[Pickup] = await gateway.pick_up()
        for pickup in found:
            await gateway.settle(pickup.token, None)
        return {pickup.body for pickup in found}

    seen = set().union(*await asyncio.gather(work(folder), work(other)))
    await other.close()
    assert seen == {b"%d" % number for number in range(20)}
    assert len(names(root / "done")) == 20
    assert names(root / "rejected") == ["bad.txt", "bad.txt.problem.txt"]
    assert names(root / "from-agency") == []


async def test_a_newer_file_under_the_same_name_is_not_lost(root: Path, folder: FolderAdapter) -> None:
    """The agency uses one name for all: it puts the next decision there while the gateway stores the first."""
    offer(root, "decision.json", b"held")
    (first,) = await folder.pick_up()
    offer(root, "decision.json", b"granted")
    await folder.settle(first.token, None)
    (second,) = await folder.pick_up()
    assert (first.body, second.body) == (b"held", b"granted")
    await folder.settle(second.token, None)
    assert names(root / "from-agency") == []


async def test_earlier_evidence_is_not_overwritten(root: Path, folder: FolderAdapter) -> None:
    for body in (b"1", b"2", b"3"):
        offer(root, "decision.json", body)
        (pickup,) = await folder.pick_up()
        await folder.settle(pickup.token, None)
    assert sorted(file.read_bytes() for file in (root / "done").iterdir()) == [b"1", b"2", b"3"]


async def test_settling_twice_is_harmless(root: Path, folder: FolderAdapter) -> None:
    offer(root, "a.json")
    (pickup,) = await folder.pick_up()
    await folder.settle(pickup.token, None)
    await folder.settle(pickup.token, "too late")
    assert names(root / "done") == ["a.json"] and names(root / "rejected") == []


async def test_a_share_that_hangs_is_unreachable_and_does_not_hang_the_house(root: Path) -> None:
    """A named pipe stands for it: opening one for reading waits for a writer, as a dead share makes every call wait."""
    pipe = root.parent / "pipe"
    os.mkfifo(pipe)
    folder = FolderAdapter(root, timeout=0.2)
    stuck = folder._away(lambda: pipe.open("rb").close())
    with pytest.raises(Unreachable, match="within"):
        await stuck
    os.close(os.open(pipe, os.O_WRONLY))  # lets the waiting thread go
    await folder.close()
    with pytest.raises(Unreachable, match="closed"):
        await folder.send(outgoing())
