"""The table of docs/toner-requests.md: `python -m tests.central.fleetyear 101 102`.

Makes simulated years with `shared/tools/fleetyear.py`, which lies beside the repository, runs `poller central replay` on each as a user
would, has its decisions judged there, and puts the baselines next to them. Numbers are printed as Markdown.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT.parent / "shared" / "tools" / "fleetyear.py"

BASELINES = {
    "fixed threshold of 20 %": ("baseline", "--threshold", "0.2"),
    "plain 28-day rate, triple margin": ("forecast", "--margin", "3"),
    "pages against past yields, double margin": ("pages", "--margin", "2"),
}
STYLES = {"fine": "fine", "steps": "steps of 10 %", "some": "only -3"}

Row = dict[str, float]


def run_tool(*arguments: str) -> str:
    return subprocess.run([sys.executable, str(TOOL), *arguments], check=True, capture_output=True, text=True).stdout


def rows_of(printed: str) -> dict[str, Row]:
    """Return what the judge printed: a style and a table a line."""
    found = {}
    for line in printed.splitlines():
        style, _, table = line.partition(" ")
        if style in STYLES:
            found[style] = ast.literal_eval(table.strip().replace("nan", "None"))
    return found


def replay(folder: Path, events: Path) -> tuple[int, float]:
    """Run the verb on a year; return (readings, seconds)."""
    readings = folder / "readings.ndjson"
    began = time.monotonic()
    with events.open("wb") as out:
        subprocess.run(
            [sys.executable, "-m", "poller", "central", "replay", "--readings", str(readings), "--json"],
            check=True,
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.DEVNULL,
        )
    seconds = time.monotonic() - began
    with readings.open("rb") as lines:
        return sum(1 for _ in lines), seconds


def markdown(seed: int, method: str, found: dict[str, Row]) -> list[str]:
    """Return a line of the table for each style."""
    lines = []
    for style, name in STYLES.items():
        if (row := found.get(style)) is not None:
            count = row["cartridges"]
            lines.append(
                f"| {seed} | {name} ({count}) | {method} | {row['on_time']} % | {row['days_ahead_median']} | {row['days_ahead_p95']} "
                f"| {100 * row['second_requests'] / count:.2f} % | {100 * row['wasted'] / count:.2f} % |"
            )
    return lines


def measure(seed: int, printers: int, folder: Path, *, with_baselines: bool) -> list[str]:
    """Return the table's lines for one year."""
    run_tool("make", "--seed", str(seed), "--printers", str(printers), "--out", str(folder))
    events = folder / "events.ndjson"
    readings, seconds = replay(folder, events)
    sys.stderr.write(f"seed {seed}: {readings} readings in {seconds:.0f} s\n")
    lines = markdown(seed, "**poller**", rows_of(run_tool("judge", str(folder), "--events", str(events))))
    if with_baselines:
        for name, arguments in BASELINES.items():
            found = rows_of(run_tool(arguments[0], str(folder), *arguments[1:]))
            wanted = ("some",) if arguments[0] == "pages" else ("fine", "steps")
            lines += markdown(seed, name, {style: row for style, row in found.items() if style in wanted})
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", nargs="+", type=int)
    parser.add_argument("--printers", type=int, default=300)
    parser.add_argument("--no-baselines", action="store_true")
    given = parser.parse_args()
    if not TOOL.is_file():
        sys.stderr.write("no shared/tools/fleetyear.py beside the repository: nothing to measure with\n")
        return 1
    sys.stdout.write(
        "| seed | levels (cartridges) | method | in time | days ahead, median | 95th percentile | second requests | wasted |\n"
    )
    sys.stdout.write("|---|---|---|---|---|---|---|---|\n")
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as folder:
            lines = measure(seed, given.printers, Path(folder), with_baselines=not given.no_baselines)
            sys.stdout.write("".join(line + "\n" for line in lines))
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
