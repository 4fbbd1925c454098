"""Reads back what stands in a PDF: the texts of each page, with their places. Enough for ours: one size, two-byte codes."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

_POINT_MM = 25.4 / 72
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_OBJECT = re.compile(rb"(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL)
_STEP = re.compile(rb"BT /(F\d+) ([\d.]+) Tf ET|BT ([-\d.]+) ([-\d.]+) Td \((.*?)(?<!\\)((?:\\\\)*)\) Tj ET", re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_PLAIN = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


@dataclass(frozen=True)
class Text:
    """A text, where its first letter stands in millimetres from the upper left corner, and its size in points."""

    text: str
    x: float
    y: float
    size: float


@dataclass(frozen=True)
class Page:
    width: float
    height: float
    texts: tuple[Text, ...]

    def all(self) -> list[str]:
        return [one.text for one in self.texts]

    def find(self, text: str) -> Text:
        (found,) = (one for one in self.texts if one.text == text)
        return found


def read(document: bytes) -> list[Page]:
    """Return the pages of *document*."""
    parts = {int(number): body for number, body in _OBJECT.findall(document)}
    fonts: dict[bytes, dict[int, str]] = {}
    for body in parts.values():
        for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", body):
            (letters,) = re.findall(rb"/ToUnicode (\d+) 0 R", parts[int(number)])
            pairs = re.findall(r"<([0-9A-F]{4})> <([0-9A-F]+)>", _stream(parts[int(letters)]).decode())
            fonts[name] = {int(code, 16): bytes.fromhex(letter).decode("utf-16-be") for code, letter in pairs}
    width, height = (float(one) * _POINT_MM for one in re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", document)[0])
    pages = []
    for body in parts.values():
        if b"/Type /Page\n" in body + b"\n":
            (content,) = re.findall(rb"/Contents (\d+) 0 R", body)
            pages.append(Page(width, height, tuple(_texts(_stream(parts[int(content)]), fonts, height))))
    return pages


def _texts(content: bytes, fonts: dict[bytes, dict[int, str]], height: float) -> list[Text]:
    found, letters, size = [], dict[int, str](), 0.0
    for font, told, x, y, codes, slashes in _STEP.findall(content):
        if font:
            letters, size = fonts[font], float(told)
        else:
            plain = _ESCAPED.sub(lambda one: _PLAIN.get(one[1], one[1]), codes + slashes)
            text = "".join(letters[int.from_bytes(plain[at : at + 2])] for at in range(0, len(plain), 2))
            found.append(Text(text, float(x) * _POINT_MM, height - float(y) * _POINT_MM, size))
    return found


def _stream(body: bytes) -> bytes:
    (packed,) = _STREAM.findall(body)
    return zlib.decompress(packed) if b"/FlateDecode" in body else packed
