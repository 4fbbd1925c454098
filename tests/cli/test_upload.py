"""`poller upload check`: the way to central, tried with nothing at stake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from poller.sealing.keys import SealingKey, SigningKey
from tests.fake_clock import FakeClock
from tests.upload.box import Site
from tests.upload.dealer import Dealer, page
from tests.whole.processes import poller


async def check(folder: Path, *arguments: str, **environ: str) -> tuple[int, str, str]:
    env = {"POLLER_STATE_FOLDER": str(folder), "NO_PROXY": "*"} | {f"POLLER_{name}": value for name, value in environ.items()}
    code, out, err = await poller("upload", "check", *arguments, env=env, cwd=folder)
    return code, out, err


async def test_before_enrolment_central_is_known_by_the_token_which_is_not_used_up(tmp_path: Path, clock: FakeClock) -> None:
    dealer = Dealer(clock)
    async with dealer.serving() as address:
        token = dealer.token()
        code, out, _ = await check(tmp_path, CENTRAL_TOKEN=token)
        assert (code, out.splitlines()) == (0, [f"address: {address}", "central is known: True"])
        assert dealer.asked == [("GET", "/v1/keys")]
        assert not Site(tmp_path, clock).papers.exist()
        dealer.shown = {"sealing": SealingKey.generate().public.text(), "signing": SigningKey.generate().public.text()}
        code, out, _ = await check(tmp_path, "--json", CENTRAL_TOKEN=token)
        found = json.loads(out)
        assert (code, found["central_is_known"], "shows other keys" in found["trouble"]) == (1, False, True)
        assert token not in out


async def test_afterwards_by_what_was_pinned(tmp_path: Path, clock: FakeClock) -> None:
    dealer, site = Dealer(clock), Site(tmp_path, clock)
    async with dealer.serving() as address:
        async with site.client(address) as client:
            await site.courier(client, token=dealer.token()).turn()
        code, out, _ = await check(tmp_path)
        assert (code, "(Invented Ltd, hamburg)" in out, "central is known: True" in out) == (0, True, True)
        dealer.odd.append(page(200))
        code, out, _ = await check(tmp_path)
        assert (code, "is no central: its answer has no keys" in out) == (1, True)


@pytest.mark.parametrize(
    "environ, code, words", [({}, 2, "central.token: missing"), ({"CENTRAL_ADDRESS": "http://127.0.0.1:1"}, 1, "no connection")]
)
async def test_where_there_is_no_way_it_says_why(tmp_path: Path, environ: dict[str, str], code: int, words: str) -> None:
    found, out, err = await check(tmp_path, **environ)
    assert found == code
    assert words in out + err
