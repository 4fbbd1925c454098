"""Mail to a real SMTP server (aiosmtpd): encrypted, logged in, refused, put off, cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from poller.central.sending import mail as module
from poller.central.sending.faults import NotSentError, PutOffError, RefusedError, UnclearError
from poller.central.sending.mail import PATIENT_TRIES, MailChannel, compose, message_id
from poller.central.sending.sheet import sheet
from poller.central.values import Mail
from poller.model import Secret
from tests.central.sending.claims import Begun, claim_of
from tests.central.sending.parcels import PASSWORD, MailServer, ca_of, item, mail_of, mail_server, parcel, server_tls

LOGIN: dict[str, Any] = {"user": "toner", "password": Secret(PASSWORD)}
OPEN: dict[str, Any] = {"login": False}


def says(wanted: str, answer: str) -> Callable[[str, SMTP], str | None]:
    """Return a script that answers commands beginning with *wanted* so, and every other by yes."""
    return lambda command, server: answer if command.startswith(wanted) else None


async def fault_of(mail: Mail, *, tries: int = 1) -> tuple[NotSentError, int]:
    """Return why a mail was not sent, and how often its sending was begun."""
    begun = Begun()
    with pytest.raises(NotSentError) as raised:
        await MailChannel(mail).deliver(claim_of(parcel(), "mail", tries=tries), begun)
    assert PASSWORD not in repr((raised.value, raised.value.text))
    return raised.value, begun.times


# --- sent ------------------------------------------------------------------------------------------------------------------


async def test_by_starttls_and_auth_it_arrives_as_it_was_written(tmp_path: Path) -> None:
    async with mail_server(tls=server_tls(tmp_path)) as server:
        begun = Begun()
        settings = mail_of(server, security="starttls", ca_file=ca_of(tmp_path), **LOGIN)
        assert await MailChannel(settings).deliver(claim_of(parcel(), "mail"), begun) == "250 2.0.0 taken as 4Z1"
    (mail,) = server.mails
    assert (mail["From"], mail["To"]) == ("toner@example.com", "warehouse@example.com")
    assert mail["Subject"] == "Toneranforderung p-1: Müller & Söhne GmbH (K-100), L-7"
    assert (mail["Message-ID"], mail["Auto-Submitted"], mail["Content-Language"]) == (
        message_id(parcel(), settings),
        "auto-generated",
        "de",
    )
    body = mail.get_body(("plain",))
    assert body is not None and "Anschrift:         Große Straße 5, 22765 Hamburg" in body.get_content()
    (attached,) = mail.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("p-1.csv", "text/csv")
    assert attached.get_payload(decode=True) == sheet(parcel())
    assert (server.logins, begun.times) == ([True], 1)


async def test_by_tls_from_the_first_byte(tmp_path: Path) -> None:
    async with mail_server(tls=server_tls(tmp_path), from_first_byte=True) as server:
        settings = mail_of(server, security="tls", ca_file=ca_of(tmp_path), **LOGIN)
        await MailChannel(settings).deliver(claim_of(parcel(), "mail"), Begun())
    assert len(server.mails) == 1


async def test_by_a_server_on_this_host_without_either() -> None:
    async with mail_server(**OPEN) as server:
        await MailChannel(mail_of(server, language="en")).deliver(claim_of(parcel(), "mail"), Begun())
    assert server.mails[0]["Subject"].startswith("Toner request p-1: ")


async def test_sent_again_it_is_the_same_mail_byte_by_byte() -> None:
    async with mail_server(**OPEN) as server:
        for _ in range(2):
            await MailChannel(mail_of(server)).deliver(claim_of(parcel(), "mail"), Begun())
    assert server.raw[0] == server.raw[1] == compose(parcel(), mail_of(server))


async def test_a_line_of_a_full_stop_does_not_end_it() -> None:
    one = parcel("p-1", "acme", item(room=".", serial="..x"), title=".", address=".\n.\n..")
    async with mail_server(**OPEN) as server:
        await MailChannel(mail_of(server)).deliver(claim_of(one, "mail"), Begun())
    assert server.raw == [compose(one, mail_of(server))]


def test_no_name_becomes_a_header_and_no_line_is_too_long() -> None:
    hostile = "x\r\nBcc: all@example.com\r\n\r\n<html>\u202e" + "ü" * 65536
    facts = dict.fromkeys(("title", "customer", "location", "address", "contact", "phone", "mail", "site", "language"), hostile)
    settings = Mail(host="h", port=25, security="none", sender="toner@example.com", to=("warehouse@example.com",))
    content = compose(parcel("p-1", "acme", item(room=hostile), **facts), settings)
    head = content.partition(b"\r\n\r\n")[0]
    assert b"\nBcc:" not in head
    assert content.isascii() and max(map(len, content.split(b"\r\n"))) <= 998
    assert b"\n" not in content.replace(b"\r\n", b"")


# --- before it counts: nothing was handed over -----------------------------------------------------------------------------


async def test_a_certificate_of_nobody_we_know_gets_neither_password_nor_mail(tmp_path: Path) -> None:
    async with mail_server(tls=server_tls(tmp_path)) as server:
        fault, begun = await fault_of(mail_of(server, security="starttls", **LOGIN))
    assert isinstance(fault, PutOffError) and (fault.word, fault.for_all, fault.is_slow, begun) == ("tls", True, True, 0)
    assert "certificate" in fault.text
    assert (server.logins, server.mails) == ([], [])


async def test_a_certificate_of_nobody_we_know_from_the_first_byte(tmp_path: Path) -> None:
    async with mail_server(tls=server_tls(tmp_path), from_first_byte=True) as server:
        fault, _ = await fault_of(mail_of(server, security="tls", **LOGIN))
    assert fault.word == "tls"


async def test_a_server_that_offers_no_starttls_gets_nothing() -> None:
    async with mail_server(**OPEN) as server:
        fault, begun = await fault_of(mail_of(server, security="starttls", **LOGIN))
    assert isinstance(fault, PutOffError) and (fault.word, fault.is_slow, begun, server.logins) == ("starttls", True, 0, [])


async def test_a_wrong_password_is_shown_without_itself_and_tried_slowly(tmp_path: Path) -> None:
    async with mail_server(tls=server_tls(tmp_path)) as server:
        settings = mail_of(server, security="starttls", ca_file=ca_of(tmp_path), user="toner", password=Secret("mistyped word"))
        fault, begun = await fault_of(settings)
    assert isinstance(fault, PutOffError) and (fault.word, fault.for_all, fault.is_slow, begun) == ("auth", True, True, 0)
    assert "535" in fault.text and "mistyped" not in fault.text
    assert server.mails == []


async def test_a_log_in_where_none_is_offered_is_a_matter_of_configuration() -> None:
    async with mail_server(**OPEN) as server:
        fault, _ = await fault_of(mail_of(server, **LOGIN))
    assert isinstance(fault, PutOffError) and (fault.word, fault.is_slow) == ("auth", True)


async def test_a_server_that_wants_a_log_in_says_so_of_the_sender(tmp_path: Path) -> None:
    async with mail_server(tls=server_tls(tmp_path)) as server:
        fault, _ = await fault_of(mail_of(server, security="starttls", ca_file=ca_of(tmp_path)))
    assert isinstance(fault, PutOffError) and (fault.word, fault.is_slow) == ("sender", True)
    assert "530" in fault.text


@pytest.mark.parametrize(
    "command,answer,kind,word,for_all",
    [
        ("MAIL", "451 4.3.0 later", PutOffError, "sender", True),
        ("MAIL", "550 5.7.1 not you", PutOffError, "sender", True),
        ("RCPT", "451 4.7.1 greylisted, come again", PutOffError, "smtp-451", False),
        ("RCPT", "452 4.2.2 mailbox full", PutOffError, "smtp-452", False),
        ("RCPT", "550 5.1.1 <warehouse@example.com>: no such user", RefusedError, "smtp-550", None),
        ("RCPT", "554 5.7.1 relay denied", RefusedError, "smtp-554", None),
    ],
)
async def test_what_is_refused_before_the_content_was_never_begun(
    command: str, answer: str, kind: type[NotSentError], word: str, for_all: bool | None
) -> None:
    async with mail_server(**OPEN) as server:
        server.says = says(command, answer)
        fault, begun = await fault_of(mail_of(server))
    assert (type(fault), fault.word, begun, server.mails) == (kind, word, 0, [])
    assert fault.text == answer
    if isinstance(fault, PutOffError):
        assert fault.for_all is for_all


async def test_of_several_recipients_the_one_refused_for_good_is_left_out_and_shown() -> None:
    async with mail_server(**OPEN) as server:
        server.says = says("RCPT gone@", "550 5.1.1 no such user")
        settings = mail_of(server, to=("gone@example.com", "warehouse@example.com"))
        answer = await MailChannel(settings).deliver(claim_of(parcel(), "mail"), Begun())
    assert answer == "250 2.0.0 taken as 4Z1 550 5.1.1 no such user"
    assert [one.rcpt_tos for one in server.envelopes] == [["warehouse@example.com"]]


async def test_who_is_refused_for_now_is_waited_for_a_few_times_and_not_for_ever() -> None:
    async with mail_server(**OPEN) as server:
        server.says = says("RCPT full@", "452 4.2.2 mailbox full")
        settings = mail_of(server, to=("full@example.com", "warehouse@example.com"))
        fault, begun = await fault_of(settings, tries=PATIENT_TRIES - 1)
        assert (fault.word, begun, server.mails) == ("smtp-452", 0, [])
        await MailChannel(settings).deliver(claim_of(parcel(), "mail", tries=PATIENT_TRIES), Begun())
    assert [one.rcpt_tos for one in server.envelopes] == [["warehouse@example.com"]]


async def test_letters_outside_ascii_in_an_address_need_a_server_that_takes_them() -> None:
    async with mail_server(**OPEN) as server:
        fault, _ = await fault_of(mail_of(server, to=("lager@müller.example",)))
    assert isinstance(fault, PutOffError) and (fault.word, fault.is_slow) == ("smtputf8", True)
    assert "xn--" in fault.text
    async with mail_server(utf8=True, **OPEN) as server:
        await MailChannel(mail_of(server, to=("größe@müller.example",))).deliver(claim_of(parcel(), "mail"), Begun())
    assert server.envelopes[0].rcpt_tos == ["größe@müller.example"]


async def test_nobody_there() -> None:
    server = MailServer()
    await server.start()
    await server.stop()
    fault, begun = await fault_of(mail_of(server))
    assert isinstance(fault, PutOffError) and (fault.word, fault.for_all, begun) == ("unreachable", True, 0)
    assert "refused" in fault.text.lower()


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


async def fault_with(talk: Talk) -> tuple[NotSentError, int]:
    """Return what comes of a mail to a server that is written here line by line, because no decent one is like that."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await fault_of(Mail(host="127.0.0.1", port=port, security="none", sender="a@example.com", to=("b@example.com",)))


