"""A crew under a supervisor: `python -m tests.gateway.crew HOW [GRACE]`. Prints `ready` when all are.

HOW says what its second worker does: `works`, `falls` before it is ready, `tires` as soon as it is, or `stays` when it
is told to end. The log goes to standard error.
"""

import logging
import signal
import sys

from gateway.workers import READY, NotStarted, Supervisor


class Crew:
    def __init__(self, how):
        self._how = how

    def work(self, number, line):
        how = self._how if number == 2 else "works"
        if how == "falls":
            raise ValueError("the floor was wet")
        if how == "stays":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        line.send(READY)
        if how != "tires":
            line.recv(1)  # until the supervisor is gone

    def ready(self):
        print("ready", flush=True)

    def gone(self, number):
        logging.info("gone: %d", number)

    def stopping(self):
        logging.info("stopping")


def main(how, grace="10"):
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        Supervisor(Crew(how), 2, grace=float(grace)).run()
    except NotStarted as error:
        logging.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
