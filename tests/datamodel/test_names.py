"""Nothing that senders can vary at will stays in the memory of a process that reads their documents."""

import subprocess
import sys

import pytest

from datamodel.codecs import read, write
from datamodel.registry import Registry
from tests.conftest import ROOT, SCHEMAS

SAMPLE = SCHEMAS / "samples" / "export-cotton-shirts-united-states.xml"
# Reads a good document again and again, each time with white space that never was before; prints the growth in bytes.
PROGRAM = r"""
import gc, random, re, sys
from pathlib import Path
from datamodel.codecs import read
from datamodel.registry import Registry

registry = Registry.load(Path("schemas"), accelerated=sys.argv[2] == "native")
comment, draw = sys.argv[3].encode(), random.Random(1)
parts = re.split(rb">\s*<", Path(sys.argv[1]).read_bytes())

def resident():
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def once():
    gaps = [b">" + bytes(draw.choices(b" \t\n", k=50)) + b"<" for _ in parts[1:]]
    read(registry, parts[0] + b"".join(gap + part for gap, part in zip(gaps, parts[1:])) + comment, "xml")

for _ in range(200):
    once()
before = resident()
for _ in range(1500):
    once()
print(resident() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
@pytest.mark.parametrize("way", ["native", "python"])
@pytest.mark.parametrize("comment", ["", "<!-- x -->"], ids=["plain", "with a comment"])
def test_white_space_leaves_nothing_behind(way: str, comment: str) -> None:
    command = [sys.executable, "-c", PROGRAM, SAMPLE, way, comment]
    grown = int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert grown < 12 * 1024 * 1024  # kept, it would be 18 MB and more


BLANKS = {  # a text of white space, or a part of one, is data where a type keeps it
    "before a section": ("  <![CDATA[x]]>y", "  xy"),
    "between comments": ("x<!-- a --> <!-- b -->y", "x y"),
    "before an instruction": (" <?a b?>x", " x"),
    "plain": (" x ", " x "),
}


@pytest.mark.parametrize(("written", "meant"), BLANKS.values(), ids=BLANKS)
def test_white_space_of_a_text_is_kept(registry: Registry, written: str, meant: str) -> None:
    text = SAMPLE.read_text(encoding="utf-8")
    name = "<dec:FunctionalReferenceID>"
    begin = text.index(name) + len(name)
    body = text[:begin] + written + text[text.index("<", begin) :]
    parsed = read(registry, body.encode(), "xml")
    assert parsed.document.Declaration.FunctionalReferenceID == meant
    assert f'"FunctionalReferenceID":"{meant}"'.encode() in write(parsed, "json")
