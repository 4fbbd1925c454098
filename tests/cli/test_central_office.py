"""`poller central device|contract|location|contact|catalogue|user|import|audit`, `account export|erase`: typed, and what is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.central.stock import Stock, seen
from tests.cli.central_shell import Shell, fill
from tests.fake_clock import START_UTC, FakeClock


@pytest.fixture
def run(shell: Shell, folder: Path) -> Shell:
    """A database with three devices of acme: A1, B2, C3."""

    async def put(stock: Stock) -> None:
        await stock.process(*(seen(START_UTC, serial=name, mac=None, total=100) for name in ("A1", "B2", "C3")))

    fill(folder, FakeClock(), put)
    return shell


@pytest.mark.usefixtures("on_both")
def test_a_device_from_found_to_swapped(run: Shell) -> None:
    assert [row["state"] for row in run.rows("device", "list", "acme", "--state", "unassigned")] == ["unassigned"] * 3
    run("location", "set", "acme", "K-100", "--title", "Kantine", "--address", "Musterweg 1")
    run("contract", "set", "acme", "A1", "--kind", "full-service", "--number", "V-1", "--begins", "2026-11-01", "--start-meter", "total=90")
    run("device", "assign", "acme", "A1", "--location", "K-100", "--device-number", "M-1")
    run("device", "swap", "acme", "M-1", "B2", "--on", "2026-12-01", "--end-meter", "total=150", "--start-meter", "total=0")
    old, new = (run.rows("device", "show", "acme", name)[0] for name in ("A1", "B2"))
    assert (old["state"], old["replaced_by"], new["state"], new["location"]) == ("swapped", new["device"], "managed", "K-100")
    rows = run.rows("contract", "list", "acme")
    assert sorted((row["begins"], row["ends"]) for row in rows if row["device"] == old["device"]) == [("2026-11-01", "2026-12-01")]
    assert "Kantine" in run("location", "list", "acme")[0]
    assert "state: swapped" in run("device", "show", "acme", "A1")[0]
    run("contract", "end", "acme", "B2", "--on", "2026-12-31")


@pytest.mark.usefixtures("on_both")
def test_joining_splitting_ignoring(run: Shell) -> None:
    assert "is part of" in run("device", "join", "acme", "A1", "C3")[0]
    assert [row["serial"] for row in run.rows("device", "list", "acme")] != ["A1", "B2", "C3"]
    run("device", "split", "acme", "C3")
    assert run.rows("device", "ignore", "acme", "C3")[0]["ignored"] is True
    assert len(run.rows("device", "list", "acme", "--state", "unassigned")) == 2
    run("device", "ignore", "acme", "C3", "--undo")
    assert run.rows("device", "elsewhere") == []


@pytest.mark.usefixtures("on_both")
def test_an_import_is_shown_before_it_is_done(run: Shell, folder: Path) -> None:
    (folder / "devices.csv").write_text("Seriennummer;Kunde;Wand\nA1;4711;rot\nZZ;1;\n")
    out, err = run("import", "devices.csv", "--account", "acme")
    assert "by serial: customer: none -> 4711" in out
    assert "row 3: not found" in out
    assert out.count("in no row: device") == 2
    assert "nothing was done yet; --apply does it" in err
    assert "columns left alone: Wand" in err
    assert run.rows("import", "devices.csv", "--account", "acme", "--apply")[-1]["applied"] is True
    assert run.rows("device", "show", "acme", "A1")[0]["customer"] == "4711"
    (folder / "bad.csv").write_text("Seriennummer;Standort\nA1;K-9\n")
    assert "there is no location K-9" in run("import", "bad.csv", "--account", "acme", "--apply", code=1)[1]
    run("import", "none.csv", "--account", "acme", code=1)
    run("import", "devices.csv", "--account", "acme", "--list", "prices", code=2)


@pytest.mark.usefixtures("on_both")
def test_contacts_catalogue_and_people(run: Shell) -> None:
    run("contact", "set", "acme", "7", "--name", "Anna Beispiel", "--mail", "anna@example.com")
    assert run.rows("contact", "list", "acme")[0]["mail"] == "anna@example.com"
    run("contact", "remove", "acme", "7")
    run("location", "set", "acme", "K-1", "--room", "7")
    run("location", "remove", "acme", "K-1")
    assert run.rows("location", "list", "acme") == []
    run("catalogue", "set", "ACME L*", "toner", "T-1", "--colour", "black", "--alternatives", "T-8,T-9", "--yield-pages", "3000")
    assert run.rows("catalogue", "list")[0]["alternatives"] == ["T-8", "T-9"]
    made = run("user", "add", "Tom Muster", "--role", "technician")[0].strip()
    assert [row["name"] for row in run.rows("user", "list")] == ["Tom Muster"]
    run("user", "remove", made)
    assert [row["name"] for row in run.rows("user", "list")] == [None]
    assert [row["what"] for row in run.rows("audit")] == ["set-article", "add-user", "remove-user"]


def test_whoever_is_named_is_in_the_audit_log_behind_the_user_of_the_host(run: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLLERCENTRAL_WHO", "anna\x1b[31m")
    run("device", "ignore", "acme", "C3")
    (row,) = run.rows("audit", "acme", "--last", "1")
    assert str(row["who"]).startswith("cli ")
    assert " for anna" in str(row["who"])
    assert "\x1b" not in str(row["who"])


@pytest.mark.usefixtures("on_both")
def test_an_account_is_written_out_and_erased(run: Shell, folder: Path) -> None:
    rows = {row["table"]: row["rows"] for row in run.rows("account", "export", "acme", "-o", "acme.zip")}
    assert rows["device"] == 3
    assert (folder / "acme.zip").stat().st_size > 0
    assert "give --yes" in run("account", "erase", "acme", code=2)[1]
    assert "acme is erased" in run("account", "erase", "acme", "--yes")[0]
    assert "account acme was erased" in run("contact", "list", "acme", code=1)[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["device", "assign", "acme", "A1"],
        ["device", "swap", "acme", "A1", "B2", "--on", "soon"],
        ["device", "swap", "acme", "A1", "B2", "--end-meter", "total"],
        ["device", "swap", "acme", "A1", "B2", "--end-meter", "total=-1"],
        ["contract", "set", "acme", "A1", "--kind", "gold"],
        ["contract", "set", "acme", "A1", "--kind", "none", "--begins", "1.1.2026"],
        ["user", "add", " ", "--role", "dealer"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(run: Shell, arguments: list[str]) -> None:
    assert run(*arguments, code=2)[1] != ""


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["device", "list", "globex"], "there is no account globex"),
        (["device", "show", "acme", "ZZ"], "no device goes by 'ZZ'"),
        (["device", "swap", "acme", "A1", "B2"], "has no contract on"),
        (["location", "remove", "acme", "K"], "has no location K"),
        (["user", "remove", "p-1"], "there is no user p-1"),
        (["account", "export", "globex", "-o", "x"], "there is no account globex"),
        (["account", "erase", "globex", "--yes"], "there is no account globex"),
    ],
)
def test_what_cannot_be_done_is_said(run: Shell, arguments: list[str], says: str) -> None:
    assert says in run(*arguments, code=1)[1]
