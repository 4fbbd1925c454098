"""A printer that another maker's agent answers for: net-snmp's snmpd, on loopback, by SNMPv2c and SNMPv3.

The simulator speaks no v3. snmpd is told a recording row by row (`override`, snmpd.conf(5)): the Printer-MIB and the maker's tree; the
groups it has of its own it answers itself. It lives in a temporary folder, serves nothing else, and is gone when the block is left.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poller.bench import children
from poller.bench.children import NotMeasuredError
from poller.bench.tools import free_port
from poller.model import Credential, Secret, User
from poller.simulator import recordings
from poller.snmp import ber, oid
from poller.snmp.message import Value

_PASSPHRASE = "measured-not-secret"  # noqa: S105  guards an invented printer
V3 = Credential(
    name="v3",
    version="3",
    user=User(name="bench", auth="sha256", auth_password=Secret(_PASSPHRASE), priv="aes128", priv_password=Secret(_PASSPHRASE)),
)

_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"  # not on everybody's path
_RECORDING = "colour-laser"
_SERVED = ("1.3.6.1.2.1.43.", "1.3.6.1.4.1.")
_TYPES = {ber.INTEGER: "integer", ber.OCTET_STRING: "octet_str", ber.OBJECT_IDENTIFIER: "object_id", ber.COUNTER32: "counter"}
_CONFIGURATION = f"""\
agentAddress udp:127.0.0.1:{{port}}
rocommunity public 127.0.0.1
createUser bench SHA-256 {_PASSPHRASE} AES {_PASSPHRASE}
rouser bench priv
[snmp] persistentDir {{folder}}
[snmpd]
{{rows}}
"""
_START_SECONDS = 10.0
_LOOK_SECONDS = 0.05


@contextmanager
def serving() -> Iterator[int]:
    """Keep snmpd answering inside the block; gives its port. Raises NotMeasuredError where there is none, or it does not start."""
    program = shutil.which("snmpd") or shutil.which("snmpd", path=_SBIN)
    if program is None:
        raise NotMeasuredError("snmpd is not installed")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="poller-bench-") as name:
        folder = Path(name)
        log, configuration = folder / "log", folder / "snmpd.conf"
        configuration.write_text(_CONFIGURATION.format(port=port, folder=folder, rows="\n".join(_overrides())), "utf-8")
        files = ["-c", str(configuration), "-Lf", str(log), "-p", str(folder / "pid")]
        with children.running([program, "-f", "-C", "-m", "", "-I", "-smux", *files], stdout=subprocess.DEVNULL) as process:
            until_at = time.monotonic() + _START_SECONDS
            while not (log.is_file() and "NET-SNMP version" in log.read_text("utf-8", "replace")):  # said once its port is its own
                if process.poll() is not None or time.monotonic() > until_at:
                    said = log.read_text("utf-8", "replace") if log.is_file() else ""
                    raise NotMeasuredError(f"snmpd does not start: {children.last_words(said)}")
                time.sleep(_LOOK_SECONDS)
            yield port


def _overrides() -> Iterator[str]:
    """Yield a line of snmpd.conf for each row it can be told."""
    for at, value in recordings.load(_RECORDING).rows:
        name = oid.text(at)
        if value[0] in _TYPES and name.startswith(_SERVED):
            yield f"override {name} {_TYPES[value[0]]} {_written(value)}"


def _written(value: Value) -> str:
    tag, content = value
    if tag == ber.OCTET_STRING:
        return f"0x{content.hex()}" if content else '""'
    if tag == ber.OBJECT_IDENTIFIER:
        return oid.text(oid.Oid(content))
    return str(ber.signed(content) if tag == ber.INTEGER else ber.unsigned(content))
