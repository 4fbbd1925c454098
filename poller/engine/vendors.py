"""What is asked of a device for the profiles of its family: which families it answers for, instances, columns, and SNMP contexts."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from poller.engine.asking import Manners, Row, ask, walk
from poller.engine.wire import Wire
from poller.errors import AccessError, AgentError, NoAnswerError, PrinterError
from poller.model import Credential, Secret, Target
from poller.printers import layout as layouts
from poller.printers.rules import Profile
from poller.snmp.message import Missing, Value
from poller.snmp.oid import Oid

_ENTERPRISES_MAX = 16


def mind_manners(manners: Manners, profiles: Sequence[Profile]) -> None:
    """Begin with what is known of these families; a device that bears less will still be found out."""
    for profile in profiles:
        if not profile.manners.getbulk:
            manners.bulk_rows = 1
        elif profile.manners.bulk_rows is not None:
            manners.bulk_rows = min(manners.bulk_rows, profile.manners.bulk_rows)
        if profile.manners.oids_max is not None:
            manners.oids_max = min(manners.oids_max, profile.manners.oids_max)
        manners.pause_ms = max(manners.pause_ms, profile.manners.pause_ms)


async def answering(wire: Wire, target: Target) -> dict[Oid, Row]:
    """Return one row below each prefix by which some family is known, as far as the device answers there.

    First which enterprises it answers for at all, by one question each; then the prefixes below these. A device that misbehaves here is
    not asked further.
    """
    first: dict[Oid, Row] = {}
    found: dict[Oid, Row] = {}
    try:
        place = layouts.ENTERPRISES
        while len(first) < _ENTERPRISES_MAX:
            rows = await wire.next(target, place, 1)
            enterprise = layouts.enterprise_of(rows[0][0]) if rows else None
            if enterprise is None or enterprise in first:
                break
            first[enterprise] = rows[0]
            place = layouts.enterprise_behind(enterprise)
        for prefix in layouts.answer_prefixes():
            row = first.get(layouts.enterprise_of(prefix) or prefix)
            if row is None:
                continue
            if not row[0].startswith(prefix):
                rows = await wire.next(target, prefix, 1)
                row = rows[0] if rows else row
            if row[0].startswith(prefix):
                found[prefix] = row
    except PrinterError:
        return found
    return found


async def learn_profiles(
    wire: Wire, target: Target, profiles: Sequence[Profile], manners: Manners, rows: dict[Oid, Value], *, rows_max: int
) -> list[str]:
    """Add to *rows* what *profiles* read: exact instances by GET, named columns by walking. Return what went wrong.

    With *rows_max* 0 only what tells who the device is. Of a table whose first column is empty the others are not walked. A device that
    falls silent over a vendor's MIB, but still answers to the standard one, keeps what was learned so far. Raises NoAnswerError when it
    does not.
    """
    faults: list[str] = []
    try:
        await _ask_vendors(wire, target, profiles, manners, rows, faults, rows_max=rows_max)
    except NoAnswerError as error:
        await ask(wire, target, layouts.SCALARS, manners)
        faults.append(str(error))
    return faults


async def _ask_vendors(
    wire: Wire, target: Target, profiles: Sequence[Profile], manners: Manners, rows: dict[Oid, Value], faults: list[str], *, rows_max: int
) -> None:
    wanted = {oid for profile in profiles for oid in (profile.instances if rows_max else profile.steady)}
    oids = sorted(wanted - rows.keys())
    try:
        asked = zip(oids, await ask(wire, target, oids, manners), strict=True)
        rows.update((oid, value) for oid, value in asked if not isinstance(value, Missing))
    except AgentError as error:
        faults.append(str(error))
    for profile in profiles if rows_max else ():
        for _, table, _ in profile.tables_of(rows):
            for number, column in enumerate(table.columns.values()):
                found, fault = await walk(wire, target, column, manners, rows_max=min(rows_max, table.sheet.rows_max))
                rows.update(found)
                if fault is not None:
                    faults.append(str(fault))
                if number == 0 and not found and fault is None:  # a later column may be empty, or this one just cannot be told
                    break


async def learn_context(
    wire: Wire, target: Target, profiles: Sequence[Profile], manners: Manners, rows: dict[Oid, Value], *, rows_max: int
) -> dict[Oid, Value]:
    """Return what the device shows in the context its family names and, as *rows* tell, not without it; note the context in *manners*.

    Only a device that lacks its supplies, or all private instances its profiles read, is asked there: one without that context stays
    silent, which takes time. Nothing of that is a fault of the device.
    """
    context = next((profile.manners.context for profile in profiles if profile.manners.context is not None), None)
    if context is None or not _lacks(rows, profiles) or is_within(target.credential):
        return {}
    inside, found = within(target, context), dict[Oid, Value]()
    try:
        await wire.next(inside, layouts.PRINTER_MIB, 1)
        for root in layouts.ROOTS:
            found.update((await walk(wire, inside, root, manners, rows_max=rows_max))[0])
        known = rows | found
        await _ask_vendors(wire, inside, profiles, manners, known, [], rows_max=rows_max)
        found = known
    except (NoAnswerError, AccessError, AgentError):
        pass  # what was found so far is still true
    new = {oid: value for oid, value in found.items() if oid not in rows}
    if new:
        manners.context = context
    return new


def within(target: Target, context: str) -> Target:
    """Return *target* asked in *context*: contextName in v3 (RFC 3411), by HP's custom `community@context` in v1 and v2c."""
    credential = target.credential
    if credential.version == "3":
        return msgspec.structs.replace(target, credential=msgspec.structs.replace(credential, context=context))
    community = Secret(f"{credential.community.reveal()}@{context}")
    return msgspec.structs.replace(target, credential=msgspec.structs.replace(credential, community=community))


def is_within(credential: Credential) -> bool:
    """Say whether *credential* names a context already: then its owner has chosen, and no other is tried."""
    return bool(credential.context) or (credential.version != "3" and "@" in credential.community.reveal())


def _lacks(rows: dict[Oid, Value], profiles: Sequence[Profile]) -> bool:
    if not any(oid.startswith(layouts.SUPPLIES) for oid in rows):
        return True
    return not any(oid in rows and oid.startswith(layouts.ENTERPRISES) for profile in profiles for oid in profile.instances)
