"""What an operator may write as a network."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.networks import HostName, Interval, address_number, address_text, merge, parse, subtract


def interval(first: str, last: str | None = None) -> Interval:
    start, end = ip_address(first), ip_address(last or first)
    return Interval(4 if start.version == 4 else 6, int(start), int(end))


READ = {
    "10.1.0.0/24": interval("10.1.0.0", "10.1.0.255"),
    "127.10.0.0/16": interval("127.10.0.0", "127.10.255.255"),
    "10.0.0.0/8": interval("10.0.0.0", "10.255.255.255"),
    "10.0.0.7/32": interval("10.0.0.7"),
    "10.0.0.6/31": interval("10.0.0.6", "10.0.0.7"),
    "10.0.0.7": interval("10.0.0.7"),
    "  10.0.0.7\n": interval("10.0.0.7"),
    "10.0.0.5-10.0.0.20": interval("10.0.0.5", "10.0.0.20"),
    "10.0.0.5 - 10.0.0.20": interval("10.0.0.5", "10.0.0.20"),
    "10.0.0.5-20": interval("10.0.0.5", "10.0.0.20"),
    "10.0.0.250-10.0.1.3": interval("10.0.0.250", "10.0.1.3"),
    "fd00::/120": interval("fd00::", "fd00::ff"),
    "fd00::/112": interval("fd00::", "fd00::ffff"),
    "FD00::1": interval("fd00::1"),
    "fd00::1-fd00::20": interval("fd00::1", "fd00::20"),
    "printer-7.example.com": HostName("printer-7.example.com"),
    "Printer.Example.COM.": HostName("printer.example.com"),
    "10-0-0-5.example.com": HostName("10-0-0-5.example.com"),
    "printer": HostName("printer"),
    "3com": HostName("3com"),
}


@pytest.mark.parametrize("text", READ)
def test_a_network_an_address_a_range_and_a_name_are_read(text: str) -> None:
    assert parse(text) == READ[text]


REFUSED = {
    "": "empty",
    "10.0.0.9-10.0.0.3": "first address is after the last; did you mean 10.0.0.3-10.0.0.9?",
    "10.0.0.9-3": "first address is after the last; did you mean 10.0.0.3-9?",
    "10.1.2.3/24": "10.1.2.3/24 has host bits set; did you mean 10.1.2.0/24?",
    "10.1.2.0/33": "the prefix length is not in 0..32",
    "10.1.2.0/-1": "the prefix length is not in 0..32",
    "10.1.2.0/": "the prefix length is not in 0..32",
    "fd00::/129": "the prefix length is not in 0..128",
    "/24": "no address before the slash",
    "10.1.2.0/255.255.255.0": "did you mean 10.1.2.0/24?",
    "10.1.2.0/255.0.255.0": "want the mask as a number of bits",
    "10.1.2.256": "octet 256 is above 255",
    "10.0.0.5-10.0.0.300": "octet 300 is above 255",
    "10.0.0.5-300": "the last octet 300 is above 255",
    "10.1.2": "four octets, this has 3",
    "12345": "four octets, this has 1",
    "0x7f.1": "not an address",
    "10.0.0.05": "did you mean 10.0.0.5?",
    "10.0.0.*": "did you mean 10.0.0.0/24?",
    "10.0.0.5-": "a range needs a first and a last address",
    "10.0.0.5-fd00::1": "one end is IPv4, the other IPv6",
    "10.0.0.5-printer": "not an address",
    "10.0.0.1, 10.0.0.2": "per entry",
    "10.0.0.1 10.0.0.2": "per entry",
    "10.0.0.5:161": "the port is a setting of its own",
    "[fd00::1]:161": "the port is a setting of its own",
    "fd00::/64": "cannot be swept",
    "fd00::1-fd01::": "cannot be swept",
    "fd00:::1": "not an IPv6 address",
    "fe80::1%eth0": "need an interface",
    "fe80::1": "need an interface",
    "::ffff:10.0.0.1": "did you mean 10.0.0.1?",
    "0.0.0.0": "this network",
    "0.0.0.0/0": "this network",
    "224.0.0.1": "multicast",
    "200.0.0.0-240.0.0.0": "multicast",
    "255.255.255.255": "broadcast",
    "::": "unspecified",
    "ff02::1": "multicast",
    "a_b.example": "'a_b' is not letters, digits and inner hyphens",
    "-a.example": "'-a' is not letters",
    "a..example": "'' is not letters",
    "x" * 64: "longer than 63",
    "drücker.example": "did you mean xn--drcker-4ya.example?",
    "example.com/24": "example.com: not an address",
    "٣.1.2.3": "not an address",
    "9" * 5000: "longer than any address",
}


@pytest.mark.parametrize("text", REFUSED)
def test_anything_else_is_refused_with_a_reason_and_a_way_out(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as refusal:
        parse(text)
    assert REFUSED[text] in str(refusal.value)
    assert len(str(refusal.value)) < 600


@given(st.text(max_size=40) | st.text("0123456789.-/:*af%[] ", max_size=40))
def test_any_text_is_read_or_a_value_error(text: str) -> None:
    try:
        found = parse(text)
    except ValueError:
        return
    assert parse(str(found)) == found


@pytest.mark.parametrize("text", ["10.1.0.0/24", "10.0.0.7", "10.0.0.5-10.0.0.20", "fd00::/120", "printer.example.com"])
def test_an_interval_is_written_as_it_is_read(text: str) -> None:
    assert str(parse(text)) == text


def test_every_address_of_a_network_is_meant_the_first_and_the_last_too() -> None:
    network = parse("127.10.0.0/16")
    assert isinstance(network, Interval)
    assert network.size == 65536


def test_merging_joins_what_overlaps_or_touches_and_keeps_versions_apart() -> None:
    mixed = [
        interval("10.0.0.128", "10.0.0.255"),
        interval("::5"),
        interval("10.0.0.0", "10.0.0.127"),
        interval("10.0.0.9"),
        interval("10.0.2.0"),
    ]
    assert merge(mixed) == (interval("10.0.0.0", "10.0.0.255"), interval("10.0.2.0"), interval("::5"))


small = st.builds(
    lambda version, first, size: Interval(version, first, first + size), st.sampled_from([4, 6]), st.integers(1, 60), st.integers(0, 12)
)


def numbers(intervals: list[Interval] | tuple[Interval, ...]) -> list[tuple[int, int]]:
    return [(version, number) for version, first, last in intervals for number in range(first, last + 1)]


@given(st.lists(small, max_size=8), st.lists(small, max_size=8))
def test_subtracting_leaves_what_is_not_excluded_each_address_once(intervals: list[Interval], excluded: list[Interval]) -> None:
    left = subtract(intervals, excluded)
    assert numbers(left) == sorted(set(numbers(intervals)) - set(numbers(excluded)))
    assert merge(left) == left


@pytest.mark.parametrize("text", ["0.0.0.1", "10.1.2.3", "255.255.255.254", "fd00::1", "2001:db8::ff00:42:8329"])
def test_an_address_is_a_number_and_back(text: str) -> None:
    assert address_text(*address_number(text)) == text


@pytest.mark.parametrize("text", ["", "1.2.3", "fe80::1::2", "::ffff:1.2.3.4", "a.b.c.d"])
def test_what_is_no_address_has_no_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        address_number(text)