async def up_to_go_ahead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak SMTP until the content may come."""
    writer.write(b"220 localhost\r\n")
    while (line := await reader.readline()) and not line.startswith(b"DATA"):
        writer.write(b"250 localhost\r\n")
    writer.write(b"354 go on\r\n")


async def up_to_content(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak SMTP until the content has come, whole."""
    await up_to_go_ahead(reader, writer)
    await reader.readuntil(b"\r\n.\r\n")


@pytest.mark.parametrize("greeting", [b"554 go away\r\n", b"421 too many\r\n", b"garbage\r\n", b"\x00" * 100_000 + b"\r\n", b""])
async def test_a_server_that_does_not_want_to_talk_at_all(greeting: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()

    fault, begun = await fault_with(talk)
    assert isinstance(fault, PutOffError) and (fault.for_all, begun) == (True, 0)


async def test_a_server_that_says_nothing_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.05)
    fault, begun = await fault_with(lambda reader, writer: reader.read())
    assert isinstance(fault, PutOffError) and (fault.word, fault.for_all, begun) == ("timeout", True, 0)


# --- from here on it counts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer,kind,word",
    [
        ("451 4.3.0 disk full", PutOffError, "smtp-451"),
        ("421 4.3.0 going down", PutOffError, "smtp-421"),
        ("552 5.3.4 too large", RefusedError, "smtp-552"),
        ("554 5.7.1 this looks like spam", RefusedError, "smtp-554"),
    ],
)
async def test_content_that_is_refused_was_begun_and_is_known_not_to_be_taken(answer: str, kind: type[NotSentError], word: str) -> None:
    async with mail_server(**OPEN) as server:
        server.says = says("DATA", answer)
        fault, begun = await fault_of(mail_of(server))
    assert (type(fault), fault.word, fault.text, begun) == (kind, word, answer, 1)


