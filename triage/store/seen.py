"""Which ids were seen: a Bloom filter, so that asking for one that was not costs a microsecond."""

from __future__ import annotations

from zlib import crc32

__all__ = ["Seen"]

BITS = 1 << 24
"""For two million ids: then wrong once in twenty."""


class Seen:
    """Ids that were added. It may say yes of one that was not, never no of one that was."""

    def __init__(self, bits: bytes) -> None:
        if len(bits) != BITS // 8:
            raise ValueError(f"{len(bits)} bytes are not {BITS // 8}")
        self.bits = bytearray(bits)

    @classmethod
    def nothing(cls) -> Seen:
        """None yet."""
        return cls(bytes(BITS // 8))

    def add(self, id: str) -> None:
        """Remember an id."""
        for place in _hashes(id):
            place &= BITS - 1
            self.bits[place >> 3] |= 1 << (place & 7)

    def __contains__(self, id: str) -> bool:
        first = crc32(id.encode("utf-8", "replace")) & BITS - 1
        if not self.bits[first >> 3] >> (first & 7) & 1:
            return False  # as of most ids: the rest need not be worked out
        bits = self.bits
        for place in _hashes(id):
            place &= BITS - 1
            if not bits[place >> 3] >> (place & 7) & 1:
                return False
        return True


def _hashes(id: str) -> tuple[int, int, int]:
    name = id.encode("utf-8", "replace")
    one = crc32(name)
    other = crc32(name, one)
    return one, other, one ^ (other >> 7)
