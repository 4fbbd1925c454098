"""Who may import whom: the rings of docs/architecture.md, read from the source of every module.

Imports inside functions and under TYPE_CHECKING count like all others: they too say who knows whom.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What of accounting could run on paper; its edges, collect and store, could not.
ACCOUNTING = """accounting accounting.checks accounting.columns accounting.convert accounting.dialect accounting.document accounting.faults
    accounting.fields accounting.generate accounting.importer accounting.job accounting.joblines accounting.ledger
    accounting.lines accounting.meters accounting.money accounting.names accounting.plan accounting.prismasync
    accounting.pseudonyms accounting.quantities accounting.reader accounting.relations accounting.sequences accounting.settling
    accounting.statement accounting.tariff accounting.tariff_file accounting.values accounting.versions accounting.words accounting.workbook
    accounting.writer""".split()

# Inner rings know nothing of outer ones. Names are relative to `poller`; `x.*` is a whole room; an unlisted module is a fault.
# A room that lies in two rings (snmp, ipp, accounting, storage) names its modules one by one.
RINGS = {
    "nothing": ["__init__", "errors", "clock", "garbage", "system"],
    "values": [
        *("model", "exposition", "networks", "resolver", "sealing.*", "storage", "storage.connection", "storage.files"),
        *("snmp", "snmp.oid", "snmp.ber", "snmp.message", "snmp.ask", "snmp.walk", "snmp.snmprec", "snmp.usm", "snmp.v3"),
        *("snmp.notification", "snmp.quota"),
        *("ipp", "ipp.message"),
    ],
    "meaning": ["printers.*", "config.*", "logs", *ACCOUNTING],
    "rhythm": ["engine.*", "storage.kept"],  # it has no rhythm, but tells the log, and edges are made from it
    "edges": [
        *("host", "snmp.socket", "snmp.engines", "snmp.mmsg", "snmp.gate", "snmp.traps", "ipp.client"),
        *("accounting.collect", "accounting.store"),
        *("state.*", "exporter.*", "outbox.*", "upload.*", "central.*", "simulator.*"),
    ],
    "reach": ["reach"],
    "parts of the agent": ["beside", "sweeping", "reloading", "hearing", "uploading", "keeping", "collecting"],
    "composition": ["agent", "bench.*"],
    "verbs": ["cli.*"],
    "start": ["__main__"],
}

# What stays outside a door although the rings would let it in: (module, what it may not import, why).
CLOSED = [
    ("central.*", "poller.engine", "the dealer's side contains no code that could reach a site"),
    ("central.*", "poller.snmp", "the dealer's side contains no code that could reach a site"),
]

# Modules that could run on paper: bytes and values in, bytes and values out.
PURE = [
    *("model", "exposition", "networks"),
    *("snmp", "snmp.oid", "snmp.ber", "snmp.message", "snmp.ask", "snmp.walk", "snmp.snmprec", "snmp.usm", "snmp.v3"),
    *("snmp.notification", "snmp.gate", "snmp.quota"),
    *("ipp", "ipp.message", "printers.*", "engine.targets", "engine.pacing", "engine.schedule", "engine.sounding", "engine.journal"),
    *("engine.remembered", "engine.notable", "engine.rhythm", "engine.roster", "engine.presence", "engine.search"),
    *ACCOUNTING,
    *(
        "central.supplies.calendar",
        "central.supplies.history",
        "central.supplies.yields",
        "central.supplies.slots",
        "central.supplies.forecast",
        "central.supplies.policy",
        "central.supplies.requests",
    ),
    *(
        "central.supplies.watch",
        "central.supplies.watched",
        "central.supplies.deciding",
        "central.supplies.replay",
        "central.supplies.counting",
        "central.supplies.complaints",
    ),
    *("central.supplies.book", "central.supplies.agreements", "central.supplies.parcels"),
    *(
        "central.meters.days",
        "central.meters.samples",
        "central.meters.plausible",
        "central.meters.oddities",
        "central.meters.ordering",
        "central.meters.validation",
    ),
    *("central.meters.supplements", "central.meters.formulas", "central.meters.chain", "central.meters.standing", "central.meters.dailies"),
    *("central.sending.faults", "central.sending.pauses", "central.sending.texts", "central.sending.letter", "central.sending.sheet"),
    *("central.sending.hooksign", "central.kinds"),
    *("central.supplies.words", "central.paper.sheet", "central.paper.stops", "central.paper.picklist", "central.paper.labels"),
    *("central.devices.recognition", "central.office.contracts", "central.office.columns"),
]
IMPURE = set("asyncio concurrent logging select selectors socket sqlite3 ssl subprocess threading time uvloop".split())

# Third parties with one door.
DOORS = {
    "aiosnmp": ["snmp.message"],
    "cryptography": ["sealing.*", "snmp.usm"],
    "fpdf": ["central.paper.sheet"],
}


def matches(name: str, pattern: str) -> bool:
    """Whether module *name* is *pattern*, or lies in the room `pattern.*`."""
    room = pattern.removesuffix(".*")
    return name == room or (pattern != room and name.startswith(room + "."))


def matches_any(name: str, patterns: list[str]) -> bool:
    return any(matches(name, pattern) for pattern in patterns)


def ring_of(name: str) -> int | None:
    return next((number for number, patterns in enumerate(RINGS.values()) if matches_any(name, patterns)), None)


def room_of(name: str) -> str:
    return name.partition(".")[0]


def modules(package: Path) -> dict[str, Path]:
    """Return every module of *package* by its name without the package's own: `__init__`, `errors`, `snmp`, `snmp.ber` …"""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)] = path
    return found


