"""Which of several values stand out, and why, in words for the operator.

Pure. Numbers are measured by their distance from the median in median absolute deviations (Iglewicz and
Hoaglin's modified z-score), everything else by how rare it is beside a value that most have.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, Final

import msgspec

__all__ = ["ABSENT", "Absent", "stand_out"]


class Absent:
    """Stands for a value that an item does not have."""

    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = Absent()

LEAST = 4
"""Fewer values than this have nothing to stand out from."""
FAR = 3.5
"""Modified z-scores beyond this are far."""
MOST = 0.6
"""A value (or a kind of value) that so many have is what the others are measured by."""
RARE = 0.1
"""A value that at most this part has is rare; one that a single item has always is."""
LONG = 200
"""Texts shorter than this are not told to be long."""
_MAX_VALUE = 40
_HOST = re.compile(
    r"^[a-z][a-z0-9+.-]*://(?:[^/@\s]*@)?([^/:\s?#]+)|^[^@\s]+@([^@\s]+\.[^@\s]+)$", re.IGNORECASE
)


def stand_out(values: Sequence[Any]) -> list[str]:
    """For each value why it stands out among the others; empty where it does not."""
    if len(values) < LEAST:
        return [""] * len(values)
    found = [""] * len(values)
    for look in (_rare, _far, _long, _elsewhere):
        for at, why in enumerate(look(values)):
            found[at] = found[at] or why
    return found


# -- numbers ------------------------------------------------------------------------------------


def _far(values: Sequence[Any]) -> list[str]:
    """Numbers far from the median; where all are above zero, far by ratio as well as by difference."""
    numbers = {at: number for at, value in enumerate(values) if (number := _number(value)) is not None}
    if len(numbers) < LEAST:
        return [""] * len(values)
    ways: list[Callable[[float], float]] = [float]
    if min(numbers.values()) > 0:
        ways.append(math.log)
    counts = Counter(numbers.values())
    far = {at for at, number in numbers.items() if counts[number] <= _few(len(values))}
    for way in ways:
        far &= _beyond({at: way(number) for at, number in numbers.items()})
    middle = median(numbers.values())
    return [f"far from the others (median {middle:,.6g})" if at in far else "" for at in range(len(values))]


def _beyond(numbers: dict[int, float]) -> set[int]:
    middle = median(numbers.values())
    distances = {at: abs(number - middle) for at, number in numbers.items()}
    spread = 1.4826 * median(distances.values()) or 1.2533 * sum(distances.values()) / len(distances)
    return {at for at, distance in distances.items() if spread and distance / spread > FAR}


def _number(value: Any) -> float | None:
    """A JSON number; one beyond a float's reach as the largest there is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return 1.7e308 if value > 0 else -1.7e308


# -- everything else ----------------------------------------------------------------------------


def _rare(values: Sequence[Any]) -> list[str]:
    """Values, or kinds of value, that few have where most have one."""
    kinds = [_kind(value) for value in values]
    keys = ["" if kind == "numbers" else _key(value) for value, kind in zip(values, kinds, strict=True)]
    names = [key if len(key) <= _MAX_VALUE else key[:_MAX_VALUE] + "…" for key in keys]
    pairs = zip(_beside(kinds, kinds), _beside(keys, names), strict=True)
    return [by_kind or by_value for by_kind, by_value in pairs]


def _elsewhere(values: Sequence[Any]) -> list[str]:
    """Addresses at another host than most."""
    hosts = [_host(value) for value in values]
    return _beside(hosts, [f"at {host}" for host in hosts])


def _beside(keys: Sequence[str], names: Sequence[str]) -> list[str]:
    """Rare keys beside one that most have. An empty key says nothing and is never told."""
    counts = Counter(keys)
    (usual, most), *_ = counts.most_common(1)
    if most < MOST * len(keys) or not usual:
        return [""] * len(keys)
    usual_name = names[keys.index(usual)]
    limit = _few(len(keys))
    said = f"{most:,} of {len(keys):,} are {usual_name}"
    return [said if key and key != usual and counts[key] <= limit else "" for key in keys]


def _few(count: int) -> int:
    """So many of ``count`` are rare."""
    return max(1, int(RARE * count))


def _long(values: Sequence[Any]) -> list[str]:
    """Texts much longer than the others."""
    lengths = {at: float(len(value)) for at, value in enumerate(values) if isinstance(value, str)}
    if len(lengths) < LEAST or max(lengths.values()) < LONG:
        return [""] * len(values)
    middle = median(lengths.values())
    far = {at for at in _beyond(lengths) if lengths[at] >= max(LONG, 3 * middle)}
    said = "{:,.0f} characters; the others about {:,.0f}"
    return [said.format(lengths[at], middle) if at in far else "" for at in range(len(values))]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "numbers"
    if isinstance(value, str):
        return "texts"
    if isinstance(value, dict | list):
        return "objects" if isinstance(value, dict) else "lists"
    return "absent" if value is ABSENT else "null"


def _key(value: Any) -> str:
    """A text for a value that no other value has."""
    return "absent" if value is ABSENT else msgspec.json.encode(value, order="deterministic").decode()


def _host(value: Any) -> str:
    found = _HOST.match(value) if isinstance(value, str) and len(value) <= 2_000 else None
    return (found.group(1) or found.group(2)).lower() if found else ""
