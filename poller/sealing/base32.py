"""Base 32 for people: what is read from one screen and typed at another.

Douglas Crockford's alphabet (https://www.crockford.com/base32.html): no I, L, O or U, and whoever types one of the first three means 1, 1
or 0. Case, dashes and white space say nothing. Bits are taken from the front, as in RFC 4648 section 6, without padding characters; the
bits left over in the last character are zero.
"""

from __future__ import annotations

from poller.errors import SealError

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)} | {"O": 0, "I": 1, "L": 1}


def encode(data: bytes, *, group: int) -> str:
    """Return *data* as text in groups of *group* characters, with dashes between."""
    characters_count = -(-len(data) * 8 // 5)
    bits = int.from_bytes(data, "big") << (characters_count * 5 - len(data) * 8)
    text = "".join(_ALPHABET[bits >> 5 * at & 31] for at in reversed(range(characters_count)))
    return "-".join(text[at : at + group] for at in range(0, len(text), group))


def decode(text: str) -> bytes:
    """Return the bytes that *text* stands for. Raises SealError for a character, or a number of them, that cannot be."""
    bits = count = 0
    for character in text.upper():
        if character == "-" or character.isspace():
            continue
        value = _VALUES.get(character)
        if value is None:
            raise SealError(f"{character!r} is not a character of it")
        bits, count = bits << 5 | value, count + 1
    spare = count * 5 % 8
    if spare >= 5 or bits & ((1 << spare) - 1):
        raise SealError("a character is missing or wrong at its end")
    return (bits >> spare).to_bytes(count * 5 // 8, "big")