def imports(path: Path, name: str, known: dict[str, Path]) -> Iterator[tuple[int, str]]:
    """Yield (line, absolute dotted name) of everything the file imports; `from poller.snmp import ber` is poller.snmp.ber."""
    package = ["poller", *name.split(".")]
    if path.name != "__init__.py":
        package.pop()
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
            for alias in node.names:
                deeper = f"{base}.{alias.name}"
                yield node.lineno, deeper if deeper.removeprefix("poller.") in known else base
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("import_module", "__import__"):
            yield from ((node.lineno, named(argument)) for argument in node.args[:1])


def named(argument: ast.expr) -> str:
    """Return what import_module() is given: a text, or the room an f-string begins with; "?" for anything else."""
    if isinstance(argument, ast.JoinedStr) and argument.values:
        begin = named(argument.values[0])
        return begin.rstrip(".") if begin.endswith(".") else "?"
    return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else "?"


def faults_of_import(name: str, imported: str) -> Iterator[str]:
    """Yield what is wrong with module *name* importing *imported* (absolute)."""
    top, _, inner = imported.partition(".")
    if imported == "?":
        yield "imports a module by a computed name"
    if top == "poller":
        inner = inner or "__init__"
        ours, theirs = ring_of(name), ring_of(inner)
        if theirs is None:
            yield f"imports {imported}, which is not in the table"
        elif ours is not None and (theirs > ours or (theirs == ours and room_of(inner) != room_of(name))):
            kinds = list(RINGS)
            yield f"({kinds[ours]}) imports {imported} ({kinds[theirs]})"
    if top in IMPURE and matches_any(name, PURE):
        yield f"is pure and imports {imported}"
    if top in DOORS and not matches_any(name, DOORS[top]):
        yield f"imports {imported}, which only {', '.join(DOORS[top])} may"
    for closed, forbidden, reason in CLOSED:
        if matches(name, closed) and (imported == forbidden or imported.startswith(forbidden + ".")):
            yield f"imports {imported}: {reason}"


def faults(package: Path) -> list[str]:
    """Return every breach in *package*, one line each: `snmp/ber.py:7: …`."""
    known = modules(package)
    found = []
    for name, path in known.items():
        where = path.relative_to(package).as_posix()
        if ring_of(name) is None:
            found.append(f"{where}: not in the table of rings")
        for line, imported in imports(path, name, known):
            found += [f"{where}:{line}: {fault}" for fault in faults_of_import(name, imported)]
    return found


def test_every_module_imports_inwards_only() -> None:
    assert faults(ROOT / "poller") == []


