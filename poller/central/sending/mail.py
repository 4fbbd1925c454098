"""The channel `mail`: one mail for each parcel, to the dealer's own server by SMTP (RFC 5321), with STARTTLS or TLS and AUTH.

A mail cannot be repeated like a webhook: who gets two orders packs two parcels. So the moment from which it may have been taken is written
down first (`begin`), when the server has agreed to everything but the content; before it every failure is harmless, after it only the
server's own answer counts. An answer that never came leaves the message unclear, for a person.

A mail is always the same, byte by byte: Message-ID, date and boundary come from the parcel. Sent again by a person, it is the same mail.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256

import aiosmtplib
from aiosmtplib import SMTP, SMTPException, SMTPResponseException, SMTPServerDisconnected, SMTPTimeoutError

from poller.central.sending import letter
from poller.central.sending.faults import PutOffError, RefusedError, UnclearError
from poller.central.sending.names import connect, reason_of, tls_of
from poller.central.sending.post import read_parcel
from poller.central.sending.sender import Begin
from poller.central.sending.sheet import file_name, sheet
from poller.central.sending.texts import clean_answer
from poller.central.store.messages import Claim
from poller.central.supplies.parcels import Parcel
from poller.central.supplies.words import language_of
from poller.central.values import Mail

CONNECT_SECONDS, ANSWER_SECONDS, TAKEN_SECONDS = 30.0, 60.0, 600.0
"""For the connection, for an answer, and for the last one: RFC 5321 section 4.5.3.2.6 wants ten minutes, lest mails are sent twice."""
_QUIT_SECONDS = 5.0
PATIENT_TRIES = 5
"""So often a recipient who is refused for now is waited for; after that the mail goes to the others."""
_GO_AHEAD = 354
_CLOSING = 421
_LINE_ENDS = re.compile(rb"\r\n|\r|\n")
_FULL_STOPS = re.compile(rb"(?m)^\.")


class MailChannel:
    """The dealer's server. Raises HostError when the certificates of `ca_file` cannot be read."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail
        self._tls = None if mail.security == "none" else tls_of(mail.ca_file, "mail.ca_file")

    async def deliver(self, claim: Claim, begin: Begin) -> str:
        """Send the mail of a parcel; return what the server said to it. Raises PutOffError, RefusedError, UnclearError."""
        parcel = read_parcel(claim.body)
        content = compose(parcel, self._mail)
        async with self._connected() as smtp:
            with self._told_apart():
                left_out = await self._address(smtp, is_patient=claim.tries < PATIENT_TRIES)
                answer = await smtp.execute_command(b"DATA")
                if answer.code != _GO_AHEAD:
                    raise SMTPResponseException(answer.code, answer.message)
            try:
                await begin()
            except BaseException:
                smtp.close()  # without a word: the server waits for content, and would take a farewell for it
                raise
            return " ".join(filter(None, (await self._hand_over(smtp, content), left_out)))

    # --- before it counts ---------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[SMTP]:
        """A session that is encrypted and logged in, as far as the configuration wants it."""
        mail = self._mail
        with self._told_apart():
            link = await connect(mail.host, mail.port, seconds=CONNECT_SECONDS)
            smtp = SMTP(
                hostname=mail.host,
                sock=link,
                local_hostname=_own_name(link),
                timeout=ANSWER_SECONDS,
                use_tls=mail.security == "tls",
                start_tls=False,
                tls_context=self._tls,
            )
            try:
                await smtp.connect()
            except BaseException:
                link.close()
                raise
        try:
            with self._told_apart():
                if mail.security == "starttls":
                    await self._encrypt(smtp)
                if mail.user is not None and mail.password is not None:
                    await self._log_in(smtp, mail.user, mail.password.reveal())
            yield smtp
        finally:
            await _leave(smtp)

    async def _encrypt(self, smtp: SMTP) -> None:
        await smtp.ehlo()
        if not smtp.supports_extension("starttls"):
            raise PutOffError("starttls", "the server does not offer STARTTLS", for_all=True, is_slow=True)
        await smtp.starttls()

    async def _log_in(self, smtp: SMTP, user: str, password: str) -> None:
        await smtp.ehlo()
        if not smtp.supported_auth_methods:
            raise PutOffError("auth", "the server offers no AUTH that is known here", for_all=True, is_slow=True)
        try:
            await smtp.login(user, password)
        except aiosmtplib.SMTPAuthenticationError as error:
            raise PutOffError("auth", self._said(error.code, error.message), for_all=True, is_slow=_is_final(error.code)) from None

    async def _address(self, smtp: SMTP, *, is_patient: bool) -> str:
        """Name sender and recipients; return what was said to those who are left out. Nobody has anything yet."""
        mail = self._mail
        if smtp.is_ehlo_or_helo_needed:
            await smtp.ehlo()
        encoding, options = "ascii", []
        if not _are_ascii(mail):
            if not smtp.supports_extension("smtputf8"):
                text = "the server lacks SMTPUTF8 (RFC 6531): write the domain as xn--…, and no letters outside ASCII before the @"
                raise PutOffError("smtputf8", text, for_all=True, is_slow=True)
            encoding, options = "utf-8", ["SMTPUTF8", "BODY=8BITMIME"]
        try:
            await smtp.mail(mail.sender, options=options, encoding=encoding)
        except aiosmtplib.SMTPSenderRefused as error:
            said = self._said(error.code, error.message)
            raise PutOffError("sender", said, for_all=True, is_slow=_is_final(error.code)) from None
        refused: list[SMTPResponseException] = []
        for recipient in mail.to:
            try:
                await smtp.rcpt(recipient, encoding=encoding)
            except aiosmtplib.SMTPRecipientRefused as error:
                refused.append(error)
        said = " ".join(self._said(one.code, one.message) for one in refused)
        for_now = [one for one in refused if not _is_final(one.code)]
        if for_now and (is_patient or len(refused) == len(mail.to)):
            raise PutOffError(f"smtp-{for_now[0].code}", said)
        if len(refused) == len(mail.to):
            raise RefusedError(f"smtp-{refused[0].code}", said)
        return said

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        """Turn what can go wrong before the content into PutOffError and RefusedError."""
        try:
            yield
        except SMTPResponseException as error:
            word, said = _word(error.code), self._said(error.code, error.message)
            if _is_final(error.code) and not isinstance(error, aiosmtplib.SMTPConnectResponseError | aiosmtplib.SMTPHeloError):
                raise RefusedError(word, said) from None
            raise PutOffError(word, said, for_all=True) from None
        except (TimeoutError, SMTPTimeoutError):
            raise PutOffError("timeout", for_all=True) from None
        except (OSError, UnicodeError, SMTPException) as error:
            if (refused := _tls_error(error)) is not None:
                raise PutOffError("tls", clean_answer(_reason(refused)), for_all=True, is_slow=True) from None
            raise PutOffError("unreachable", clean_answer(_reason(error)), for_all=True) from None

    # --- from here on it counts ---------------------------------------------------------------------------------------------

    async def _hand_over(self, smtp: SMTP, content: bytes) -> str:
        """Send the content; return what the server said to it."""
        protocol = smtp.protocol
        try:
            if protocol is None:
                raise SMTPServerDisconnected("Connection lost")
            protocol.write(_stuffed(content))
        except SMTPServerDisconnected as error:  # the server went meanwhile, and nothing was written
            raise PutOffError("unreachable", clean_answer(_reason(error)), for_all=True) from None
        try:
            answer = await protocol.read_response(timeout=TAKEN_SECONDS)
        except (SMTPTimeoutError, TimeoutError):
            smtp.close()
            raise UnclearError("timeout") from None
        except (SMTPException, OSError) as error:
            smtp.close()
            raise UnclearError("cut", clean_answer(_reason(error))) from None
        said = self._said(answer.code, answer.message)
        if 200 <= answer.code < 300:  # the first digit is what counts: RFC 5321 section 4.2.1
            return said
        if 400 <= answer.code < 500:
            raise PutOffError(f"smtp-{answer.code}", said, for_all=answer.code == _CLOSING)
        if _is_final(answer.code):
            raise RefusedError(f"smtp-{answer.code}", said)
        smtp.close()  # whatever this server speaks, it would not understand a farewell
        raise UnclearError(_word(answer.code), said)

    def _said(self, code: int, text: str) -> str:
        """Return the server's words without ours: one that repeats the password it got is heard of."""
        password = "" if self._mail.password is None else self._mail.password.reveal()
        told = f"\0{self._mail.user}\0{password}"
        return clean_answer(f"{code} {text}", *(_base64(told), _base64(password), password) if password else ())


