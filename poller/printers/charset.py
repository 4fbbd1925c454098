"""Octets of a device into text a person can read.

RFC 3805 lets a device speak any character set: prtLocalizationCharacterSet names it by its IANA MIBenum. Devices then send something
else, cut a character in half, fill up with NULs, put HP's two octets of symbol set in front, or send control characters. What comes out
of here is printable text on one line, or None; no octets make it raise.
"""

from __future__ import annotations

from functools import lru_cache

OCTETS_MAX = 1023
"""prtAlertDescription and friends are at most 255 octets; IEEE 1284 ids are the longest texts read, sysDescr is within 255."""

UTF_8 = 106

_CODECS = {
    3: "latin-1",  # us-ascii, whose eighth bit devices use all the same
    **{3 + part: f"iso8859-{part}" for part in range(1, 11)},
    17: "cp932", 18: "euc_jp", 36: "cp949", 37: "iso2022_kr", 38: "cp949", 39: "iso2022_jp", 57: "gb18030", UTF_8: "utf-8",
    109: "iso8859-13", 110: "iso8859-14", 111: "iso8859-15", 112: "iso8859-16", 113: "gb18030", 114: "gb18030",
    1000: "utf-16-be", 1013: "utf-16-be", 1014: "utf-16-le", 1015: "utf-16-be",
    2004: "hp-roman8", 2009: "cp850", 2010: "cp852", 2011: "cp437", 2013: "cp862", 2024: "cp932", 2025: "gb18030", 2026: "cp950",
    2027: "mac-roman", 2046: "cp855", 2047: "cp857", 2084: "koi8-r", 2086: "cp866", 2087: "cp775", 2088: "koi8-u", 2089: "cp858",
    2109: "cp874",
    **{2250 + part: f"cp{1250 + part}" for part in range(9)},
    2259: "cp874",
}  # fmt: skip
"""By IANA MIBenum; where a vendor's set contains the standard's one, the bigger."""

_WIDE = {"utf-16-be", "utf-16-le"}
_MULTI_BYTE = _WIDE | {"cp932", "euc_jp", "cp949", "iso2022_kr", "iso2022_jp", "gb18030", "cp950"}

_HP_SYMBOL_SETS = {
    b"\x01\x15": "hp-roman8", b"\x00\x0e": "latin-1", b"\x00\x15": "latin-1", b"\x01\x35": "cp1252", b"\x01\x55": "cp437",
    b"\x02\x75": "cp1252", b"\x02\x4e": "utf-8",
}  # fmt: skip
"""PCL symbol set (32 * number + letter - 64) in front of texts of HP's firmware: 8U, 0N, 0U, 9U, 10U, 19U, 18N."""


@lru_cache(maxsize=8192)
def read_text(octets: bytes, charset: int | None = None) -> str | None:
    """Return *octets* as printable text on one line, runs of blanks as one; None when nothing is left.

    *charset* is the MIBenum the device names, if any. Ends at the first NUL, as the C program that sent it meant.
    """
    octets = octets[:OCTETS_MAX]
    codec = _CODECS.get(charset, "") if charset is not None else ""
    if octets[:2] in _HP_SYMBOL_SETS:
        codec, octets = _HP_SYMBOL_SETS[octets[:2]], octets[2:]
    if not octets.strip(b"\xff"):  # how some firmware says "not set"
        return None
    text = _decode(octets, codec).lstrip("\x00").partition("\x00")[0]
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split()) or None


def _decode(octets: bytes, codec: str) -> str:
    """Try what is most probable first; Latin-1 takes any octets, so it is the end of every chain.

    UTF-8 comes before a single-byte set the device names: text of such a set is hardly ever valid UTF-8, while UTF-8 sent under a wrong
    name is common. Plain ASCII is itself in every set, unless it is half of UTF-16.
    """
    if octets.isascii() and not (codec in _WIDE and b"\x00" in octets):
        return octets.decode("ascii")
    for candidate in (codec, "utf-8") if codec in _MULTI_BYTE else ("utf-8", codec):
        text = _try(octets, candidate) if candidate else None
        if text is not None:
            return text
    return octets.decode("latin-1")


def _try(octets: bytes, codec: str) -> str | None:
    """Return *octets* in *codec*, or None when they are not text of it.

    A last character that the device's length limit cut in half is left out, but only behind a whole one of more than one octet: without
    that, the half character is more probably a whole one of some other set ("café" in Latin-1).
    """
    try:
        return octets.decode(codec)
    except UnicodeDecodeError as problem:
        whole = octets[: problem.start]
        is_cut = problem.end == len(octets) and len(octets) - problem.start <= 3 and (codec in _WIDE or not whole.isascii())
        return whole.decode(codec) if is_cut else None
