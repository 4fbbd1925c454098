"""Names of columns and words, compared as people mean them: case, blanks and punctuation do not count, an umlaut may be spelt out."""

from __future__ import annotations

import re

_SPELT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_REST = re.compile(r"[\W_]+")


def normal(name: str) -> str:
    """Return the form in which equal names are equal texts: `Größe der Eingabedatei (Byte)` is `groessedereingabedateibyte`."""
    return _REST.sub("", name.casefold().translate(_SPELT))
