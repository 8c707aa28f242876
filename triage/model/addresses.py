"""Hosts in agent text that are not what they look like: letters of another alphabet, and other deceptions.

A host in a URL or a mail address is judged label by label; one that stands alone in running text only
when every letter of it passes for a Latin one. What is found is named with the host as it really is, in the
ASCII form that goes out to the network (RFC 3492).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import msgspec

__all__ = ["Suspect", "ascii_host", "host_of", "suspects"]

MAX_FOUND = 20
"""Suspects named of one text."""

_DOTS = "。．｡"
_SLASHES = "⁄∕⧸╱／"
_LEAD = re.compile(r"(?:[a-z][a-z0-9+.-]{0,30}:)?//|mailto:", re.IGNORECASE)
_AUTHORITY = re.compile(r"[^\s/\\?#\"'<>`|^{}]{1,300}")
_HOST = re.compile(rf"(?<![\w.{_DOTS}-])[\w-]++(?:[.{_DOTS}][\w-]++)++")
_PORT = re.compile(r":[0-9]{0,5}$")
_LOOK_LIKE = {
    "CYRILLIC": dict(zip("авеһіјӏкмнопрԛгѕстуѵԝшхԁзьԍ", "abehijlkmhonpqrsctyvwwxd3bg", strict=True)),
    "GREEK": dict(zip("αβγεηικνορστυχω", "abyenikvopotuxw", strict=True)),
    "ARMENIAN": dict(zip("ոսօհցք", "nuohgp", strict=True)),
}
_LATIN_LOOK_LIKE = dict(zip("ıɡɩɑʟᴀᴄᴇᴍɴᴏᴘᴛᴜᴠᴡᴢ", "igialacemnoptuvwz", strict=True))
_TOGETHER = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)
"""Scripts that honest names mix."""
_SAME_SCRIPT = {"IDEOGRAPHIC": "CJK", "KATAKANA-HIRAGANA": "KATAKANA"}


class Suspect(msgspec.Struct, frozen=True):
    """One host that is not what it looks like."""

    written: str
    """As it stands in the text; the agent's own characters, not made harmless."""
    real: str
    """The host it really is, in ASCII."""
    why: str
    """What deceives, as the end of a sentence."""


def suspects(text: str) -> tuple[Suspect, ...]:
    """The hosts in ``text`` that are not what they look like, each once."""
    if text.isascii() and "xn--" not in text.lower() and not ("@" in text and "://" in text):
        return ()
    found: dict[str, Suspect] = {}
    for suspect in _found(text):
        found.setdefault(suspect.written, suspect)
        if len(found) == MAX_FOUND:
            break
    return tuple(found.values())


def host_of(url: str) -> str:
    """The host a URL or mail address leads to, in ASCII; empty where it names none."""
    lead = _LEAD.match(url)
    match = _AUTHORITY.match(url, lead.end()) if lead else None
    return ascii_host(_host_in(match[0])) if match else ""


def ascii_host(host: str) -> str:
    """``host`` as it goes out to the network: lower case, ``xn--`` where it has other letters."""
    return ".".join(_ascii_label(label) for label in _normal(host).split("."))


def _found(text: str) -> Iterator[Suspect]:
    in_urls = set()
    for authority in _authorities(text):
        host = _host_in(authority)
        in_urls.add(host)
        if why := _authority_fault(authority) or _host_fault(host):
            yield Suspect(authority, ascii_host(host), why)
    for match in _HOST.finditer(text):
        host = match[0]
        if host in in_urls or not ("xn--" in host.lower() or not host.isascii()):
            continue
        addressed = text[match.start() - 1 : match.start()] == "@"
        if why := _host_fault(host, alone=not addressed):
            yield Suspect(host, ascii_host(host), why)


def _authorities(text: str) -> Iterator[str]:
    """What stands between ``//`` and the path of each URL."""
    at = text.find("://")
    while at >= 0:
        if match := _AUTHORITY.match(text, at + 3):
            yield match[0].rstrip(".,;:!)]")
        at = text.find("://", at + 3)


def _host_in(authority: str) -> str:
    return _PORT.sub("", authority.rpartition("@")[2])


def _authority_fault(authority: str) -> str:
    """What deceives about which part of a URL is its host."""
    user, at, host = authority.rpartition("@")
    if at and "." in user:
        return "what stands before the @ is only a user's name"
    sign = next((char for char in host if char in _SLASHES), "")
    return f"the {sign} in it only looks like a slash" if sign else ""


def _host_fault(host: str, *, alone: bool = False) -> str:
    """What deceives in a host; empty: nothing. ``alone``: it may be no host at all, so only what is sure."""
    normal = _normal(host)
    if any(char in _DOTS for char in host):
        return "what looks like part of a word in it is a dot"
    if normal.isascii() and not host.isascii():
        return "it is written in characters that stand for other ones"
    labels = [_shown_label(label) for label in normal.split(".")]
    faults = (_label_fault(label, labels[-1].isascii(), alone) for label in labels)
    why = next((fault for fault in faults if fault), "")
    return f"{why}; browsers may show it as {'.'.join(labels)}" if why and host.isascii() else why


@lru_cache(maxsize=1024)
def _label_fault(label: str, latin_host: bool, alone: bool) -> str:
    if label.isascii():
        return "it is no valid name" if label.startswith("xn--") else ""
    letters = [char for char in label if unicodedata.category(char)[0] == "L"]
    scripts = list(dict.fromkeys(_script(char) for char in letters))
    likeness = _likeness(label)
    if len(scripts) > 1 and not any(together.issuperset(scripts) for together in _TOGETHER):
        if likeness or not alone:
            return f"“{label}” mixes {' and '.join(name.capitalize() for name in scripts)} letters"
        return ""
    if scripts and scripts[0] in _LOOK_LIKE and likeness and latin_host:
        return f"“{label}” is {scripts[0].capitalize()} and only looks like “{likeness}”"
    if scripts == ["LATIN"] and (odd := next((char for char in label if char in _LATIN_LOOK_LIKE), "")):
        return f"the “{odd}” in “{label}” only looks like “{_LATIN_LOOK_LIKE[odd]}”"
    if scripts and scripts[0] in ("LATIN", *_LOOK_LIKE) and any(map(unicodedata.combining, label)):
        return f"“{label}” carries a loose mark"
    return ""


def _likeness(label: str) -> str:
    """The ASCII word a label passes for; empty where one of its letters passes for none."""
    tables = (*_LOOK_LIKE.values(), _LATIN_LOOK_LIKE)
    like = "".join(next((table[char] for table in tables if char in table), char) for char in label)
    return like if like.isascii() else ""


def _script(letter: str) -> str:
    """The alphabet of a letter, as the first word of its Unicode name."""
    first = unicodedata.name(letter, "UNNAMED").partition(" ")[0]
    return _SAME_SCRIPT.get(first, first)


def _normal(host: str) -> str:
    """``host`` in the characters that count: NFKC, lower case, every kind of dot a dot."""
    host = unicodedata.normalize("NFKC", host).lower()
    return host.translate({ord(dot): "." for dot in _DOTS})


def _shown_label(label: str) -> str:
    """A label as browsers may show it; as it stands where it decodes to nothing."""
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode").lower()
    except (UnicodeError, ValueError):
        return label


def _ascii_label(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode", "replace").decode("ascii")
