"""Stage one: who is asked, and whose answers are believed."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from poller.engine.sounding import Hit, Noise, Sounding, State
from poller.engine.targets import Plan, Range
from poller.model import Credential, Secret
from poller.networks import Interval, parse
from poller.snmp.message import REQUEST_ID_MAX, REQUEST_ID_MIN, read_frame
from tests.engine.fake_network import NO_SUCH_NAME, Agent, respond
from tests.snmp.v3_agent import MONITOR, V3Agent, credential_of

KEY = b"0123456789abcdef"
ONE = Credential(name="one", version="2c", community=Secret("public"))
TWO = Credential(name="two", version="1", community=Secret("another"))
SECURE = credential_of(MONITOR)
THREE = Credential(name="three", version="2c", community=Secret("private"))


def plan_of(*networks: str, credentials: tuple[Credential, ...] = (ONE,), **more: object) -> Plan:
    intervals = tuple(one for one in map(parse, networks) if isinstance(one, Interval))
    return Plan([Range("hq", intervals, credentials, **more)])  # type: ignore[arg-type]


class Outbox:
    """A kernel that takes everything, or only the first *room* datagrams."""

    def __init__(self, room: int | None = None) -> None:
        self.sent: list[tuple[bytes, str, int]] = []
        self.room = room

    def send_many(self, datagrams: Sequence[bytes], addresses: Sequence[bytes], port: int) -> int:
        taken = len(datagrams) if self.room is None else min(self.room, len(datagrams))
        if self.room is not None:
            self.room -= taken
        self.sent += [(datagram, str(ip_address(address)), port) for datagram, address in zip(datagrams[:taken], addresses, strict=False)]
        return taken

    def addresses(self) -> list[str]:
        return [address for _, address, _ in self.sent]


def send_pass(sounding: Sounding, lane: int = 0) -> Outbox:
    outbox = Outbox()
    while not sounding.is_pass_done(lane):
        assert sounding.sound(lane, 100, outbox.send_many)[1]
    return outbox


def answer(datagram: bytes, agent: Agent | None = None) -> bytes:
    found = respond(datagram, agent or Agent())
    assert found is not None
    return found


@pytest.mark.parametrize("networks", [("10.0.0.0/24",), ("10.0.0.0/26", "10.0.9.1", "10.1.0.3-77"), ("fd00::/121",), ("10.0.0.1",)])
def test_a_pass_asks_every_address_once(networks: tuple[str, ...]) -> None:
    plan = plan_of(*networks)
    outbox = send_pass(Sounding(plan, KEY, tries=1))
    assert sorted(outbox.addresses()) == sorted(plan[index][0] for index in range(len(plan)))
    assert {port for _, _, port in outbox.sent} == {161}


def test_every_address_has_its_own_request_id_within_the_legal_range() -> None:
    outbox = send_pass(Sounding(plan_of("10.0.0.0/20"), KEY, tries=1))
    size = len(outbox.sent[0][0])
    numbers = {int.from_bytes(datagram[17:21], "big") for datagram, _, _ in outbox.sent}
    assert {len(datagram) for datagram, _, _ in outbox.sent} == {size}
    assert len(numbers) > 4090  # two may agree by chance
    assert REQUEST_ID_MIN <= min(numbers) < max(numbers) <= REQUEST_ID_MAX


def hear(sounding: Sounding, response: bytes, address: str, port: int) -> Hit | Noise:
    return sounding.hear(read_frame(response).request_id, address, port)


def test_an_answer_names_the_address_and_the_credential_that_worked() -> None:
    sounding = Sounding(plan_of("10.0.0.0/24", credentials=(ONE, TWO)), KEY, tries=1)
    first = send_pass(sounding)
    sounding.next_pass(0)
    second = send_pass(sounding)
    for sent, agent, credential in ((first.sent[7], Agent(), ONE), (second.sent[9], Agent(community="another"), TWO)):
        datagram, address, port = sent
        hit = hear(sounding, answer(datagram, agent), address, port)
        assert isinstance(hit, Hit)
        target = sounding.target(hit)
        assert (target.address, target.port, target.credential, target.range) == (address, 161, credential, "hq")


def test_an_error_is_an_answer_too() -> None:
    sounding = Sounding(plan_of("10.0.0.0/28"), KEY, tries=1)
    datagram, address, port = send_pass(sounding).sent[0]
    assert isinstance(hear(sounding, answer(datagram, Agent(status=NO_SUCH_NAME)), address, port), Hit)


def test_only_the_address_that_was_asked_can_answer_and_only_with_its_number() -> None:
    sounding = Sounding(plan_of("10.0.0.0/24"), KEY, tries=1)
    outbox = send_pass(sounding)
    (datagram, address, port), (_, neighbour, _) = outbox.sent[:2]
    good = answer(datagram)
    forged = good[:17] + bytes([good[17] ^ 2]) + good[18:]
    assert hear(sounding, good, neighbour, port) is Noise.FOREIGN
    assert hear(sounding, good, address, port + 1) is Noise.FOREIGN
    assert hear(sounding, good, "192.0.2.1", port) is Noise.FOREIGN
    assert hear(sounding, forged, address, port) is Noise.FOREIGN
    assert sounding.answered == 0
    assert sounding.noise == Counter({Noise.FOREIGN: 4})
    assert isinstance(hear(sounding, good, address, port), Hit)


def test_another_sweep_has_other_numbers() -> None:
    mine, other = Sounding(plan_of("10.0.0.0/28"), KEY, tries=1), Sounding(plan_of("10.0.0.0/28"), b"x" * 16, tries=1)
    datagram, address, port = send_pass(other).sent[0]
    assert hear(mine, answer(datagram), address, port) is Noise.FOREIGN


def test_an_address_is_counted_once_however_often_it_answers() -> None:
    sounding = Sounding(plan_of("10.0.0.0/28"), KEY, tries=1)
    datagram, address, port = send_pass(sounding).sent[0]
    assert isinstance(hear(sounding, answer(datagram), address, port), Hit)
    assert [hear(sounding, answer(datagram), address, port) for _ in range(3)] == [Noise.DUPLICATE] * 3
    assert (sounding.answered, sounding.silent) == (1, 15)


def test_only_silent_addresses_are_asked_again_and_with_identical_bytes() -> None:
    sounding = Sounding(plan_of("10.0.0.0/26"), KEY, tries=2)
    first = send_pass(sounding)
    for datagram, address, port in first.sent[:50]:
        hear(sounding, answer(datagram), address, port)
    sounding.next_pass(0)
    assert send_pass(sounding).sent == first.sent[50:]
    assert sounding.is_lane_done(0)


def test_each_credential_of_a_range_has_its_tries_and_no_more() -> None:
    three, one = Range("three", (parse("10.0.0.0/29"),), (ONE, TWO, THREE)), Range("one", (parse("10.0.1.0/29"),), (THREE,))  # type: ignore[arg-type]
    sounding = Sounding(Plan([three, one]), KEY, tries=2)
    asked: Counter[tuple[str, bytes]] = Counter()
    order: list[list[bytes]] = []
    for number in range(6):
        if number:
            sounding.next_pass(0)
        outbox = send_pass(sounding)
        order.append(sorted({word for datagram, _, _ in outbox.sent for word in (b"public", b"another", b"private") if word in datagram}))
        asked.update(
            (address, word) for datagram, address, _ in outbox.sent for word in (b"public", b"another", b"private") if word in datagram
        )
    assert sounding.is_lane_done(0)
    assert sounding.passes(0) == (6, 6)
    assert order == [[b"private", b"public"], [b"another", b"private"], [b"private"], [b"public"], [b"another"], [b"private"]]
    assert set(asked.values()) == {2}
    assert len(asked) == 8 * 3 + 8


def test_what_the_kernel_refuses_is_the_first_to_go_next_time() -> None:
    plan = plan_of("10.0.0.0/24")
    smooth = send_pass(Sounding(plan, KEY, tries=1)).sent
    sounding, sent = Sounding(plan, KEY, tries=1), []
    for room in (3, 0, 50, 7, 500, 500, 500):
        outbox = Outbox(room)
        count, has_room = sounding.sound(0, 100, outbox.send_many)
        assert count == len(outbox.sent)
        assert has_room == (room >= 100)
        sent += outbox.sent
    assert sent == smooth
    assert sounding.sent == 256


def test_a_sweep_of_a_slash_8_holds_one_bit_per_address() -> None:
    plan = plan_of("10.0.0.0/8")
    tracemalloc.start()
    try:
        sounding = Sounding(plan, KEY, tries=4)
        outbox = Outbox()
        for _ in range(20):
            sounding.sound(0, 256, outbox.send_many)
            outbox.sent.clear()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2**24 / 8 + 100_000


# --- SNMPv3 ---


def test_a_v3_credential_is_probed_by_the_question_for_the_engine_and_heard_by_its_message_number() -> None:
    sounding = Sounding(plan_of("10.0.0.0/28", credentials=(SECURE, ONE)), KEY, tries=1)
    first = send_pass(sounding).sent
    for datagram, address, port in first[:3]:
        assert sounding.hear(read_frame(V3Agent().respond(datagram)).request_id, address, port).__class__ is Hit
    datagram, address, port = first[3]
    assert hear(sounding, V3Agent().respond(datagram), "10.0.0.99", port) is Noise.FOREIGN
    sounding.next_pass(0)
    assert len(send_pass(sounding).sent) == 13


def test_of_a_hit_the_other_credentials_are_known_too() -> None:
    sounding = Sounding(plan_of("10.0.0.0/28", credentials=(SECURE, ONE, TWO)), KEY, tries=1)
    datagram, address, port = send_pass(sounding).sent[5]
    hit = hear(sounding, V3Agent().respond(datagram), address, port)
    assert isinstance(hit, Hit)
    assert sounding.target(hit).credential is SECURE
    assert [(other.address, other.credential) for other in sounding.other_targets(hit)] == [(address, ONE), (address, TWO)]


# --- resuming ---


def test_a_resumed_sounding_sends_exactly_what_was_left() -> None:
    plan = plan_of("10.0.0.0/24", "10.7.0.0/28", credentials=(ONE, TWO))
    whole = Sounding(plan, KEY, tries=1)
    for stop_after in (0, 1, 8, 77, 272):
        first = Sounding(plan, KEY, tries=1)
        outbox = Outbox()
        first.sound(0, stop_after, outbox.send_many)
        for datagram, address, port in outbox.sent[::5]:
            hear(first, answer(datagram), address, port)
        second = Sounding(plan, KEY, tries=1, resume=State.from_bytes(first.state(()).to_bytes()))
        assert (second.answered, second.sent) == (first.answered, len(outbox.sent))
        rest = send_pass(second).addresses()
        assert sorted(outbox.addresses() + rest) == sorted(plan[index][0] for index in range(len(plan)))
        second.next_pass(0)
        again = send_pass(second).addresses()
        assert len(again) == len(plan) - second.answered
        assert not set(again) & set(outbox.addresses()[::5])
    assert whole.answered == 0


def test_the_state_tells_no_community() -> None:
    state = Sounding(plan_of("10.0.0.0/24", credentials=(TWO,)), KEY, tries=1).state(())
    assert b"another" not in state.to_bytes()
    assert "another" not in repr(state)


def test_the_state_of_another_plan_is_refused() -> None:
    state = Sounding(plan_of("10.0.0.0/24"), KEY, tries=1).state(())
    for other in (plan_of("10.0.1.0/24"), plan_of("10.0.0.0/24", credentials=(TWO,)), plan_of("10.0.0.0/24", port=1161)):
        with pytest.raises(ValueError, match="another sweep"):
            Sounding(other, KEY, tries=1, resume=state)


@pytest.mark.parametrize(
    "change",
    [
        {"lanes": ((9, 0),)},
        {"lanes": ((0, 21),)},
        {"lanes": ((0, -1),)},
        {"answered": b"\xff\xff\xff"},
        {"waiting": ((20, 0),)},
        {"waiting": ((3, 0),)},
        {"key": b"short"},
    ],
)
def test_a_damaged_state_is_refused(change: dict[str, object]) -> None:
    plan = plan_of("10.0.0.0-19")
    good = Sounding(plan, KEY, tries=1).state(())
    fields = {name: getattr(good, name) for name in good.__struct_fields__}
    with pytest.raises(ValueError, match="damaged"):
        Sounding(plan, KEY, tries=1, resume=State(**{**fields, **change}))


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff" * 40, b"{}"])
def test_bytes_that_are_no_state_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not the state of a sweep"):
        State.from_bytes(data)