async def test_a_server_that_dies_after_the_content_leaves_it_unclear() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await up_to_content(reader, writer)
        writer.transport.abort()

    fault, begun = await fault_with(talk)
    assert (type(fault), fault.word, begun) == (UnclearError, "cut", 1)


async def test_a_server_that_goes_before_the_first_byte_has_nothing() -> None:
    has_gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not has_gone.is_set():
            await up_to_go_ahead(reader, writer)
            await writer.drain()
        writer.close()
        has_gone.set()

    async def begin() -> None:
        await has_gone.wait()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.read()  # the end of the connection before this one was heard of before that of this one
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = Mail(host="127.0.0.1", port=port, security="none", sender="a@example.com", to=("b@example.com",))
    async with server:
        with pytest.raises(PutOffError) as raised:
            await MailChannel(settings).deliver(claim_of(parcel(), "mail"), begin)
    assert (raised.value.word, raised.value.for_all) == ("unreachable", True)


@pytest.mark.parametrize("last", [b"garbage\r\n", b"354 more\r\n", b"099 what\r\n"])
async def test_an_answer_that_is_none_leaves_it_unclear(last: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await up_to_content(reader, writer)
        writer.write(last)
        await reader.read()

    fault, begun = await fault_with(talk)
    assert (type(fault), begun) == (UnclearError, 1)


async def test_an_answer_that_never_comes_leaves_it_unclear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TAKEN_SECONDS", 0.05)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await up_to_content(reader, writer)
        await reader.read()

    fault, begun = await fault_with(talk)
    assert (type(fault), fault.word, begun) == (UnclearError, "timeout", 1)


async def test_a_begin_that_may_not_be_hands_nothing_over() -> None:
    async def too_late() -> None:
        raise PutOffError("too-late")

    async with mail_server(**OPEN) as server:
        with pytest.raises(PutOffError):
            await MailChannel(mail_of(server)).deliver(claim_of(parcel(), "mail"), too_late)
        assert server.mails == []
