"""The engine against real sockets: pace, patience, and what it makes of servers that misbehave."""

import socket
import threading

import pytest

from perf.service import engine as engine_module
from perf.service.engine import Engine, Later
from tests.perf.service.script import ANSWER, answer, scripted

GET = b"GET / HTTP/1.1\r\n\r\n"


def ask(request=GET):
    """A task that asks once."""
    got = yield request
    return None if got.status == 202 else f"{got.status} {got.body.decode()}"


def test_a_count_is_kept_to_and_every_task_is_timed():
    with scripted(answer) as server:
        engine = Engine(server.address, 4)
        found = engine.closed(ask, in_flight=4, seconds=60, count=25)
        engine.close()
    assert (found.begun, len(found.seconds), found.unfinished) == (25, 25, 0)
    assert not found.faults
    assert len(server.requests) == 25


def test_as_many_are_under_way_as_were_asked_for_and_no_more():
    """An answer comes only when three requests lie there; a fourth would be counted."""
    under_way, most, lock, three = 0, 0, threading.Lock(), threading.Barrier(3)

    def count(_number, connection, _request):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        three.wait(timeout=10)
        with lock:
            under_way -= 1
        connection.sendall(ANSWER)

    with scripted(count) as server:
        engine = Engine(server.address, 8)
        found = engine.closed(ask, in_flight=3, seconds=60, count=60)
        engine.close()
    assert len(found.seconds) == 60
    assert most == 3


def test_a_stall_is_charged_to_all_who_had_to_wait():
    """Timed from the send, only one request of a stalled connection would look slow."""
    stall, rate = 0.4, 100

    def stall_once(number, connection, _request):
        if number == 1:
            threading.Event().wait(stall)
        connection.sendall(ANSWER)

    with scripted(stall_once) as server:
        engine = Engine(server.address, 1)
        found = engine.open(ask, rate, seconds=2 * stall)
        engine.close()
    assert len(found.seconds) == found.begun == pytest.approx(2 * stall * rate, abs=1)
    assert sum(each > stall / 2 for each in found.seconds) >= stall / 2 * rate * 0.8


def test_a_pause_holds_no_connection():
    def come_back():
        first = yield GET
        second = yield Later(0.2, GET)
        return None if first.status == second.status == 202 else "not answered"

    with scripted(answer) as server:
        engine = Engine(server.address, 1)
        found = engine.closed(come_back, in_flight=20, seconds=60, count=20)
        engine.close()
    assert len(found.seconds) == 20
    assert max(found.seconds) < 20 * 0.2, "the pauses ran side by side"


def test_an_answer_in_pieces_and_a_request_that_fills_the_line():
    body = b"x" * 3_000_000
    request = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    def dribble(_number, connection, _request):
        for at in range(len(ANSWER)):
            connection.sendall(ANSWER[at : at + 1])

    with scripted(dribble) as server:
        engine = Engine(server.address, 2)
        found = engine.closed(lambda: ask(request), in_flight=2, seconds=60, count=4)
        engine.close()
    assert len(found.seconds) == 4
    assert all(each.endswith(body) for each in server.requests)


def test_a_connection_that_breaks_is_a_fault_and_is_replaced():
    def hang_up(number, connection, _request):
        if number == 2:
            connection.shutdown(socket.SHUT_RDWR)
        else:
            connection.sendall(ANSWER)

    with scripted(hang_up) as server:
        engine = Engine(server.address, 1)
        found = engine.closed(ask, in_flight=1, seconds=60, count=5)
        engine.close()
    assert len(found.seconds) == 4
    assert sum(found.faults.values()) == 1
    assert next(iter(found.faults)).startswith("0 ConnectionError")


def test_what_is_never_answered_is_counted_and_leaves_the_connection_usable(monkeypatch):
    monkeypatch.setattr(engine_module, "PATIENCE_SECONDS", 0.1)

    def ignore_first(number, connection, _request):
        if number > 1:
            connection.sendall(ANSWER)

    with scripted(ignore_first) as server:
        engine = Engine(server.address, 1)
        lost = engine.closed(ask, in_flight=1, seconds=60, count=1)
        after = engine.closed(ask, in_flight=1, seconds=60, count=3)
        engine.close()
    assert (lost.begun, lost.unfinished) == (1, 1)
    assert (len(after.seconds), after.unfinished) == (3, 0)


def test_an_answer_without_a_length_is_a_fault():
    def chunked(_number, connection, _request):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")

    with scripted(chunked) as server:
        engine = Engine(server.address, 1)
        found = engine.closed(ask, in_flight=1, seconds=60, count=1)
        engine.close()
    assert "Content-Length" in next(iter(found.faults))
