"""A list of devices joined with those that are here: which device a row is of, and what the row changes about it.

A row finds its device by central's own id, by serial number, or by MAC address. A site that masks MAC addresses sends hashes made with a
key that only its agent has: central cannot make them from an address, so such a row has to bring the serial number, or the `mac-hash:…`
itself, as `device show` has it. What finds no device is listed: nothing is made up from a list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.devices.recognition import is_serial, kept_name
from poller.central.office import contracts
from poller.central.office.administration import NotDoneError
from poller.central.office.contracts import Contract
from poller.central.office.management import NUMBERS, check_number, put_contract
from poller.central.store import devices as kept
from poller.central.store import masterdata
from poller.central.store.personal import Personal

_START = "start_meter "
_NAMES_AT_ONCE = 5000


class Preview(msgspec.Struct):
    """What a list would change, or has changed. Each entry of `changes` and `unmatched` is a row of a table.

    `unmatched` are rows that found nothing here; `listed` the devices that a row was for. With `faults` nothing is changed.
    """

    changes: list[dict[str, Any]] = msgspec.field(default_factory=list)
    unmatched: list[dict[str, Any]] = msgspec.field(default_factory=list)
    listed: frozenset[str] = frozenset()
    faults: list[str] = msgspec.field(default_factory=list)
    ignored_columns: list[str] = msgspec.field(default_factory=list)
    unchanged: int = 0
    is_applied: bool = False


class Known(msgspec.Struct, kw_only=True):
    """A device as a row may find it."""

    id: str
    state: str
    serial: str | None
    facts: dict[str, str | None]
    contracts: list[Contract]


async def join_devices(
    db: AsyncConnection,
    account: str,
    told: Sequence[tuple[int, dict[str, Any]]],
    found: Preview,
    personal: Personal,
    *,
    day: date,
) -> None:
    stock = await _known(db, account, _Wanted(told, personal))
    places = {one["location"] for one in await masterdata.locations(db, account, personal)}
    rows_of: dict[str, int] = {}
    for number, row in told:
        one, how = _match(row, stock, personal)
        if one is None:
            found.unmatched.append({"row": number, "reason": how, **{key: row.get(key) for key in ("serial", "mac", "device_number")}})
            continue
        if one.id in rows_of:
            found.faults.append(f"row {number}: device {one.id} again, it was in row {rows_of[one.id]}")
            continue
        rows_of[one.id] = number
        try:
            facts = {name: check_number(name, row[name]) for name in NUMBERS if name in row}
            contract = contract_of(row, one.contracts, day)
        except NotDoneError as error:
            found.faults.append(f"row {number}: {error}")
            continue
        if facts.get("location") and facts["location"] not in places:
            found.faults.append(f"row {number}: there is no location {facts['location']}; import locations first")
        changed = {name: [one.facts[name], text] for name, text in facts.items() if one.facts[name] != text}
        before = next((held for held in one.contracts if contract is not None and held.begins == contract.begins), None)
        if contract is not None and one.state == "swapped":  # such a list is behind the times: no reason to do nothing of it
            reason = f"device {one.id} was swapped: its contract is another's"
            found.unmatched.append({"row": number, "reason": reason, "serial": one.serial})
        elif contract is not None and contract != before:
            placed, overlaps = contracts.place(contract, one.contracts)
            changed |= _contract_changes(before, contract, placed)
            wrong = contracts.faults(contract) + overlaps
            if one.state not in ("unassigned", "managed"):
                wrong.append(f"device {one.id} is {one.state}: it takes no contract")
            found.faults += [f"row {number}: {fault}" for fault in wrong]
            if not wrong:
                await put_contract(db, account, one.id, one.state, contract)
        if not changed:
            found.unchanged += 1
            continue
        found.changes.append({"row": number, "device": one.id, "serial": one.serial, "found_by": how, "changes": changed})
        if facts:
            await kept.change(db, account, one.id, **facts)
    found.listed = frozenset(rows_of)


def contract_of(row: Mapping[str, Any], held: Sequence[Contract], day: date) -> Contract | None:
    """Return the contract row a line of a list speaks of, None where it speaks of none. Raises NotDoneError.

    It is the one that begins when the line says, else the one that holds on *day*, else the last of its number, which has ended: a list
    that was not told does not begin it anew. Else it is a new one from *day* on.
    """
    fields = {name: row[name] for name in Contract.__struct_fields__ if name in row}
    start = {name.removeprefix(_START): count for name, count in row.items() if name.startswith(_START)}
    if not fields and not start:
        return None
    if "begins" in row:
        before = next((one for one in held if one.begins == row["begins"]), None)
    else:
        before = contracts.in_force(held, day)
        before = before or next((one for one in reversed(held) if "number" in row and one.number == row["number"]), None)
    if start:
        fields["start_meter"] = ({} if before is None else before.start_meter or {}) | start
    if before is None and "kind" not in fields:
        raise NotDoneError("a new contract, and no column says of which kind")
    usual: dict[str, Any] = {}
    if before is None or fields.get("kind", before.kind) != before.kind:
        usual = {"supplies": contracts.FULL_SERVICE if fields["kind"] == "full-service" else (), "lease_until": None, "lessor": None}
    return Contract(**({"begins": day} | usual | fields)) if before is None else replace(before, **(usual | fields))


def _match(row: Mapping[str, Any], stock: _Stock, personal: Personal) -> tuple[Known | None, str]:
    """Return the device a line is about and by what it was found; or None and why not."""
    if "device" in row:
        one = stock.by_id.get(row["device"])
        return (one, "device") if one is not None else (None, "no device of this id")
    by_mac = stock.by_name.get(kept_name(row["mac"], personal.blind)) if "mac" in row else None
    if "serial" in row:
        same = stock.by_number.get(row["serial"], set())
        if row["serial"].isdigit() and not row["serial"].startswith("0"):  # a spreadsheet may have taken the zeros for a number's
            same = same | stock.by_bare.get(row["serial"], set())
        elif not same and (bare := row["serial"].lstrip("0")):
            same = stock.by_bare.get(bare, set())
        if len(same) > 1 and by_mac in same:
            return stock.by_id[by_mac], "serial and mac"
        if len(same) > 1:
            return None, f"{len(same)} devices have this serial number"
        if same:
            (name,) = same
            return stock.by_id[name], "serial"
    if by_mac is not None:
        return stock.by_id[by_mac], "mac"
    if "serial" not in row and "mac" not in row:
        return None, "neither serial number nor MAC address"
    return None, "not seen by any agent" + ("" if "mac" not in row else ", or its site masks MAC addresses: then give its serial number")


class _Wanted:
    """What a list asks for: ids of devices, names of boards, and serial numbers as people write them."""

    def __init__(self, told: Sequence[tuple[int, dict[str, Any]]], personal: Personal) -> None:
        self.ids = {row["device"] for _, row in told if "device" in row}
        self._boards = {kept_name(row["mac"], personal.blind) for _, row in told if "mac" in row}
        self._numbers = {row["serial"] for _, row in told if "serial" in row}
        self._bare = {number.lstrip("0") for number in self._numbers} - {""}

    def has(self, name: str) -> bool:
        if not is_serial(name):
            return name in self._boards
        number = _number_of(name)
        return number in self._numbers or number.lstrip("0") in self._bare


class _Stock:
    """The devices a list may speak of, found by id, by name, by serial number, and by serial number without its first zeros."""

    def __init__(self) -> None:
        self.by_id: dict[str, Known] = {}
        self.by_name: dict[str, str] = {}
        self.by_number: dict[str, set[str]] = {}
        self.by_bare: dict[str, set[str]] = {}

    def name(self, name: str, device: str) -> None:
        self.by_name[name] = device
        if is_serial(name):
            number = _number_of(name)
            self.by_number.setdefault(number, set()).add(device)
            self.by_bare.setdefault(number.lstrip("0"), set()).add(device)


async def _known(db: AsyncConnection, account: str, wanted: _Wanted) -> _Stock:
    """Return the devices a list asks for: all names are looked at, of the devices only those that may be meant are taken in hand."""
    named: dict[str, str] = {}
    after = ""
    while page := await kept.names_after(db, account, after, rows_max=_NAMES_AT_ONCE):
        named |= {name: device for name, device in page if wanted.has(name)}
        after = page[-1][0]
    rows = {row["device"]: row for row in await kept.find_these(db, account, wanted.ids | set(named.values()))}
    whole_of = {name: row["part_of"] or name for name, row in rows.items()}
    missing = set(whole_of.values()) - rows.keys()
    rows |= {row["device"]: row for row in await kept.find_these(db, account, missing)}
    held = await masterdata.contracts(db, account, sorted(rows))
    stock = _Stock()
    for name, row in rows.items():
        if row["part_of"] is None:
            facts = {fact: row[fact] for fact in NUMBERS}
            stock.by_id[name] = Known(id=name, state=row["state"], serial=row["serial"], facts=facts, contracts=held.get(name, []))
    for name, device in named.items():
        if whole_of[device] in stock.by_id:
            stock.name(name, whole_of[device])
    return stock


def _number_of(serial: str) -> str:
    """Return the serial number in a name, as people write it."""
    return serial.split(":", 2)[-1].partition("#")[0].upper()


def _contract_changes(before: Contract | None, after: Contract, placed: Sequence[Contract]) -> dict[str, list[Any]]:
    """Return what becomes of a device's contracts, for people; *placed* are the rows that change, also one that ends for the new one."""
    old = {} if before is None else msgspec.structs.asdict(before)
    new = msgspec.structs.asdict(after)
    changes = {
        f"contract {name}": [old.get(name), value]
        for name, value in new.items()
        if old.get(name) != value and not (before is None and value in (None, ()))
    }
    return changes | {f"contract from {one.begins}": [None, f"ends {one.ends}"] for one in placed if one.begins != after.begins}
