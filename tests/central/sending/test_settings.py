"""[mail], [webhook] and [csv] of central.toml: what is set up, what is warned about, and every fault at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from poller.central.config import load
from poller.central.sending.post import channels_of
from poller.central.sending.ways import ways_of
from poller.errors import ConfigError
from tests.fake_clock import FakeClock

WHOLE = """
[mail]
host = "mail.example.com"
user = "toner@example.com"
password_file = "password"
from = "toner@example.com"
to = ["warehouse@example.com", "order+toner@example.com", "warehouse@example.com"]
language = "de"
ca_file = "ca.pem"
[webhook]
url = "https://shop.example.com:8443/hooks/toner?shop=7&x=%20"
secret = "0123456789abcdef"
[csv]
folder = "orders"
"""


def read(folder: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    """Return the faults of a configuration, [] for none."""
    path = folder / "central.toml"
    path.write_text(text)
    try:
        load(path, environ or {})
    except ConfigError as error:
        return list(error.faults)
    return []


def warnings(folder: Path, text: str) -> tuple[str, ...]:
    assert read(folder, text) == []
    return load(folder / "central.toml", {}).warnings


def test_without_any_nothing_is_set_up(tmp_path: Path, clock: FakeClock) -> None:
    config = load(None, {})
    assert (config.mail, config.webhook, config.csv_folder, channels_of(config), ways_of(config, clock)) == (None, None, None, (), {})


def test_all_three_with_secrets_from_files(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hush hush\n")
    (tmp_path / "password").chmod(0o600)
    assert read(tmp_path, WHOLE) == []
    config = load(tmp_path / "central.toml", {})
    assert config.mail is not None and config.webhook is not None
    mail, hook = config.mail, config.webhook
    assert (mail.host, mail.port, mail.security, mail.user, mail.language) == (
        "mail.example.com",
        587,
        "starttls",
        "toner@example.com",
        "de",
    )
    assert (mail.sender, mail.to) == ("toner@example.com", ("warehouse@example.com", "order+toner@example.com"))
    assert mail.password is not None and mail.password.reveal() == "hush hush"
    assert (mail.ca_file, config.csv_folder) == (tmp_path / "ca.pem", tmp_path / "orders")
    assert (hook.url, hook.secret.reveal()) == ("https://shop.example.com:8443/hooks/toner?shop=7&x=%20", "0123456789abcdef")
    assert (channels_of(config), config.warnings) == (("mail", "webhook", "csv"), ())
    assert "hush" not in str(config) + str(config.redacted()) and "0123456789abcdef" not in str(config) + str(config.redacted())


def test_variables_say_the_same(tmp_path: Path) -> None:
    config = load(
        None,
        {
            "POLLERCENTRAL_MAIL_HOST": "::1",
            "POLLERCENTRAL_MAIL_SECURITY": "none",
            "POLLERCENTRAL_MAIL_FROM": "a@example.com",
            "POLLERCENTRAL_MAIL_TO": "b@example.com, c@example.com",
        },
    )
    assert config.mail is not None
    assert (config.mail.host, config.mail.port, config.mail.to, config.warnings) == ("::1", 25, ("b@example.com", "c@example.com"), ())


@pytest.mark.parametrize("security,port", [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_follows_the_security(tmp_path: Path, security: str, port: int) -> None:
    text = f'[mail]\nhost = "localhost"\nfrom = "a@b.example"\nto = ["c@d.example"]\nsecurity = "{security}"\n'
    assert read(tmp_path, text) == []
    config = load(tmp_path / "central.toml", {})
    assert config.mail is not None and config.mail.port == port


@pytest.mark.parametrize(
    "text,faults",
    [
        ('[mail]\nhost = "h"', ["mail.from: missing", "mail.to: missing"]),
        ('[mail]\nto = ["a@b.example"]', ["mail.host: missing", "mail.from: missing"]),
        ('[mail]\nhost = "h"\nfrom = "a@b.example"\nto = ["a@b.example"]\nuser = "u"', ["mail.password_file: missing"]),
        ('[mail]\nhost = "h"\nfrom = "a@b.example"\nto = ["a@b.example"]\npassword = "hush"', ["mail.user: missing"]),
        (
            '[mail]\nhost = "h:25"\nfrom = "A <a@b.example>"\nto = []\nsecurity = "ssl"',
            ["mail.host", "mail.from", "mail.to", "mail.security"],
        ),
        ('[webhook]\nurl = "https://h/"', ["webhook.secret_file: missing"]),
        ('[webhook]\nsecret = "0123456789abcdef"', ["webhook.url: missing"]),
        ('[webhook]\nurl = "https://h/"\nsecret = "hush"', ["webhook.secret: want a text of 16 to 255 bytes"]),
        ('[csv]\nfolders = "x"', ["did you mean 'folder'?"]),
    ],
)
def test_every_fault_is_told_with_its_place(tmp_path: Path, text: str, faults: list[str]) -> None:
    found = read(tmp_path, text)
    assert len(found) == len(faults), found
    for fault, part in zip(sorted(found), sorted(faults), strict=True):
        assert part in fault
    assert "hush" not in str(found)


@pytest.mark.parametrize(
    "address,is_one",
    [
        ("a@example.com", True),
        ("a.b+c@xn--mller-kva.example", True),
        ("größe@müller.example", True),
        ("a@localhost", True),
        ("", False),
        ("a", False),
        ("a@", False),
        ("@example.com", False),
        ("a b@example.com", False),
        ("a@example.com, b@example.com", False),
        ("A <a@example.com>", False),
        ("a@example.com\r\nBcc: b@example.com", False),
        ("a\u202eb@example.com", False),
        ("a..b@example.com", False),
        ("a@-example.com", False),
        ("a@example..com", False),
        ("a" * 250 + "@example.com", False),
    ],
)
def test_an_address_is_one_bare_address(tmp_path: Path, address: str, is_one: bool) -> None:
    environ = {"POLLERCENTRAL_MAIL_HOST": "localhost", "POLLERCENTRAL_MAIL_TO": "b@example.com", "POLLERCENTRAL_MAIL_FROM": address or " "}
    assert (read(tmp_path, "", environ) == []) is is_one


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/",
        "https://user:hush@h/",
        "https://h:0/",
        "https://h:99999/",
        "https://h/#hush",
        "https://h/a b",
        "https://h/\u00fc",
        "https://",
        "https://h/" + "x" * 1000,
    ],
)
def test_an_address_of_a_webhook_that_is_none_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    (found,) = read(tmp_path, f'[webhook]\nurl = "{url}"\nsecret = "0123456789abcdef"')
    assert "webhook.url: want an address such as" in found and "hush" not in found


@pytest.mark.parametrize(
    "host,user,warned",
    [
        ("localhost", "", None),
        ("127.0.0.5", "", None),
        ("mail.example.com", "", "mails go to"),
        ("192.0.2.1", "u", "mails, and the password, go to"),
    ],
)
def test_mail_in_clear_is_warned_about_unless_it_stays_here(tmp_path: Path, host: str, user: str, warned: str | None) -> None:
    login = f'user = "{user}"\npassword = "hush"\n' if user else ""
    text = f'[mail]\nhost = "{host}"\nsecurity = "none"\nfrom = "a@b.example"\nto = ["c@d.example"]\n{login}'
    found = [one for one in warnings(tmp_path, text) if "mail.security" in one]
    assert len(found) == (warned is not None) and all(warned is not None and warned in one for one in found)


@pytest.mark.parametrize("url,is_warned", [("http://127.0.0.1:80/", False), ("http://[::1]/x", False), ("http://shop.example.com/", True)])
def test_a_webhook_in_clear_is_warned_about_unless_it_stays_here(tmp_path: Path, url: str, is_warned: bool) -> None:
    found = [one for one in warnings(tmp_path, f'[webhook]\nurl = "{url}"\nsecret = "0123456789abcdef"\n') if "webhook.url" in one]
    assert len(found) == is_warned
