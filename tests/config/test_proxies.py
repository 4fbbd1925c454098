"""Which proxy a connection takes, told by settings and by the environment as other programs read it."""

from __future__ import annotations

import pytest

from poller.config import load
from poller.config.proxies import Proxies, Proxy, parse_proxy, proxies_of_environment
from poller.errors import ConfigError
from poller.model import Secret


@pytest.mark.parametrize(
    "text, url",
    [
        ("http://proxy:3128", "http://proxy:3128"),
        ("proxy:3128", "http://proxy:3128"),
        ("http://proxy", "http://proxy:80"),
        ("http://proxy.example.com:8080/", "http://proxy.example.com:8080"),
        ("http://10.0.0.1:8080", "http://10.0.0.1:8080"),
        ("http://[fd00::1]:8080", "http://[fd00::1]:8080"),
    ],
)
def test_a_proxy_is_read(text: str, url: str) -> None:
    assert parse_proxy(text) == Proxy(url)


def test_user_and_password_of_a_url_are_decoded_and_hidden() -> None:
    proxy = parse_proxy("http://us%40er:p%3Aass@proxy:3128")
    assert proxy == Proxy("http://proxy:3128", "us@er", Secret("p:ass"))
    assert "p:ass" not in repr(proxy)


@pytest.mark.parametrize(
    "text",
    [
        *("https://u:invented@proxy", "socks5://u:invented@proxy", "http://u:invented@proxy:x", "http://u:invented@pro xy"),
        *("http://u:invented@proxy..example.com", f"http://u:invented@{'a' * 64}:3128", "http://u:invented@.:3128"),
        *("http://u:invented@proxy/path", ""),
    ],
)
def test_what_is_no_proxy_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="want a proxy as http://host:port") as raised:
        parse_proxy(text)
    assert "invented" not in str(raised.value)
    assert raised.value.__cause__ is None


ONE, TWO = Proxy("http://one:80"), Proxy("http://two:80")


@pytest.mark.parametrize(
    "environ, address, proxy",
    [
        ({}, "http://central", None),
        ({"HTTP_PROXY": "one"}, "http://central", ONE),
        ({"HTTP_PROXY": "one"}, "https://central", None),
        ({"HTTPS_PROXY": "one"}, "https://central", ONE),
        ({"https_proxy": "one", "HTTPS_PROXY": "two"}, "https://central", ONE),
        ({"https_proxy": "", "HTTPS_PROXY": "two"}, "https://central", TWO),
        ({"HTTP_PROXY": "one", "NO_PROXY": "*"}, "http://central", None),
        ({"HTTP_PROXY": "one", "NO_PROXY": "example.com"}, "http://central.example.com", None),
        ({"HTTP_PROXY": "one", "NO_PROXY": ".example.com"}, "http://central.example.com", None),
        ({"HTTP_PROXY": "one", "no_proxy": "*.Example.com"}, "http://central.EXAMPLE.com", None),
        ({"HTTP_PROXY": "one", "NO_PROXY": "ample.com"}, "http://central.example.com", ONE),
        ({"HTTP_PROXY": "one", "NO_PROXY": "x, central:80"}, "http://central", None),
        ({"HTTP_PROXY": "one", "NO_PROXY": "central:81"}, "http://central", ONE),
        ({"HTTP_PROXY": "one", "NO_PROXY": "10.0.0.0/8"}, "http://10.1.2.3:8080", None),
        ({"HTTP_PROXY": "one", "NO_PROXY": "10.0.0.0/8"}, "http://11.1.2.3", ONE),
        ({"HTTP_PROXY": "one", "NO_PROXY": "fd00::/8"}, "http://[fd00::7]", None),
        ({"HTTP_PROXY": "one", "NO_PROXY": "fd00::7"}, "http://[fd00::7]", None),
        ({"HTTP_PROXY": "one", "NO_PROXY": ",,"}, "http://central", ONE),
        ({"HTTP_PROXY": "one"}, "http://localhost:8080", None),
        ({"HTTP_PROXY": "one"}, "http://127.0.0.1:8080", None),
        ({"HTTP_PROXY": "one"}, "http://[::1]:8080", None),
    ],
)
def test_the_environment_is_read_as_others_read_it(environ: dict[str, str], address: str, proxy: Proxy | None) -> None:
    proxies, complaints = proxies_of_environment(environ)
    assert (proxies.choose(address), complaints) == (proxy, [])


def test_a_configured_one_goes_before_the_environment_and_none_before_all() -> None:
    assert Proxies(configured=ONE, http=TWO, not_for=("*",)).choose("http://central") == ONE
    assert Proxies(is_none=True, http=TWO).choose("http://central") is None
    config = load(None, {"POLLER_CENTRAL_PROXY": "none", "HTTP_PROXY": "two"})
    assert config.central.proxies.choose("http://central") is None


def test_one_of_the_environment_that_cannot_be_used_is_a_warning_without_its_password() -> None:
    config = load(None, {"HTTPS_PROXY": "https://u:invented@proxy"})
    (warning,) = [one for one in config.warnings if "HTTPS_PROXY" in one]
    assert "only plain HTTP is spoken to a proxy" in warning
    assert "invented" not in warning


def test_user_and_password_are_settings_of_their_own() -> None:
    config = load(
        None, {"POLLER_CENTRAL_PROXY": "http://proxy:3128", "POLLER_CENTRAL_PROXY_USER": "me", "POLLER_CENTRAL_PROXY_PASSWORD": "invented"}
    )
    assert config.central.proxies.configured == Proxy("http://proxy:3128", "me", Secret("invented"))
    assert "invented" not in str(config.redacted())
    assert config.redacted()["central.proxy"]["value"] == "http://proxy:3128"


@pytest.mark.parametrize(
    "environ, fault",
    [
        ({"PROXY": "http://me:invented@proxy:3128"}, "user and password are settings of their own"),
        ({"PROXY": "https://proxy"}, "only plain HTTP is spoken to a proxy"),
        ({"PROXY_USER": "me"}, "POLLER_CENTRAL_PROXY: missing"),
        ({"PROXY": "proxy:1", "PROXY_PASSWORD": "invented"}, "POLLER_CENTRAL_PROXY_USER: missing"),
        ({"PROXY": "proxy:1", "PROXY_USER": "m:e"}, "has no colon"),
    ],
)
def test_a_proxy_that_cannot_be_meant_is_a_fault(environ: dict[str, str], fault: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(None, {f"POLLER_CENTRAL_{name}": value for name, value in environ.items()})
    assert fault in str(raised.value)
    assert "invented" not in str(raised.value)