# --- the mail itself -------------------------------------------------------------------------------------------------------


def compose(parcel: Parcel, mail: Mail) -> bytes:
    """Return the mail of a parcel as it goes out, lines ended by CR LF."""
    language = mail.language or language_of(parcel.language)
    told = EmailMessage(policy=policy.SMTP if _are_ascii(mail) else policy.SMTPUTF8)
    told["From"] = mail.sender
    told["To"] = ", ".join(mail.to)
    told["Subject"] = letter.subject(parcel, language)
    told["Date"] = format_datetime(parcel.made_at)
    told["Message-ID"] = message_id(parcel, mail)
    told["Auto-Submitted"] = "auto-generated"  # RFC 3834: no "I am on holiday" back
    told.set_content(letter.text(parcel, language), charset="utf-8", cte="quoted-printable")
    told.add_attachment(sheet(parcel), maintype="text", subtype="csv", filename=file_name(parcel), params={"charset": "utf-8"})
    told["Content-Language"] = language
    told.set_boundary(f"=_{_digits(parcel)}")
    return told.as_bytes()


def message_id(parcel: Parcel, mail: Mail) -> str:
    """Return the same for the same parcel, always: who gets the mail twice can know it."""
    domain = mail.sender.rpartition("@")[2]
    return f"<{parcel.id}.{_digits(parcel)}@{domain if domain.isascii() else 'poller.invalid'}>"


