"""Central as it runs: what was posted goes out by itself, and its metrics say how it stands."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from poller.central.values import Config, Mail
from poller.errors import HostError
from tests.central.running import config_of, running
from tests.central.sending.parcels import SECRET, MailServer, parcel, receiver
from tests.central.sending.posted import put, rows
from tests.central.stock import stocked
from tests.fake_clock import START_UTC, FakeClock


def with_parts(config: Config, **parts: object) -> Config:
    return msgspec.structs.replace(config, **parts)


async def test_what_was_posted_goes_out_and_what_does_not_is_seen(tmp_path: Path, clock: FakeClock, database_url: str) -> None:
    gone = MailServer()
    await gone.start()
    await gone.stop()
    mail = Mail(host="127.0.0.1", port=gone.port, security="none", sender="toner@example.com", to=("warehouse@example.com",))
    async with stocked(tmp_path, clock, database_url, tmp_path / "keys") as stock, receiver() as hooks:
        await put(stock, parcel(), "webhook", "mail")
        clock.advance(timedelta(hours=1).total_seconds())
        config = with_parts(config_of(tmp_path, url=database_url), webhook=hooks.hook(), mail=mail)
        async with running(config, clock) as central:
            for _ in range(10_000):
                found = await rows(stock)
                if found["p-1", "webhook"]["state"] == "sent" and found["p-1", "mail"]["error"] == "unreachable":
                    break
            clock.advance(60)
            said = await central.metrics()
    assert hooks.ids == ['"p-1"']
    for line in (
        'poller_central_messages{channel="mail",state="waiting"} 1',
        'poller_central_messages{channel="webhook",state="waiting"} 0',
        'poller_central_messages{channel="mail",state="failed"} 0',
        f'poller_central_messages_oldest_timestamp_seconds{{channel="mail"}} {START_UTC.timestamp():.0f}',
        'poller_central_message_tries_total{channel="webhook",result="sent"} 1',
        'poller_central_message_tries_total{channel="mail",result="put_off"} 1',
    ):
        assert line in said.splitlines(), said
    assert SECRET not in said and 'messages_oldest_timestamp_seconds{channel="webhook"}' not in said


async def test_certificates_that_cannot_be_read_are_told_before_a_port_is_opened(tmp_path: Path, clock: FakeClock) -> None:
    mail = Mail(host="h", port=465, security="tls", sender="a@example.com", to=("b@example.com",), ca_file=tmp_path / "none.pem")
    with pytest.raises(HostError, match="cannot read the certificates"):
        async with running(with_parts(config_of(tmp_path), mail=mail), clock):
            pass
