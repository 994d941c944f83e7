"""Work that goes on beside what is measured."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def repeating(work: Callable[[], object]) -> Iterator[None]:
    """Do the work again and again in a thread, until the context ends and the last one with it. Raises its fault."""
    enough, faults = threading.Event(), list[Exception]()

    def repeat() -> None:
        try:
            while not enough.is_set():
                work()
        except Exception as fault:  # told to the thread that waits
            faults.append(fault)

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()
    if faults:
        raise faults[0]
