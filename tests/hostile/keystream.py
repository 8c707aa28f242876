"""Streams of keys and of what else a terminal may send, whole, halved and wrong, from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.terminal import KEYS
from triage.tui.actions import ACTIONS

__all__ = ["DECIDES_NOTHING", "LEAVING", "Piece", "stream"]

PASTE, PASTE_END = b"\x1b[200~", b"\x1b[201~"
_NAMED = {
    **{name: text.encode() for name, text in KEYS.items()},
    "escape": b"\x1b",
    "left": b"\x1b[D",
    "right": b"\x1b[C",
    "home": b"\x1b[H",
    "end": b"\x1b[F",
    "insert": b"\x1b[2~",
    "delete": b"\x1b[3~",
    "pageup": b"\x1b[5~",
    "pagedown": b"\x1b[6~",
    "comma": b",",
    "minus": b"-",
}
LEAVING = frozenset({b"q", b"\x03", b"\x11", b"\x1a"})
"""Keys that end the console or put it in the background: they come as pieces of their own, seldom."""


def _bytes_of(key: str) -> bytes:
    if key in _NAMED:
        return _NAMED[key]
    name = key.rpartition("+")[2]
    return _NAMED.get(name, key.encode() if len(key) == 1 else b"\x1b" + name[:1].encode())


KEYMAP = sorted({_bytes_of(key) for action in ACTIONS for key in action.keys} - LEAVING)
"""The real keymap's keys as a terminal sends them."""
DECIDING = (b"a", b"x", b"x1", b"1", b"2", b"r", b"e", b"i", b"D", b"\r", b"u", b".", b"a", b"j", b"A", b"f")


class Piece(NamedTuple):
    """Something that arrives at once."""

    kind: str
    data: bytes = b""
    keys: int = 1
    """How many keys it stands for; a sequence is one."""
    pause_s: float = 0.0
    """How long nothing came before it."""
    sizes: tuple[tuple[int, int], ...] = ()
    """Sizes that the window takes one after the other, in columns and rows."""


Make = Callable[[random.Random], Piece]


def _known_key(chance: random.Random) -> Piece:
    return Piece("key", chance.choice(KEYMAP))


def _burst(chance: random.Random) -> Piece:
    count = chance.randint(3, 60)
    keys = [chance.choice(KEYMAP) for _ in range(count)]
    if chance.random() < 0.3:
        keys = [chance.choice(KEYMAP)] * count
    return Piece("burst", b"".join(keys), count)


def _considered(chance: random.Random) -> Piece:
    """A key after a look, as a person decides."""
    return Piece("considered", chance.choice(DECIDING), 1, chance.uniform(0.16, 0.3))


def _any_character(chance: random.Random) -> Piece:
    code = chance.choice(
        [chance.randint(0x20, 0x7E), chance.randint(0xA0, 0x2FFF), chance.randint(0x1F300, 0x1FAFF)]
    )
    data = chr(code).encode(errors="replace")
    return Piece("character", b"Q" if data in LEAVING else data)


def _control(chance: random.Random) -> Piece:
    data = bytes([chance.choice([*range(0x20), 0x7F])])
    return Piece("control", b"\x00" if data in LEAVING else data)


def _whole_sequence(chance: random.Random) -> bytes:
    numbers = ";".join(
        str(chance.choice([0, 1, 5, 27, 200, 9999, 10**12, -3])) for _ in range(chance.randint(0, 4))
    )
    return chance.choice(
        [
            f"\x1b[{numbers}{chance.choice('ABCDFHPQRSZ~mtuncx')}",
            f"\x1b[{chance.choice('?><=')}{numbers}{chance.choice('hlcuymM')}",
            f"\x1b]{chance.randint(0, 60)};rgb:ffff/0000/{numbers}\x07",
            f"\x1b]52;c;{'QUFB' * chance.randint(0, 400)}\x1b\\",
            f"\x1bP1$r{numbers}m\x1b\\",
            f"\x1bO{chance.choice('ABCDPQRSx')}",
            f"\x1b{chr(chance.randint(0x20, 0x7E))}",
        ]
    ).encode()


def _sequence(chance: random.Random) -> Piece:
    return Piece("sequence", _whole_sequence(chance))


def _half(chance: random.Random) -> Piece:
    whole = chance.choice([_whole_sequence(chance), _mouse(chance).data, PASTE_END])
    return Piece("half", whole[: chance.randint(1, max(1, len(whole) - 1))])


def _mouse(chance: random.Random) -> Piece:
    button, x, y = (chance.choice([chance.randint(0, 120), 0, -1, 223, 99999, 10**9]) for _ in range(3))
    x10 = bytes([0x1B, ord("["), ord("M"), *(chance.randint(32, 255) for _ in range(3))])
    sgr = f"\x1b[<{button};{x};{y}{chance.choice('Mm')}".encode()
    near = f"\x1b[<{chance.choice([0, 0, 2, 35, 64, 65])};{chance.randint(1, 110)};{chance.randint(1, 32)}M".encode()
    return Piece("mouse", chance.choice([sgr, near, x10, f"\x1b[{button};{x};{y}M".encode()]))


