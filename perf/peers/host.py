"""Our side of a peer: its environment made once, its process kept, one line asked and one answered for each pass.

A peer that cannot be set up here is left out with a note that says why and what to do; a peer that loses data is an
error, because its time would say nothing.
"""

import base64
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from datamodel import json_schema, native
from datamodel.registry import Message
from datamodel.xsd_writer import write_bundle
from perf.data import Samples
from perf.options import HERE, ROOT, Options
from perf.peers import java
from perf.peers.proof import lost
from perf.timing import Step

ENVIRONMENTS = HERE / ".venvs"
WORK = HERE / ".work"
XML_TO_JSON, JSON_TO_XML, JSON_TO_JSON = "XML to JSON", "JSON to XML", "JSON to JSON"
Command = list[str]


class Unavailable(Exception):
    """A peer cannot be set up on this machine; the text says what to do."""


class Peer(msgspec.Struct, frozen=True):
    """One line of the table. `steps` are our names to the peer's; `warm` is how many elements it is warmed with."""

    name: str
    steps: dict[str, str]
    set_up: Callable[[str], Command]
    warm: int = 0


class Running:
    """A peer that answers. Its steps are timed like ours."""

    def __init__(self, peer: Peer, process: "subprocess.Popen[str]", log: Path) -> None:
        self.peer, self.process, self.log = peer, process, log
        self._answer()  # ready

    def ask(self, line: str) -> str:
        """Send one line. Raises RuntimeError for an error or an end."""
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self.process.stdout
        answer = self.process.stdout.readline().rstrip("\n")
        if not answer or answer.startswith("error"):
            raise RuntimeError(f"{self.peer.name}: {answer or self.log.read_text()[-2000:]}")
        return answer

    def take(self, case: str, samples: Samples) -> None:
        """Read a case, prove that every step keeps its data, and warm up."""
        count = len(samples.xml)
        if self.ask(f"load {case}") != str(count):
            raise RuntimeError(f"{self.peer.name} did not find all samples of {case}")
        for ours, theirs in self.peer.steps.items():
            for number in range(count):
                output = base64.b64decode(self.ask(f"show {theirs} {number}"))
                if missing := lost(samples.xml[number], output):
                    raise RuntimeError(f"{self.peer.name}, {ours}: loses {missing[:5]} of sample {number} of {case}")
            for _ in range(-(-self.peer.warm // samples.elements)):
                self.step(ours)(range(count))

    def step(self, ours: str) -> Step:
        """A step by our name."""
        theirs = self.peer.steps[ours]
        return lambda order: float(self.ask(f"time {theirs} {' '.join(map(str, order))}"))


def environment(name: str) -> Path:
    """The programs of a peer's virtual environment, which is made anew when its requirements change."""
    wanted = (HERE / "peers" / name / "requirements.txt").read_text()
    binaries = ENVIRONMENTS / name / "bin"
    stamp = ENVIRONMENTS / name / ".installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        _run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENTS / name)])
        pip = [str(binaries / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "-r", str(HERE / "peers" / name / "requirements.txt")])
        stamp.write_text(wanted)
    return binaries


def python(*generate: str) -> Callable[[str], Command]:
    """Set-up of a peer in Python: its virtual environment, then a command of its own, if it has one."""

    def set_up(name: str) -> Command:
        binaries = environment(name)
        if generate:
            (WORK / name).mkdir(parents=True, exist_ok=True)
            _run([str(binaries / generate[0]), *generate[1:]], WORK / name, binaries)
        return [str(binaries / "python"), "-m", f"perf.peers.{name}.peer", str(WORK)]

    return set_up


def ourselves(name: str) -> Command:
    """Nothing to set up: our own code in another process, told not to use what is compiled."""
    return ["env", f"{native.SWITCH}=no", sys.executable, "-m", f"perf.peers.{name}.peer", str(WORK)]


def jaxb(name: str) -> Command:
    """Set-up of the peer in Java."""
    if missing := java.missing():
        raise Unavailable(missing)
    java.build(WORK, HERE / "peers" / name / "Peer.java", _run)
    return java.start(WORK)


def _run(command: Sequence[str], folder: Path = ROOT, path: Path | None = None) -> None:
    environment = os.environ | ({"PATH": f"{path}{os.pathsep}{os.environ['PATH']}"} if path else {})
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise Unavailable(f"{Path(command[0]).name} ended with {done.returncode}: {' '.join(words)}")


XSDATA = ("xsdata", "generate", "../xsd/DEC.xsd", "--package", "generated", "--structure-style", "single-package")
PEERS = {
    "python": Peer("Guichet without C", {XML_TO_JSON: "to-json", JSON_TO_XML: "to-xml"}, ourselves),
    "xmlschema": Peer("xmlschema", {XML_TO_JSON: "to-json"}, python()),
    "xsdata": Peer("xsdata", {XML_TO_JSON: "to-json", JSON_TO_XML: "to-xml"}, python(*XSDATA)),
    "xmltodict": Peer("xmltodict", {XML_TO_JSON: "to-json", JSON_TO_XML: "to-xml"}, python()),
    "pydantic": Peer("pydantic", {JSON_TO_JSON: "json"}, python()),
    "jaxb": Peer("JAXB + Jackson", {XML_TO_JSON: "to-json", JSON_TO_XML: "to-xml"}, jaxb, warm=3_000_000),
}


def set_up(message: Message, options: Options) -> dict[str, Command]:
    """What starts each peer that can be set up here. Schemas go into the working folder."""
    (WORK / "xsd").mkdir(parents=True, exist_ok=True)
    for name, text in write_bundle(message.model).items():
        (WORK / "xsd" / name).write_bytes(text)
    (WORK / "schema.json").write_bytes(json_schema.write(message.model))
    commands = {}
    for name, peer in PEERS.items():
        options.say(f"  setting up {peer.name}")
        try:
            commands[name] = peer.set_up(name)
        except Unavailable as reason:
            options.note(f"{peer.name} is left out: {reason}")
    return commands


def lay_out(cases: Mapping[str, Samples]) -> None:
    """Write the samples where peers read them."""
    for case, samples in cases.items():
        folder = WORK / case
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():
            file.unlink()
        for number, (xml, json) in enumerate(zip(samples.xml, samples.json, strict=True)):
            (folder / f"{number:04}.xml").write_bytes(xml)
            (folder / f"{number:04}.json").write_bytes(json)


@contextmanager
def running(commands: Mapping[str, Command]) -> Iterator[dict[str, Running]]:
    """Every peer as a process, until the end of the block."""
    with ExitStack() as stack:
        started = {}
        for name, command in commands.items():
            log = WORK / f"{name}.log"
            errors = stack.enter_context(log.open("w"))
            process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            started[name] = Running(PEERS[name], process, log)
        yield started
