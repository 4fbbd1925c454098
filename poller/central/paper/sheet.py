"""A page to draw on, in millimetres from its upper left corner, and the letters to write with.

What is written comes from devices and from lists people typed: any length, any character. Two promises:

- Nothing leaves its place. Every text has a width, and is cut there, visibly (…).
- No letter vanishes. The font is Open Sans (Apache 2.0, from the package ttf-opensans): Latin with all its accents, Greek, Cyrillic. PDF's
  own fonts end at Latin-1, and those of a host differ from host to host. A letter that it does not have either is written as � and
  `has_strange_letters` says so. Dropped is only what nobody sees: controls, and marks that turn the direction of text.

The same texts give the same bytes: nothing here asks what time it is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import ttf_opensans  # type: ignore[import-untyped]
from fpdf import FPDF
from fpdf.fonts import TTFFont

from poller.central.supplies.words import Language
from poller.errors import PollerError

STRANGE = "\N{REPLACEMENT CHARACTER}"
_TEXT_MAX = 500
"""Longer than any line; what comes after is not even looked at."""
_POINT_MM = 25.4 / 72
_HAIR_MM = 0.01
"""What was made to fit is not cut for an error of rounding."""
_ASCENT = 0.76
"""From the top of a line to its base, as a share of the size: room for capitals with an accent."""

Align = Literal["left", "right", "centre"]
Grey = float
"""0 is black, 1 white."""


class PaperError(PollerError):
    """More than fits on paper that anybody would print; the text says how much there is, and how much there may be."""


class Mark(NamedTuple):
    """How a colour is shown to somebody who cannot tell colours apart, or has a printer that does not: by its letters as well."""

    letters: str
    rgb: tuple[int, int, int]


_MARKS = {
    "black": Mark("K", (0, 0, 0)),
    "cyan": Mark("C", (0, 160, 225)),
    "magenta": Mark("M", (225, 0, 125)),
    "yellow": Mark("Y", (255, 225, 0)),
    "light black": Mark("LK", (120, 120, 120)),
    "light cyan": Mark("LC", (150, 215, 240)),
    "light magenta": Mark("LM", (245, 165, 205)),
    "light gray": Mark("LGY", (205, 205, 205)),
    "gray": Mark("GY", (140, 140, 140)),
    "red": Mark("R", (215, 25, 30)),
    "green": Mark("G", (0, 140, 70)),
    "blue": Mark("B", (0, 70, 165)),
    "orange": Mark("O", (245, 130, 0)),
    "violet": Mark("V", (110, 40, 140)),
}
"""The letters that stand on cartridges in every country, K for black; for shades those of the ink makers."""
_UNPAINTED = (255, 255, 255)


def mark_of(colour: str | None) -> Mark:
    """Return the mark of a colour. What has none is a dash on white; a colour not known here two letters of its name on white."""
    if not colour:
        return Mark("–", _UNPAINTED)
    return _MARKS.get(colour) or Mark("".join(letter for letter in colour.upper() if letter.isalpha())[:2] or "?", _UNPAINTED)


class Sheet:
    """Pages of one size; `begin_page` begins the next. Sizes of letters are in points, everything else in millimetres."""

    def __init__(self, width_mm: float, height_mm: float, *, title: str, language: Language, made_at: datetime) -> None:
        self.has_strange_letters = False
        short, long = sorted((width_mm, height_mm))
        pdf = FPDF(orientation="landscape" if width_mm > height_mm else "portrait", unit="mm", format=(short, long))
        pdf.set_auto_page_break(auto=False)
        pdf.str_alias_nb_pages = ""  # a device that calls itself {nb} is called so
        pdf.set_creation_date(made_at)
        pdf.set_title(title)
        pdf.set_lang(language)
        pdf.add_font("sheet", "", ttf_opensans.OPENSANS_REGULAR.path)
        pdf.add_font("sheet", "B", ttf_opensans.OPENSANS_BOLD.path)
        fonts = [font for font in pdf.fonts.values() if isinstance(font, TTFFont)]
        self._letters = set.intersection(*(set(font.cmap) for font in fonts))
        self._pdf = pdf

    def begin_page(self) -> None:
        self.has_strange_letters = False
        self._pdf.add_page()

    def finish(self) -> bytes:
        """Return the document."""
        return bytes(self._pdf.output())

    # --- letters ---------------------------------------------------------------------------------------------------------

    def write(
        self,
        x: float,
        y: float,
        width: float,
        text: str | None,
        *,
        size: float,
        size_least: float | None = None,
        bold: bool = False,
        align: Align = "left",
        grey: Grey = 0.0,
    ) -> None:
        """Write one line into the box that begins at (*x*, *y*): smaller, down to *size_least*, where it is too long, then cut."""
        if size_least is not None and text:
            self._pdf.set_font("sheet", "B" if bold else "", size)
            size = max(size_least, min(size, size * width / max(self._width(self.plain(text)), 1.0)))
        self.write_lines(x, y, width, text, size=size, lines_max=1, bold=bold, align=align, grey=grey)

    def write_lines(
        self,
        x: float,
        y: float,
        width: float,
        text: str | None,
        *,
        size: float,
        lines_max: int,
        bold: bool = False,
        align: Align = "left",
        grey: Grey = 0.0,
    ) -> float:
        """Write at most *lines_max* lines, broken between words; return the y below the last. Line ends in *text* count as blanks."""
        self._pdf.set_font("sheet", "B" if bold else "", size)
        self._pdf.set_text_color(round(255 * grey))
        for line in self._broken(self.plain(text or ""), width, lines_max):
            start = x if align == "left" else x + (width - self._width(line)) / (1 if align == "right" else 2)
            self._pdf.text(start, y + _ASCENT * line_mm(size), line)
            y += line_mm(size)
        return y

    def plain(self, text: str) -> str:
        """Return *text* on one line, in letters the font has: accents joined to theirs, the unseen dropped, the unknown as `STRANGE`."""
        kept = []
        for letter in unicodedata.normalize("NFC", text[:_TEXT_MAX]):
            kind = unicodedata.category(letter)
            if kind == "Cc" or kind.startswith("Z"):
                kept.append(" ")
            elif kind == "Cf":
                continue
            elif ord(letter) in self._letters:
                kept.append(letter)
            else:
                kept.append(STRANGE)
                self.has_strange_letters = True
        joined = " ".join("".join(kept).split())
        return joined + "…" if len(text) > _TEXT_MAX else joined

    def _broken(self, text: str, width: float, lines_max: int) -> list[str]:
        """Return *text* in lines no wider than *width*; what does not fit into *lines_max* of them is cut off with an ellipsis."""
        lines: list[str] = []
        words = text.split()
        while words and len(lines) < lines_max - 1:
            line = ""
            while words and self._fits(joined := f"{line} {words[0]}".lstrip(), width):
                line = joined
                words.pop(0)
            if not line:  # a word wider than the line: broken anywhere
                held = self._prefix(words[0], width) or 1
                line, words[0] = words[0][:held], words[0][held:]
            lines.append(line)
        if words:
            rest = " ".join(words)
            if not self._fits(rest, width):
                rest = rest[: self._prefix(rest, width, ending="…")].rstrip() + "…"
            lines.append(rest)
        return lines

    def _prefix(self, text: str, width: float, *, ending: str = "") -> int:
        """Return how many letters of *text* fit into *width* before *ending*."""
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self._fits(text[:middle] + ending, width):
                low = middle
            else:
                high = middle - 1
        return low

    def _fits(self, text: str, width: float) -> bool:
        return self._width(text) <= width + _HAIR_MM

    def _width(self, text: str) -> float:
        return float(self._pdf.get_string_width(text))

    # --- shapes ----------------------------------------------------------------------------------------------------------

    def draw_line(self, x: float, y: float, to_x: float, to_y: float, *, grey: Grey = 0.75, thick: float = 0.2) -> None:
        self._pdf.set_draw_color(round(255 * grey))
        self._pdf.set_line_width(thick)
        self._pdf.line(x, y, to_x, to_y)

    def draw_box(self, x: float, y: float, width: float, height: float, *, fill: Sequence[int] | None = None, thick: float = 0.3) -> None:
        """Draw a rectangle, filled with an RGB colour if one is given."""
        self._pdf.set_draw_color(0)
        self._pdf.set_line_width(thick)
        if fill is not None:
            self._pdf.set_fill_color(*fill)
        self._pdf.rect(x, y, width, height, style="D" if fill is None else "DF")

    def draw_mark(self, x: float, y: float, width: float, height: float, mark: Mark, *, size: float) -> None:
        """Draw a bar in the mark's colour with its letters in the middle, on white, so that they can be read whatever the bar prints as."""
        self.draw_box(x, y, width, height, fill=mark.rgb)
        self._pdf.set_font("sheet", "B", size)
        size *= min(1.0, (width - 3) / self._width(mark.letters))
        self._pdf.set_font("sheet", "B", size)
        wide, high = self._width(mark.letters) + 1.4, line_mm(size)
        left, top = x + (width - wide) / 2, y + (height - high) / 2
        self.draw_box(left, top, wide, high, fill=_UNPAINTED, thick=0.1)
        self.write(left, top, wide, mark.letters, size=size, bold=True, align="centre")


def line_mm(size: float) -> float:
    """Return the height of a line of letters of *size* points."""
    return size * _POINT_MM * 1.3