def _digits(parcel: Parcel) -> str:
    return sha256(f"{parcel.account}\0{parcel.id}\0mail".encode()).hexdigest()[:32]


def _stuffed(content: bytes) -> bytes:
    """Return the content as it goes over the wire, with its end: RFC 5321 section 4.5.2."""
    lines = _LINE_ENDS.sub(b"\r\n", content)
    return _FULL_STOPS.sub(b"..", lines) + (b"" if lines.endswith(b"\r\n") else b"\r\n") + b".\r\n"


# --- small things ----------------------------------------------------------------------------------------------------------


async def _leave(smtp: SMTP) -> None:
    """End the session; what became of the mail is known by now, whatever happens here."""
    try:
        async with asyncio.timeout(_QUIT_SECONDS):
            await smtp.quit()
    except (SMTPException, OSError, TimeoutError):
        pass
    finally:
        smtp.close()


def _own_name(link: socket.socket) -> str:
    """Return how we present ourselves: our full name if this host has one, else its address (RFC 5321 section 4.1.4)."""
    name = socket.gethostname()
    if "." in name and re.fullmatch(r"[A-Za-z0-9.-]{1,253}", name):
        return name
    address = str(link.getsockname()[0]).partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _are_ascii(mail: Mail) -> bool:
    return all(address.isascii() for address in (mail.sender, *mail.to))


def _word(code: int) -> str:
    """Return what an answer is counted under; the library has -1 for what is no answer."""
    return f"smtp-{code}" if 200 <= code < 600 else "garbled"


def _is_final(code: int) -> bool:
    return 500 <= code < 600


def _tls_error(error: BaseException) -> ssl.SSLError | None:
    """Return the TLS error that *error* is, or comes from."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, ssl.SSLError):
            return inner
        inner = inner.__cause__
    return None


def _reason(error: BaseException) -> str:
    """Return what is wrong: the system's words where it has any, else the library's."""
    while isinstance(error, SMTPException) and error.__cause__ is not None:
        error = error.__cause__
    return error.message if isinstance(error, SMTPException) else reason_of(error)


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
