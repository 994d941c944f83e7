"""What a part of the embedded store has from the whole: the session, with its writer and its readers."""

from typing import Protocol

from gateway.store.readers import Readers
from gateway.store.writer import Writer


class Opened(Protocol):
    """A session that is open."""

    @property
    def writer(self) -> Writer: ...

    @property
    def readers(self) -> Readers: ...


class Part:
    """Some methods of a store, in a module of their own. The store is made of such parts."""

    @property
    def _opened(self) -> Opened:
        raise NotImplementedError
