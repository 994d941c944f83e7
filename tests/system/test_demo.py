"""The demo as a self-test and as a thing to play with: outcomes, invitation, a clean end in every case."""

import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.demo.cases import Expected, Lodgement, lodgements
from gateway.demo.processes import NotStarted
from gateway.demo.trader import Ended
from gateway.settings import SCHEMAS
from gateway.views import AgencyStatus, CaseStatus
from tests.system.conftest import GUICHET, clean_environment


def test_once_ends_with_0_when_every_case_ended_as_expected(guichet, tmp_path):
    done = guichet("demo", "--once", "--count", "24", TMPDIR=str(tmp_path))
    out = done.stdout.decode()
    assert done.returncode == 0, out + done.stderr.decode()
    rows = [line.split() for line in out.splitlines() if re.match(r"\d\dXZ", line)]
    assert len(rows) == 24
    assert len({row[0] for row in rows}) == 24, "each case has an MRN of its own"
    assert sorted(row[1] for row in rows) == ["json"] * 12 + ["xml"] * 12
    assert "24 of 24 cases ended as expected." in out
    assert "\x1b" not in out
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_a_folder_that_is_not_empty_is_left_alone(guichet, tmp_path):
    (tmp_path / "mine").write_text("precious")
    done = guichet("demo", "--once", "--folder", tmp_path)
    assert done.returncode == 2
    assert b"not empty" in done.stderr


def test_each_sample_is_lodged_in_both_formats_under_its_own_reference():
    made = lodgements(SCHEMAS, 24)
    assert len({(each.sample, each.format) for each in made}) == 24
    assert len({each.reference for each in made}) == 24
    assert all(each.reference.encode() in each.body for each in made)


@pytest.mark.parametrize(
    ("outcome", "agencies", "count"),
    [("released", ("PHS",), 0), ("refused", ("PHS",), 1), ("released", (), 1), ("held", ("FSA",), 2)],
)
def test_what_is_not_as_expected_is_told(outcome, agencies, count):
    lodgement = Lodgement(sample="roses", format="xml", reference="R1", body=b"", expected=Expected(agencies, outcome))
    agency = {name: None for name in AgencyStatus.__struct_fields__} | {"code": "PHS", "status": "granted"}
    case = {name: "" for name in CaseStatus.__struct_fields__} | {"mrn": "26XZ1", "status": "released"}
    status = CaseStatus(**case | {"agencies": (AgencyStatus(**agency),)})
    differences = Ended(lodgement=lodgement, status=status, seconds=0.1).differences
    assert len(differences) == count
    assert all("26XZ1" in line and "roses" in line for line in differences)


async def test_a_child_that_does_not_start_is_reported_with_its_last_words(children):
    with pytest.raises(NotStarted, match=r"oracle ended[^$]*no such luck"):
        await children.start("oracle", ("-c", "import sys; sys.exit('no such luck')"))


class Demo:
    """A demo that goes on serving, as a process."""

    def __init__(self, folder: Path) -> None:
        command = [GUICHET, "demo", "--count", "3", "--folder", folder]
        env = clean_environment(PYTHONUNBUFFERED="1")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
        assert self.process.stdout is not None
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line.decode().rstrip())
            if "Ctrl-C ends" in self.lines[-1]:
                break

    def children(self) -> list[int]:
        """Process ids of the gateway and the agencies."""
        told = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(number) for number in told.split()]

    def curl_lines(self) -> list[list[str]]:
        return [shlex.split(line) for line in self.lines if line.strip().startswith("curl ")]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    running = Demo(tmp_path / "demo")
    yield running
    running.process.kill()
    running.process.communicate(timeout=10)


def lives(pid: int) -> bool:
    """Whether a process runs; one that ended and waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc, and the leash is Linux only")
def test_ctrl_c_ends_everything_with_0(demo):
    children = demo.children()
    assert len(children) == 6, "a gateway and five agencies"
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(timeout=20) == 0, demo.lines
    assert not any(map(lives, children))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_no_key_stands_on_a_command_line(demo):
    """Everybody on the machine can read those."""
    for pid in demo.children():
        assert b"gk_" not in Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc, and the leash is Linux only")
def test_children_do_not_outlive_a_demo_that_is_killed(demo):
    children = demo.children()
    assert all(map(lives, children))
    demo.process.kill()
    demo.process.wait(timeout=10)
    assert wait_until(lambda: not any(map(lives, children)))


def test_the_curl_lines_that_it_prints_work(curl, demo):
    lodge, read = demo.curl_lines()
    lodged = subprocess.run(
        [*lodge, "-sS", "-H", "Accept: application/json"], capture_output=True, timeout=20, check=True
    )
    assert msgspec.json.decode(lodged.stdout)["mrn"]
    answer = subprocess.run(
        [*read, "-sS", "-H", "Accept: application/json"], capture_output=True, timeout=20, check=True
    )
    [response] = msgspec.json.decode(answer.stdout)["MetaData"]["Response"]
    assert response["Status"], "a case that agencies decided is more to look at than one that they never saw"
