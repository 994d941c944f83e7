"""The supervisor by itself, over a crew that does nothing but what a test needs."""

import asyncio
import re
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def crew(*arguments):
    command = [sys.executable, "-m", "tests.gateway.crew", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, **pipes)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def told_until(process, pattern):
    """What is logged, up to a line that has the pattern."""
    lines = []
    while not lines or not re.search(pattern, lines[-1]):
        line = await asyncio.wait_for(process.stderr.readline(), 10)
        assert line, f"it ended before it said so: {lines}"
        lines.append(line.decode())
    return "".join(lines)


async def end(process):
    """How it ended, and what it still said."""
    out, told = await asyncio.wait_for(process.communicate(), 10)
    return process.returncode, out, told.decode()


async def test_all_are_ready_before_it_says_so_and_all_end_when_it_is_told_to():
    async with crew("works") as process:
        assert await asyncio.wait_for(process.stdout.readline(), 10) == b"ready\n"
        process.send_signal(signal.SIGTERM)
        code, _, told = await end(process)
    assert code == 0
    assert sorted(re.findall(r"worker (\d) \(process \d+\) is ready", told)) == ["1", "2"]
    assert told.index("stopping") < told.index("gone: 1")
    assert sorted(re.findall(r"gone: (\d)", told)) == ["1", "2"]
    assert "takes its place" not in told


async def test_one_that_falls_before_it_was_ready_ends_the_start():
    async with crew("falls") as process:
        code, out, told = await end(process)
    assert (code, out) == (1, b"")
    assert "the floor was wet" in told and "worker 2 ended with code 1 before it was ready" in told
    assert sorted(re.findall(r"gone: (\d)", told)) == ["1", "2"]


async def test_one_that_ends_again_and_again_is_replaced_less_and_less_often():
    async with crew("tires") as process:
        told = await told_until(process, r"in 0\.8 s")
        process.send_signal(signal.SIGINT)
        code, out, _ = await end(process)
    assert (code, out) == (0, b"ready\n"), "it says so once"
    pauses = re.findall(r"worker 2 \(process \d+\) ended with code 0; another takes its place in (\S+) s", told)
    assert pauses == ["0.1", "0.2", "0.4", "0.8"]


async def test_one_that_will_not_end_is_made_to():
    async with crew("stays", "0.5") as process:
        assert await asyncio.wait_for(process.stdout.readline(), 10) == b"ready\n"
        process.send_signal(signal.SIGTERM)
        code, _, told = await end(process)
    assert code == 0
    assert re.search(r"worker 2 \(process \d+\) did not end within 0\.5 s", told)