def test_the_walk_sees_the_whole_package() -> None:
    known = modules(ROOT / "poller")
    assert {"__init__", "errors", "model", "snmp", "snmp.ber"} <= known.keys()
    seen = {imported for name, path in known.items() for _, imported in imports(path, name, known)}
    assert {"poller.errors", "poller.snmp.ber", "aiosnmp.message", "msgspec"} <= seen


@pytest.mark.parametrize(
    "module, source, fault",
    [
        ("errors", "import typing", None),
        ("errors", "import poller.model", "errors.py:1: (nothing) imports poller.model (values)"),
        ("snmp/ber", "from poller.errors import DecodeError", None),
        ("snmp/ber", "from poller.snmp import oid", None),
        ("snmp/ber", "from . import oid", None),
        ("snmp/ber", "from .socket import Wire", "snmp/ber.py:1: (values) imports poller.snmp.socket (edges)"),
        ("snmp/ber", "from poller.snmp import socket", "snmp/ber.py:1: (values) imports poller.snmp.socket (edges)"),
        ("snmp/ber", "import asyncio", "snmp/ber.py:1: is pure and imports asyncio"),
        ("snmp/ber", "def f():\n    import time", "snmp/ber.py:2: is pure and imports time"),
        (
            "snmp/ber",
            "if TYPE_CHECKING:\n    from poller.engine import sweep",
            "snmp/ber.py:2: (values) imports poller.engine.sweep (rhythm)",
        ),
        ("snmp/ber", "import_module('poller.engine.sweep')", "snmp/ber.py:1: (values) imports poller.engine.sweep (rhythm)"),
        ("snmp/ber", "import importlib\nimportlib.import_module(name)", "snmp/ber.py:2: imports a module by a computed name"),
        ("snmp/ber", "import_module(f'poller.engine.{name}')", "snmp/ber.py:1: (values) imports poller.engine (rhythm)"),
        ("cli/app", "import_module(f'poller.cli.{name}')", None),
        ("cli/app", "import_module(f'{name}.cli')", "cli/app.py:1: imports a module by a computed name"),
        ("snmp/ber", "from poller.model import Target", "snmp/ber.py:1: (values) imports poller.model (values)"),
        ("snmp/ber", "import cryptography.x509", "snmp/ber.py:1: imports cryptography.x509, which only sealing.*, snmp.usm may"),
        ("snmp/usm", "from cryptography.hazmat.primitives import hashes", None),
        ("snmp/extra", "", "snmp/extra.py: not in the table of rings"),
        ("snmp/ber", "import poller.elsewhere", "snmp/ber.py:1: imports poller.elsewhere, which is not in the table"),
        ("printers/decode", "from logging import getLogger", "printers/decode.py:1: is pure and imports logging"),
        ("engine/sweep", "import asyncio", None),
        ("engine/schedule", "import asyncio", "engine/schedule.py:1: is pure and imports asyncio"),
        ("exporter/pages", "from poller.engine.sweep import Sweep", None),
        ("exporter/pages", "from poller.snmp.socket import Wire", "exporter/pages.py:1: (edges) imports poller.snmp.socket (edges)"),
        ("exporter/pages", "from poller.exporter import server", None),
        ("central/api", "from poller.model import Reading", None),
        (
            "central/api",
            "from poller.engine.sweep import Sweep",
            "central/api.py:1: imports poller.engine.sweep: the dealer's side contains no code that could reach a site",
        ),
        ("agent", "import poller.exporter.server", None),
        ("agent", "from poller.cli import app", "agent.py:1: (composition) imports poller.cli (verbs)"),
        ("cli/app", "from poller import agent", None),
        ("utils", "", "utils.py: not in the table of rings"),
    ],
)
def test_a_breach_is_found_and_nothing_else(tmp_path: Path, module: str, source: str, fault: str | None) -> None:
    for neighbour in ("__init__", "snmp/__init__", "snmp/oid", "snmp/socket", "engine/sweep", "exporter/server", "model", "agent"):
        path = tmp_path / f"{neighbour}.py"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    path = tmp_path / f"{module}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(source)
    assert faults(tmp_path) == ([] if fault is None else [fault])