def _pasted(chance: random.Random) -> bytes:
    inside = chance.choice(
        [
            b"a" * chance.randint(1, 300),
            b"a\rx1\r\n" * chance.randint(1, 40),
            b"".join(_whole_sequence(chance) for _ in range(12)),
            chance.randbytes(chance.randint(1, 400)),
            "支払い\u202e👩‍👩‍👧 ".encode() * 20,
            b"approve " * chance.choice([10, 10, 10, 4_000]),
        ]
    )
    return inside.replace(PASTE_END, b"").translate(None, b"\x03\x11\x1aq")


def _paste(chance: random.Random) -> Piece:
    return Piece("paste", PASTE + _pasted(chance) + PASTE_END)


def _broken_paste(chance: random.Random) -> Piece:
    """The end inside, the beginning inside, twice the end, an end with no beginning."""
    return Piece(
        "broken paste",
        chance.choice(
            [
                PASTE + _pasted(chance) + PASTE_END + b"a" + PASTE_END,
                PASTE + _pasted(chance) + PASTE + b"x1" + PASTE_END,
                PASTE + PASTE_END + b"a",
                PASTE_END + PASTE_END,
                PASTE + b"\x1b[201" + _pasted(chance) + PASTE_END,
                PASTE + b"\x00" * 40 + PASTE_END,
            ]
        ),
    )


def _invalid(chance: random.Random) -> Piece:
    return Piece(
        "invalid UTF-8",
        chance.choice(
            [
                bytes([chance.randint(0x80, 0xFF)]),
                b"\xc3",
                b"\xf0\x9f\x92",
                b"\xed\xa0\x80",
                b"\xc0\x80",
                b"\xff\xfe",
                b"\xf8\x88\x80\x80\x80",
                bytes(chance.randint(0x80, 0xFF) for _ in range(chance.randint(2, 60))),
            ]
        ),
    )


def _nul(chance: random.Random) -> Piece:
    return Piece("NUL", b"\x00" * chance.randint(1, 50))


def _focus(chance: random.Random) -> Piece:
    return Piece("focus", chance.choice([b"\x1b[I", b"\x1b[O", b"\x1b[O\x1b[I" * 20]))


def _kitty(chance: random.Random) -> Piece:
    code = chance.choice([97, 120, 13, 27, 0, 57344, 57441, 0x10FFFF, 0x110000, 0xD800, 10**15])
    more = f";{chance.choice(['', '1', '2', '5', '9', '1:3', '1:2', '64', '9999999'])}"
    text = f";{chance.choice(['97', '', '97:120', '1114112', '55296', ':'])}" if chance.random() < 0.5 else ""
    alternates = chance.choice(["", "", ":65", ":65:97", "::"])
    return Piece("kitty", f"\x1b[{code}{alternates}{more}{text}{chance.choice('u~A')}".encode())


def _report(chance: random.Random) -> Piece:
    size = chance.choice([0, 1, 24, 80, 100_000])
    return Piece(
        "report",
        chance.choice(
            [
                f"\x1b[{size};{size}R",
                f"\x1b[48;{size};{size};{size};{size}t",
                f"\x1b[48;{size}:x;{size};0;0t",
                "\x1b[?2026;2$y",
                "\x1b[?2026;0$y",
                "\x1b[?2048;2$y",
                "\x1b[?62;22c",
                "\x1b[>0;276;0c",
                "\x1b]11;rgb:0000/0000/0000\x1b\\",
            ]
        ).encode(),
    )


def _resizes(chance: random.Random) -> Piece:
    def size() -> tuple[int, int]:
        return chance.choice([(1, 1), (500, 200), (80, 24), (chance.randint(1, 240), chance.randint(1, 80))])

    return Piece("resize", sizes=tuple(size() for _ in range(chance.choice([1, 3, 12]))))


def _leaving(chance: random.Random) -> Piece:
    return Piece("leaving", chance.choice(sorted(LEAVING)), 1, 0.1)


_WEIGHTS: dict[Make, float] = {
    _known_key: 30,
    _burst: 5,
    _considered: 2.4,
    _any_character: 8,
    _control: 8,
    _sequence: 8,
    _half: 6,
    _mouse: 8,
    _paste: 1.5,
    _broken_paste: 1.5,
    _invalid: 4,
    _nul: 2,
    _focus: 3,
    _kitty: 5,
    _report: 3,
    _resizes: 0.7,
    _leaving: 0.3,
}
DECIDES_NOTHING: tuple[Make, ...] = (_paste, _broken_paste, _invalid, _nul, _focus, _report, _resizes)
"""What may never decide anything, whatever is in it."""


def stream(seed: int, keys: int, makes: tuple[Make, ...] = ()) -> Iterator[Piece]:
    """Pieces that stand for so many keys; ``makes``: of these kinds alone."""
    chance = random.Random(seed)
    kinds = list(makes or _WEIGHTS)
    weights = [_WEIGHTS[kind] for kind in kinds]
    while keys > 0:
        piece = chance.choices(kinds, weights)[0](chance)
        keys -= piece.keys
        yield piece
