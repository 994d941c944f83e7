"""Keeps a sender from filling libxml2's dictionary of names, which is one per thread and never gives a name back.

Once it is full, libxml2 refuses every new name in that thread, whoever sends it. It takes in the white space between
elements too, where that is kept. So a thread may learn only so much from documents that were refused, that no schema of
ours describes, or whose white space is kept; after that, and for big bodies always, a document is read in a thread of
its own, whose dictionary ends with it.
"""

import re
import threading
from collections.abc import Callable, Iterable
from contextvars import copy_context
from typing import NamedTuple, TypeVar

from datamodel.issues import Refused
from datamodel.model import Element, Model, walk
from datamodel.xml_guard import only_elements

OWN_THREAD = 64 * 1024  # bytes; beside reading this much, starting a thread costs nothing
BUDGET = 8 * 1024 * 1024  # bytes of names that one thread may learn; libxml2 takes about a hundred million
NAMES = re.compile(rb"<[?!]?([^\s<>/=?!&;]+)|&([^\s<&;]+);|([^\s<>=\"']+)\s*=\s*[\"']|xmlns[^=]*=\s*[\"']([^\"'<]*)")
SAMPLED = 16
SPACE = re.compile(rb">([ \t\r\n]+)<")
INDENT = re.compile(rb"(?:\r?\n){0,2}(?: {0,64}|\t{0,16})")

T = TypeVar("T")


class _Learned(threading.local):
    """Bytes that this thread has learned from strangers, and how many documents came with white space that is kept."""

    size = 0
    spaced = 0


_learned = _Learned()


class Vocabulary(NamedTuple):
    """The local names of all models. `closed`: a document that is taken can hold no others."""

    names: frozenset[bytes]
    closed: bool


def vocabulary(models: Iterable[Model]) -> Vocabulary:
    """The names of models, and whether any of them lets foreign elements or attributes in."""
    names = {b"schemaLocation", b"noNamespaceSchemaLocation", b"type", b"nil", b"xml", b"version", b"encoding"}
    closed = True
    for model in models:
        names.update(prefix.encode() for prefix, _ in model.prefixes)
        for root in (
            model.root,
            *(Element(name="", namespace="", json_name="", content=each) for each in model.types.values()),
        ):
            for _, element in walk(root):
                content = element.content
                names.add(element.name.encode())
                names.update(use.name.rpartition("}")[2].encode() for use in content.attributes)
                closed = closed and not (content.open or getattr(content, "wild", False))
    return Vocabulary(frozenset(names), closed)


def guarded(work: Callable[[], T], body: bytes, known: Callable[[], Vocabulary]) -> T:
    """Read a document with libxml2; raises what the work raises. `known` is asked only where it matters."""
    if len(body) > OWN_THREAD or _learned.size > BUDGET:
        return _in_own_thread(work)
    try:
        done = work()
    except Refused:
        _learned.size += _strange(body, known().names)
        raise
    if not known().closed:
        _learned.size += _strange(body, known().names)
    elif not only_elements(body):
        _learned.spaced += 1
        if _learned.spaced % SAMPLED == 0:  # to look at every one would cost more than to read it
            _learned.size += SAMPLED * _strange_space(body)
    return done


def _strange(body: bytes, known: frozenset[bytes]) -> int:
    """Bytes of the names in a document that are none of ours."""
    found = {name for groups in NAMES.findall(body) for name in groups if name}
    return _strange_space(body) + sum(len(name) for name in found if name.rpartition(b":")[2] not in known)


def _strange_space(body: bytes) -> int:
    """Bytes of the different white space between elements, but for a line and its indent, as everybody writes them."""
    return sum(len(run) for run in set(SPACE.findall(body)) if not INDENT.fullmatch(run))


def _in_own_thread(work: Callable[[], T]) -> T:
    """What the work returns or raises, done in a thread that ends with it."""
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # handed on to the caller, whatever it is
            failed.append(error)

    context = copy_context()  # with the language that is spoken; a thread takes none along by itself
    thread = threading.Thread(target=context.run, args=(run,), name="guichet-reader")
    thread.start()
    thread.join()
    if failed:
        raise failed.pop()  # which leaves no circle of references to hold the body
    return done[0]
