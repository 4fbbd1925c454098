"""What is known of engines is bounded, and kept per device."""

from __future__ import annotations

import pytest

from poller.snmp import engines
from poller.snmp.engines import Engines, KnownEngine, begin_session
from poller.snmp.usm import Engine
from tests.fake_clock import FakeClock
from tests.snmp.v3_agent import GUEST, MONITOR, credential_of

ENGINE_ID = b"\x80\x00\x1f\x88\x04invented"


def test_the_one_asked_longest_ago_is_forgotten_first(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_ENGINES_MAX", 3)
    known = Engines(clock.monotonic)
    for port in (1, 2, 3):
        known.keep(("192.0.2.7", port), Engine(ENGINE_ID, 1, 1, 0.0))
    assert known.find(("192.0.2.7", 1)) is not None
    known.keep(("192.0.2.7", 4), Engine(ENGINE_ID, 1, 1, 0.0))
    assert [port for port in range(1, 5) if ("192.0.2.7", port) in known] == [1, 3, 4]


def test_clones_with_one_engine_id_have_each_their_clock(clock: FakeClock) -> None:
    known = Engines(clock.monotonic)
    for port, boots in ((1, 5), (2, 9)):
        engine = Engine(ENGINE_ID, 0, 0, clock.monotonic())
        assert engine.hear(boots, 100, clock.monotonic())
        known.keep(("192.0.2.7", port), engine)
    clock.advance(10)
    assert [(one.boots, one.time_seconds) for one in known.take()] == [(5, 110), (9, 110)]


def test_what_proved_nothing_is_not_remembered_and_what_is_restored_proves_nothing_yet(clock: FakeClock) -> None:
    known = Engines(clock.monotonic)
    known.restore([KnownEngine(address="192.0.2.7", port=161, engine_id=ENGINE_ID, boots=5, time_seconds=100)], age_seconds=60)
    engine = known.find(("192.0.2.7", 161))
    assert engine is not None
    assert (engine.clock(clock.monotonic()), engine.is_authentic) == ((5, 160), False)
    assert known.take() == ()


def test_a_session_ends_with_its_engine(clock: FakeClock) -> None:
    known, device, credential = Engines(clock.monotonic), ("192.0.2.7", 161), credential_of(MONITOR)
    old, new = (Engine(ENGINE_ID, boots, 1, 0.0) for boots in (1, 2))
    known.keep(device, old)
    session = begin_session(credential, old)
    known.keep_session(device, credential, session)
    assert known.find_session(device, credential_of(MONITOR)) is session
    assert known.find_session(device, credential_of(GUEST)) is None
    known.keep(device, new)
    assert known.find_session(device, credential) is None
    known.keep_session(device, credential, session)  # its keys were made while the engine changed
    assert known.find_session(device, credential) is None
    known.forget(device)
    known.forget(device)
    assert device not in known
