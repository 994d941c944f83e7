"""What a trader's software does, as tasks for the engine: lodge a declaration, and come back for the answer.

Requests are built beforehand but for their reference, so that a send costs one join of three pieces.
"""

import re
from collections.abc import Sequence
from itertools import cycle

from perf.service.connections import Answer
from perf.service.engine import Later, Task
from perf.service.references import Declaration, references

LODGE = "/v1/declarations"
RELEASED = b'"FunctionCode":"08"'
SHORTEST_PAUSE = 0.02
MEMORY = 8  # cases that count for how long a case takes
PATIENCE_SECONDS = 60.0
_MRN = re.compile(rb'"mrn": *"([^"]+)"')
_SHOWN = 120


class Trader:
    """Lodges the declarations in turn, each under a new reference. `polls` counts how often it asked for an answer."""

    def __init__(self, host: str, key: str, message: str | None, declarations: Sequence[Declaration]) -> None:
        self.polls = 0
        self._common = f"Host: {host}\r\nAuthorization: Bearer {key}\r\nAccept: application/json\r\n"
        self._message = f"Guichet-Message: {message}\r\n" if message else ""
        self._requests = cycle([self._around(each) for each in declarations])
        self._references = references()
        self._pause = SHORTEST_PAUSE

    def lodge(self) -> Task:
        """One declaration until it is accepted."""
        answer = yield self._lodgement()
        return None if answer.status == 202 else fault(answer)

    def see_through(self) -> Task:
        """One declaration until the trader holds the response that says released.

        It first asks after as long as cases took of late, then less and less often: to ask all the time would load the
        gateway with nothing but questions.
        """
        answer = yield self._lodgement()
        found = _MRN.search(answer.body)
        if answer.status != 202 or found is None:
            return fault(answer)
        ask = self._asking(f"{LODGE}/{found[1].decode()}/response")
        waited, pause = 0.0, self._pause
        while waited < PATIENCE_SECONDS:
            answer = yield Later(pause, ask)
            self.polls += 1
            waited += pause
            if answer.status != 200:
                return fault(answer)
            if RELEASED in answer.body:
                self._pause = max(SHORTEST_PAUSE, self._pause + (waited - self._pause) / MEMORY)
                return None
            pause = max(SHORTEST_PAUSE, waited / 4)
        return "not released in time"

    def _lodgement(self) -> bytes:
        before, after = next(self._requests)
        return b"".join((before, next(self._references), after))

    def _around(self, each: Declaration) -> tuple[bytes, bytes]:
        head = (
            f"POST {LODGE} HTTP/1.1\r\n{self._common}{self._message}"
            f"Content-Type: application/xml\r\nContent-Length: {each.size}\r\n\r\n"
        )
        return head.encode() + each.before, each.after

    def _asking(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\n{self._common}\r\n".encode()


def fault(answer: Answer) -> str:
    """What a run's report says of an answer that was not wanted."""
    return f"{answer.status} {answer.body[:_SHOWN].decode(errors='replace')}"
