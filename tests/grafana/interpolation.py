"""What Grafana does to a query before it sends it: variables become text, time ranges become seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

SCRAPE_INTERVAL = timedelta(minutes=1)  # timeInterval of the data source
_STEPS = 200  # about one per few pixels
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_REGEX_CHARACTERS = re.compile(r"[\\^$*+?.()|{}\[\]/]")


def moment(text: str, now_utc: datetime, *, is_end: bool = False) -> datetime:
    """Return the time that *text* means: `now`, `now-6h`, `now/M` (the month's first moment, UTC; with *is_end* its last), `now-1M/M`."""
    if found := re.fullmatch(r"now(?:-(\d+)M)?/M", text):
        months = now_utc.year * 12 + now_utc.month - 1 - int(found[1] or 0)
        first, following = (
            now_utc.replace(year=number // 12, month=number % 12 + 1, day=1, hour=0, minute=0, second=0, microsecond=0)
            for number in (months, months + 1)
        )
        return following - timedelta(milliseconds=1) if is_end else first
    found = re.fullmatch(r"now(?:-(\d+)([mhd]))?", text)
    assert found is not None, text
    return now_utc - int(found[1]) * _UNITS[found[2]] if found[1] else now_utc


def step_of(span: timedelta, least: str | None) -> timedelta:
    """Return the step of a range query over *span*; *least* is the panel's minimum interval, such as `1d`."""
    step = max(timedelta(seconds=span.total_seconds() // _STEPS), SCRAPE_INTERVAL)
    return max(step, moment("now", datetime.now(UTC)) - moment(f"now-{least}", datetime.now(UTC))) if least else step


def values(variables: Sequence[Mapping[str, object]], chosen: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the text of each variable: of *chosen* its values, else the whole (`allValue`), else its own default.

    Several values, and a variable that may have several, are escaped for a regular expression.
    """
    texts: dict[str, str] = {}
    for variable in variables:
        name = str(variable["name"])
        if name in chosen:
            several = bool(variable.get("multi") or variable.get("includeAll"))
            escaped = [_escaped(one) if several else one.replace("\\", "\\\\").replace('"', '\\"') for one in chosen[name]]
            texts[name] = escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
        elif variable.get("includeAll"):
            assert variable["allValue"] == ".*", "without it, Grafana writes out every value there is"
            texts[name] = ".*"
        elif variable["type"] == "textbox":
            texts[name] = str(variable["query"])
    return texts


def _escaped(text: str) -> str:
    # Once for the expression, once more for the PromQL string it stands in.
    return _REGEX_CHARACTERS.sub(r"\\\\\g<0>", text)


def fill(expr: str, texts: Mapping[str, str], *, span: timedelta, step: timedelta) -> str:
    """Return *expr* with every variable replaced; one that is not known is a fault. `$1` is of a regular expression."""
    seconds = int(span.total_seconds())
    rate = max(step + SCRAPE_INTERVAL, 4 * SCRAPE_INTERVAL)
    known = {
        **texts,
        "__range": f"{seconds}s",
        "__range_s": str(seconds),
        "__interval": f"{int(step.total_seconds())}s",
        "__rate_interval": f"{int(rate.total_seconds())}s",
    }
    return re.sub(r"\$(?:\{(\w+)(?::\w+)?\}|([a-z_]\w*))", lambda found: known[found[1] or found[2]], expr)
