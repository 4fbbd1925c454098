"""The alert table of the Printer-MIB (RFC 3805, prtAlertTable): what the device itself complains about, and since when.

Its rows come and go, so they are walked and not asked by position. Besides being reported they carry weight elsewhere: an alert of the
group "marker supplies" names the row it is about, and that is the device's own word on whether this supply is low or empty.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, cast

from poller.model import Alert, Severity
from poller.printers import levels, mib
from poller.printers.charset import read_text
from poller.printers.levels import Word
from poller.printers.plan import sibling
from poller.snmp import ber
from poller.snmp.message import Value
from poller.snmp.oid import Oid, index_text, is_well_formed, tail_arcs

_ALERTS_MAX = 256  # the busiest recording known has eight
_INDEX_OCTETS_MAX = 15
_UNKNOWN = 2  # PrtAlertCodeTC

COLUMNS = {
    item.oid: item
    for item in (
        mib.ALERT_SEVERITY, mib.ALERT_GROUP, mib.ALERT_ROW, mib.ALERT_LOCATION, mib.ALERT_CODE, mib.ALERT_DESCRIPTION, mib.ALERT_TIME,
    )
}  # fmt: skip
_COLUMN_OCTETS = len(mib.ALERT_SEVERITY.oid)


class RawAlert(NamedTuple):
    """One row. `ticks` is sysUpTime when it was raised, in hundredths of a second, None where the device does not say.

    `row` is the key of the supply or tray it is about (trays as "tray:1.2"), `word` what it says of it.
    """

    alert: Alert
    key: str
    ticks: int | None
    text: str | None
    row: str | None
    word: Word | None


@lru_cache(maxsize=4096)
def read_alerts(rows: tuple[tuple[Oid, Value], ...], charset: int | None) -> tuple[RawAlert, ...]:
    """Return the alerts in *rows*, in the order of their indexes. What is not of the alert table, or beyond 256 alerts, is left out."""
    by_index: dict[bytes, dict[mib.Object, Value]] = {}
    for oid, value in rows:
        column, index = COLUMNS.get(Oid(oid[:_COLUMN_OCTETS])), oid[_COLUMN_OCTETS:]
        if column is None or len(index) > _INDEX_OCTETS_MAX or not is_well_formed(index):
            continue
        if index in by_index or len(by_index) < _ALERTS_MAX:
            by_index.setdefault(index, {})[column] = value
    return tuple(_read_alert(index_text(index), by_index[index], charset) for index in sorted(by_index, key=tail_arcs))


def words_by_row(told: tuple[RawAlert, ...]) -> dict[str, Word]:
    """Return what the device says of its supplies (by key) and trays (by "tray:" and key); "empty" is stronger than "low"."""
    words: dict[str, Word] = {}
    for alert in told:
        if alert.row is not None and alert.word is not None and words.get(alert.row) != "empty":
            words[alert.row] = alert.word
    return words


def alerts_at(told: tuple[RawAlert, ...], boot_utc: datetime | None, taken_at: datetime) -> tuple[Alert, ...]:
    """Return the alerts with the wall-clock time each was raised at, where the device's clock allows one."""
    return tuple([_dated(alert, boot_utc, taken_at) for alert in told])


def _dated(raw: RawAlert, boot_utc: datetime | None, taken_at: datetime) -> Alert:
    if raw.ticks is None or boot_utc is None:
        return raw.alert
    since = boot_utc + timedelta(seconds=raw.ticks // 100)
    if since > taken_at:  # from before the device's clock began again
        return raw.alert
    alert = raw.alert
    return Alert(key=alert.key, severity=alert.severity, group=alert.group, code=alert.code, location=alert.location, since=since)


def _read_alert(key: str, cells: dict[mib.Object, Value], charset: int | None) -> RawAlert:
    severity, group, row, location, code, ticks = (
        levels.integer(cells.get(item))
        for item in (mib.ALERT_SEVERITY, mib.ALERT_GROUP, mib.ALERT_ROW, mib.ALERT_LOCATION, mib.ALERT_CODE, mib.ALERT_TIME)
    )
    description = cells.get(mib.ALERT_DESCRIPTION)
    alert = Alert(
        key=key,
        severity=cast(Severity, mib.ALERT_SEVERITIES.get(severity or 0, "other")),
        group=mib.ALERT_GROUPS.get(group or 0),
        code=code if code is not None and 0 < code < 2**31 and code != _UNKNOWN else None,
        location=location if location is not None and 0 <= location < 2**31 else None,
    )
    return RawAlert(
        alert=alert,
        key=key,
        ticks=ticks if ticks is not None and 0 < ticks < 2**32 else None,
        text=read_text(description[1], charset) if description is not None and description[0] == ber.OCTET_STRING else None,
        row=_row(key, group, row),
        word=_word(severity, code),
    )


def _row(key: str, group: int | None, number: int | None) -> str | None:
    """Return which row of ours an alert is about: prtAlertGroupIndex is the last arc of an index into the table its group names."""
    if number is None or number < 1:
        return None
    about = sibling(key, number)
    return {mib.GROUP_SUPPLY: about, mib.GROUP_FINISHER_SUPPLY: f"fin:{about}", mib.GROUP_INPUT: f"tray:{about}"}.get(group or 0)


def _word(severity: int | None, code: int | None) -> Word | None:
    """Return what an alert says of its row *now*: a "warning" (unary change event) may be about a cartridge long replaced."""
    if mib.ALERT_SEVERITIES.get(severity or 0) not in ("critical", "warningBinaryChangeEvent"):
        return None
    if code in mib.CODES_EMPTY:
        return "empty"
    return "low" if code in mib.CODES_LOW else None
