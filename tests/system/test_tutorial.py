"""docs/tutorial.md does what it says: its lines are typed into a shell as they stand, and what it shows is what comes.

A box of the page that is no command is what the command before it prints, line by line and in this order; `…` is
anything. Lines that come by themselves, as those of the receiver, may come between others.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.system.conftest import GUICHET, ROOT, clean_environment

PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
PATIENCE_SECONDS = 20.0
ANYTHING = "…"


class Terminal:
    """A shell that lines are typed into, and all that was printed in it."""

    def __init__(self, folder: Path) -> None:
        path = f"{GUICHET.parent}:{clean_environment()['PATH']}"
        self.shell = subprocess.Popen(
            ["bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=clean_environment(PATH=path),
            start_new_session=True,
        )
        assert self.shell.stdin is not None and self.shell.stdout is not None
        self._keyboard, self._screen = self.shell.stdin, self.shell.stdout.fileno()
        os.set_blocking(self._screen, False)
        self._printed = bytearray()

    def type(self, lines: str) -> int:
        """Type lines; where in the output theirs will begin."""
        begin = len(self.read())
        self._keyboard.write(lines.encode())
        self._keyboard.flush()
        return begin

    def read(self, begin: int = 0) -> str:
        """What is printed up to now."""
        with suppress(BlockingIOError):
            while more := os.read(self._screen, 1 << 16):
                self._printed += more
        return self._printed.decode("ascii", "replace")[begin:]

    def see(self, begin: int, shown: str) -> None:
        """Wait until all lines have been printed that the page shows."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        wanted = [line for line in shown.splitlines() if line != ANYTHING]
        while missing := first_missing(wanted, self.read(begin).splitlines()):
            assert time.monotonic() < deadline, f"no line {missing!r} in:\n{self.read(begin)}"
            time.sleep(0.02)


def first_missing(wanted: list[str], printed: list[str]) -> str | None:
    """The first line that is not there, behind those before it; the receiver's have an order of their own."""
    for own in (True, False):
        rest = iter(line for line in printed if line.startswith("#") is own)
        for line in wanted:
            pattern = re.compile(".*".join(map(re.escape, line.split(ANYTHING))))
            if line.startswith("#") is own and not any(map(pattern.fullmatch, rest)):
                return line
    return None


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the reader has: a clone with its `.venv`, and no `demo-data`."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("schemas", "docs"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


@pytest.fixture
def terminals(clone: Path) -> Iterator[tuple[Terminal, Terminal]]:
    """Two of them; what was started there ends with the test."""
    both = Terminal(clone), Terminal(clone)
    yield both
    for each in both:
        with suppress(ProcessLookupError):
            os.killpg(each.shell.pid, signal.SIGTERM)
        each.shell.communicate(timeout=20)


def boxes() -> list[tuple[str, str]]:
    """The commands of the page, each with what it shows of their output."""
    pairs: list[tuple[str, str]] = []
    for kind, text in re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        if kind == "sh":
            pairs.append((text, ""))
        else:
            assert kind == "text" and pairs[-1][1] == "", f"nothing printed this: {text}"
            pairs[-1] = (pairs[-1][0], text)
    return pairs


def demo_command(box: str) -> str:
    """What `make demo` runs, in place of the shell: it is not installed anew for a test."""
    arguments = re.fullmatch(r'make demo ARGS="(.*)"\n', box)
    assert arguments is not None, box
    return f"exec {shlex.quote(str(GUICHET))} demo {arguments[1]}\n"


@pytest.mark.timeout(120)  # each box waits with a patience of its own, and says then what is missing
def test_the_page_shows_what_happens(curl, clone, terminals):
    first, second = terminals
    (start, started), *rest = boxes()
    first.see(first.type(demo_command(start)), started)
    assert (clone / "demo-data" / "demo.env").stat().st_mode & 0o777 == 0o600, "it has a key"
    for commands, shown in rest:
        begin = second.type(commands)
        second.see(begin, shown)
    second.see(second.type("wait; echo over\n"), "over\n")  # the receiver, too
    told = re.findall(r"^#(\d+) T6XZ", second.read(), re.MULTILINE)
    assert told == re.findall(r"^#(\d+) T6XZ", PAGE, re.MULTILINE), "each once, and all that there are"
    first.shell.send_signal(signal.SIGINT)
    assert first.shell.wait(timeout=20) == 0, first.read()
