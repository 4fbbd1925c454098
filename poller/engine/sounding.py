"""Stage one of a sweep: one small question to every address, and no memory of having asked.

What is known of an address is one bit: it has answered. All else is computed when needed. The request-id of a probe is a keyed hash of
whom it goes to and with which credential, so an answer proves by itself that it answers us (the idea of SYN cookies, and of masscan): no
future, timer or table entry per address, and a forged or stray datagram meets a 30-bit number it does not know.

Every address has a *slot*: its place in the sending order, counted over all lanes. Eight slots are a block, which is one byte of the
bitmap and one hash: blake2s gives 32 bytes, eight request-ids. Pure: the caller brings the socket, and the time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter as Tally
from collections.abc import Callable, Sequence
from enum import Enum
from hashlib import blake2s
from typing import NamedTuple

import msgspec

from poller.engine.targets import CREDENTIALS_MAX, Lane, Order, Plan, Range
from poller.model import Credential, Target
from poller.model import Value as _Struct
from poller.snmp import oid, v3
from poller.snmp.message import REQUEST_ID_MAX, REQUEST_ID_MIN, Template, encode_get

KEY_SIZE = 16

_PROBE_OIDS = (oid.parse("1.3.6.1.2.1.1.2.0"),)  # sysObjectID: every agent has it, and an error in its place is an answer too
_BLOCK_SLOTS = 8
_SLOTS_PER_CALL_MAX = 8192  # looking past those who have answered also takes time
_ID_BITS = int.from_bytes(REQUEST_ID_MAX.to_bytes(4, "big") * _BLOCK_SLOTS, "big")
_ID_BASE = int.from_bytes(REQUEST_ID_MIN.to_bytes(4, "big") * _BLOCK_SLOTS, "big")

SendMany = Callable[[Sequence[bytes], Sequence[bytes], int], int]
"""`Sounder.send_many`."""


class Hit(NamedTuple):
    """An address that answered, and the number of the credential it answered to."""

    slot: int
    credential: int


class Noise(Enum):
    """What arrives and is no first answer."""

    DUPLICATE = "duplicate"
    FOREIGN = "foreign"  # from nobody we ask, or with a request-id we did not send there


class State(_Struct, frozen=True, kw_only=True):
    """Where a sweep is: enough to go on in another process, with the same plan. `lanes` holds (pass, slots done) of each."""

    key: bytes
    plan: bytes
    lanes: tuple[tuple[int, int], ...]
    answered: bytes
    waiting: tuple[tuple[int, int], ...]
    """Hits not identified yet."""
    sent: int

    def __post_init__(self) -> None:
        if len(self.key) != KEY_SIZE:
            raise ValueError("the state of a sweep is damaged: its key has the wrong size")

    def to_bytes(self) -> bytes:
        return msgspec.msgpack.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> State:
        """Return the state in *data*, or raise ValueError."""
        try:
            return msgspec.msgpack.decode(data, type=cls)
        except msgspec.MsgspecError as error:
            raise ValueError(f"not the state of a sweep: {error}") from error


class _Ask(NamedTuple):
    """How the addresses of a range are asked in one pass: the probe around its request-id."""

    head: bytes
    tail: bytes
    credential: int


_NO_ASK = _Ask(b"", b"", 0)


class _Track:
    """How far one lane is. `asks` is by range number, without the ranges whose credentials have all had their tries."""

    __slots__ = (
        *("start", "stop", "port", "address_octets", "order", "owners", "passes"),
        *("pass_number", "slot", "silent", "asks", "credentials"),
    )

    def __init__(self, lane: Lane, key: bytes, *, owners: Sequence[int], passes: int) -> None:
        self.start, self.stop, self.owners, self.passes = lane.start, lane.stop, owners, passes
        self.port, self.address_octets = lane.road.port, 4 if lane.road.version == 4 else 16
        self.order = Order(lane.size, key)
        self.silent = lane.size
        self.pass_number, self.slot = 0, lane.start
        self.asks: dict[int, _Ask] = {}
        self.credentials: list[int] = []


class Sounding:
    """Sends the probes of a sweep and knows their answers.

    Pass k asks every address still silent with credential k modulo their number, so that each credential is tried *tries* times.
    """

    def __init__(self, plan: Plan, key: bytes, *, tries: int, resume: State | None = None) -> None:
        assert len(key) == KEY_SIZE
        assert tries > 0
        self.plan = plan
        self.sent = 0
        self.noise: Tally[Noise] = Tally()
        self.silent = len(plan)
        self._key, self._tries = key, tries
        self._answered = bytearray(-(-len(plan) // _BLOCK_SLOTS))
        self._templates = _encode_probes(plan)
        self._tracks: list[_Track] = []
        for lane in plan.lanes:
            first, end = bisect_right(plan.starts, lane.start) - 1, bisect_right(plan.starts, lane.stop - 1)
            owners = sorted({segment.range_number for segment in plan.segments[first:end]})
            passes = tries * max(len(plan.ranges[number].credentials) for number in owners)
            self._tracks.append(_Track(lane, key, owners=owners, passes=passes))
        if resume is not None:
            self._resume(resume)
        for track in self._tracks:
            self._begin_pass(track, track.pass_number)

    @property
    def answered(self) -> int:
        """How many addresses have answered."""
        return len(self.plan) - self.silent

    def state(self, waiting: tuple[Hit, ...]) -> State:
        return State(
            key=self._key,
            plan=self.plan.fingerprint(),
            lanes=tuple((track.pass_number, track.slot - track.start) for track in self._tracks),
            answered=bytes(self._answered),
            waiting=waiting,
            sent=self.sent,
        )

    # --- the way out ---------------------------------------------------------------------------------------------------

    def sound(self, lane: int, count_max: int, send_many: SendMany) -> tuple[int, bool]:
        """Send the next probes of *lane*, at most *count_max*; return how many went, and whether the kernel still had room.

        One refused by the kernel is the first of the next call. The inner loop of every sweep: all it makes for an address is the
        datagram and the address itself, in the form the kernel takes it.
        """
        track = self._tracks[lane]
        answered, asks, starts, segments = self._answered, track.asks, self.plan.starts, self.plan.segments
        size, stop, step, octets = track.order.size, track.stop, track.order.step, track.address_octets
        slot, last = track.slot, min(track.stop, track.slot + _SLOTS_PER_CALL_MAX)
        index = track.start + track.order.index(slot - track.start)
        block, silent, ids = -1, 0, (b"",) * CREDENTIALS_MAX
        low, high, shift, (head, tail, credential) = 0, 0, 0, _NO_ASK  # what holds from index *low* to before *high*
        datagrams: list[bytes] = []
        addresses: list[bytes] = []
        slots: list[int] = []
        while slot < last and len(slots) < count_max:
            if slot >> 3 != block:
                block = slot >> 3
                silent = ~answered[block] & 0xFF
                if silent:
                    ids = self._request_ids(block, track.credentials)
            place = slot & 7
            if silent >> place & 1:
                if not low <= index < high:
                    at = bisect_right(starts, index)
                    low, high = starts[at - 1], starts[at] if at < len(starts) else stop
                    shift, owner = segments[at - 1]
                    head, tail, credential = asks.get(owner, _NO_ASK)
                if head:
                    datagrams.append(head + ids[credential][4 * place : 4 * place + 4] + tail)
                    addresses.append((index + shift).to_bytes(octets, "big"))
                    slots.append(slot)
            slot += 1
            index += step
            if index >= stop:
                index -= size
        sent = send_many(datagrams, addresses, track.port) if slots else 0
        track.slot = slot if sent == len(slots) else slots[sent]
        self.sent += sent
        return sent, sent == len(slots)

    def is_pass_done(self, lane: int) -> bool:
        """Say whether every silent address of *lane* has been asked in this pass."""
        track = self._tracks[lane]
        return track.slot == track.stop

    def is_lane_done(self, lane: int) -> bool:
        """Say whether nothing is left to do in *lane*, its cooldown apart: everybody answered, or the last pass is sent."""
        track = self._tracks[lane]
        return track.silent == 0 or (track.slot == track.stop and track.pass_number + 1 == track.passes)

    def has_answered(self, lane: int) -> bool:
        """Say whether every address of *lane* has."""
        return self._tracks[lane].silent == 0

    def is_last_round_next(self, lane: int) -> bool:
        """Say whether after this pass each credential of *lane* has one more, its last; never where it has but one."""
        track = self._tracks[lane]
        return track.pass_number + 1 == track.passes - track.passes // self._tries

    def next_pass(self, lane: int) -> None:
        """Begin asking those still silent in *lane* once more."""
        track = self._tracks[lane]
        self._begin_pass(track, track.pass_number + 1)
        track.slot = track.start

    def passes(self, lane: int) -> tuple[int, int]:
        """Return (number of the present pass, from 1; how many there will be)."""
        track = self._tracks[lane]
        return track.pass_number + 1, track.passes

    def share_done(self, lane: int) -> float:
        """Return how much of *lane* is done, 0 to 1, if all remain silent that are."""
        track = self._tracks[lane]
        if track.silent == 0:
            return 1.0
        return (track.pass_number + (track.slot - track.start) / track.order.size) / track.passes

    def is_silent(self, address: str, port: int) -> bool:
        """Say whether *address* was to be asked and has not answered."""
        index = self.plan.find(address, port)
        if index is None:
            return False
        track = self._tracks[self.plan.lane_of(index)]
        block, place = divmod(track.start + track.order.place(index - track.start), _BLOCK_SLOTS)
        return not self._answered[block] >> place & 1

    # --- the way in ----------------------------------------------------------------------------------------------------

    def hear(self, request_id: int, address: str, port: int) -> Hit | Noise:
        """Judge one response by its request-id: an authentic one, whatever else it holds, means an agent lives there. Noise is counted."""
        heard = self._judge(request_id, address, port)
        if isinstance(heard, Noise):
            self.noise[heard] += 1
        return heard

    def target(self, hit: Hit) -> Target:
        """Return whom to ask further."""
        address, owner = self._whose(hit.slot)
        return Target(address=address, port=owner.port, credential=owner.credentials[hit.credential], range=owner.name)

    def other_targets(self, hit: Hit) -> tuple[Target, ...]:
        """Return the same address with each other credential of its range: for an agent that answers a v3 probe and then lets nobody in."""
        address, owner = self._whose(hit.slot)
        others = [one for number, one in enumerate(owner.credentials) if number != hit.credential]
        return tuple(Target(address=address, port=owner.port, credential=one, range=owner.name) for one in others)

    def _judge(self, request_id: int, address: str, port: int) -> Hit | Noise:
        index = self.plan.find(address, port)
        if index is None:
            return Noise.FOREIGN
        track = self._tracks[self.plan.lane_of(index)]
        slot = track.start + track.order.place(index - track.start)
        block, place = divmod(slot, _BLOCK_SLOTS)
        numbers = list(range(len(self.plan.owner(index).credentials)))
        ids = self._request_ids(block, numbers)
        credential = next((n for n in numbers if int.from_bytes(ids[n][4 * place : 4 * place + 4], "big") == request_id), None)
        if credential is None:
            return Noise.FOREIGN
        if self._answered[block] >> place & 1:
            return Noise.DUPLICATE
        self._answered[block] |= 1 << place
        track.silent -= 1
        self.silent -= 1
        return Hit(slot, credential)

    # --- the rest ------------------------------------------------------------------------------------------------------

    def _request_ids(self, block: int, credentials: list[int]) -> tuple[bytes, ...]:
        """Return, by credential number, the eight request-ids of *block*, four octets each; b"" for credentials not named."""
        ids = [b""] * CREDENTIALS_MAX
        for number in credentials:
            digest = blake2s((block * CREDENTIALS_MAX + number).to_bytes(8, "big"), key=self._key).digest()
            ids[number] = (int.from_bytes(digest, "big") & _ID_BITS | _ID_BASE).to_bytes(4 * _BLOCK_SLOTS, "big")
        return tuple(ids)

    def _begin_pass(self, track: _Track, number: int) -> None:
        track.pass_number = number
        track.asks = {}
        for owner in track.owners:
            templates = self._templates[owner]
            if number < self._tries * len(templates):
                credential = number % len(templates)
                template = templates[credential]
                track.asks[owner] = _Ask(template.head, template.tail, credential)
        track.credentials = sorted({ask.credential for ask in track.asks.values()})

    def _whose(self, slot: int) -> tuple[str, Range]:
        track = self._tracks[self.plan.lane_of(slot)]  # a lane's slots are numbered as its indexes are
        return self.plan[track.start + track.order.index(slot - track.start)]

    def _resume(self, state: State) -> None:
        """Go on from *state*. Raises ValueError when it is of another plan, or damaged."""
        if state.plan != self.plan.fingerprint() or len(state.lanes) != len(self._tracks) or len(state.answered) != len(self._answered):
            raise ValueError("the state of another sweep: networks, exclusions or credentials have changed")
        bits = int.from_bytes(state.answered, "little")
        if state.key != self._key or bits >> len(self.plan) or any(not self._is_waiting(hit, state.answered) for hit in state.waiting):
            raise ValueError("the state of a sweep is damaged")
        self._answered[:] = state.answered
        self.sent = state.sent
        for track, (pass_number, done) in zip(self._tracks, state.lanes, strict=True):
            size = track.order.size
            if not (0 <= pass_number < track.passes and 0 <= done <= size):
                raise ValueError("the state of a sweep is damaged")
            track.pass_number, track.slot = pass_number, track.start + done
            first, end = track.start // _BLOCK_SLOTS, -(-track.stop // _BLOCK_SLOTS)
            inside = int.from_bytes(state.answered[first:end], "little") >> track.start % _BLOCK_SLOTS & (1 << size) - 1
            track.silent = size - inside.bit_count()
        self.silent = sum(track.silent for track in self._tracks)

    def _is_waiting(self, hit: tuple[int, int], answered: bytes) -> bool:
        slot, credential = hit
        if not 0 <= slot < len(self.plan) or not answered[slot >> 3] >> (slot & 7) & 1:
            return False
        return 0 <= credential < len(self._whose(slot)[1].credentials)


def _encode_probes(plan: Plan) -> list[list[Template]]:
    """Return the probe of every credential of every range; equal credentials share theirs.

    That of a v3 credential is the question for the engine id, which every v3 agent answers: its key is one device's own, so nothing better
    can be asked of everybody. Such an answer says that an agent lives there, not that the credential opens it.
    """
    probes: dict[Credential, Template] = {}
    for one in plan.ranges:
        for credential in one.credentials:
            if credential not in probes:
                probes[credential] = _encode_probe(credential)
    return [[probes[credential] for credential in one.credentials] for one in plan.ranges]


def _encode_probe(credential: Credential) -> Template:
    if credential.version == "3":
        return v3.encode_discovery()
    return encode_get(_PROBE_OIDS, version=credential.version, community=credential.community.reveal())
