"""What a table of the configuration may hold: known keys, right types, usable addresses."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Collection, Iterator
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from triage import connectors
from triage.config.faults import Fault, Lines, nearest, plain
from triage.config.judging_faults import faults_of_judging, faults_of_reasons
from triage.model.endpoint import POLL_S, EndpointConfig
from triage.model.redaction import fault_of_path

__all__ = ["fault_of_name", "faults_of_endpoint", "faults_of_settings", "faults_of_table"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOKEN_SOURCES = ("token_env", "token_command", "token_keyring")
_FILES = ("ca_file", "client_cert", "client_key")
MIN_POLL_S = 0.2


def faults_of_table(
    table: dict[str, Any],
    shape: type[msgspec.Struct],
    keys: tuple[str, ...],
    lines: Lines,
    leave_out: Collection[str] = (),
) -> Iterator[Fault]:
    """Unknown keys, missing ones and values of the wrong type in ``table``, whose fields ``shape`` names.

    ``leave_out``: fields of ``shape`` that are not settings.
    """
    hints = typing.get_type_hints(shape, include_extras=True)
    fields = {field.encode_name: field for field in msgspec.structs.fields(shape)}
    valid = [name for name in fields if name not in leave_out]
    for key, value in table.items():
        if key not in valid:
            yield Fault(lines.of(*keys, key), _unknown(key, keys, valid))
        else:
            yield from _faults_of_value(value, hints[fields[key].name], (*keys, key), lines)
    for name in valid:
        if fields[name].required and name not in table:
            yield Fault(lines.of(*keys), f"[{'.'.join(keys)}] needs `{name}`")


def faults_of_settings(table: dict[str, Any], lines: Lines) -> Iterator[Fault]:
    """What is wrong with values of the right type at the top of the file."""
    yield from faults_of_reasons(table.get("reasons"), ("reasons",), lines)
    yield from faults_of_judging(table, lines)
    operator = table.get("operator")
    if isinstance(operator, str) and (not operator.strip() or not operator.isprintable()):
        yield Fault(lines.of("operator"), "`operator` must be a name of printable characters")


def faults_of_endpoint(
    name: str, table: dict[str, Any], lines: Lines
) -> tuple[EndpointConfig | None, list[Fault]]:
    """The settings in ``[endpoints.NAME]``, or None and what is wrong with them."""
    keys = ("endpoints", name)
    faults: list[Fault] = []
    shape: type[EndpointConfig] = EndpointConfig
    if message := fault_of_name(name):
        faults.append(Fault(lines.of(*keys), message))
    try:
        shape = connectors.load(table["kind"]).Config
    except (KeyError, TypeError):
        if isinstance(table.get("kind", ""), str):
            faults.append(Fault(lines.of(*keys, "kind"), _unknown_kind(name, table.get("kind"))))
        known = {field.name for field in msgspec.structs.fields(EndpointConfig)}
        table = {key: value for key, value in table.items() if key in known}
    faults += [
        fault
        for fault in faults_of_table(table, shape, keys, lines, leave_out=("name",))
        if not fault.message.endswith("needs `kind`")
    ]
    faults += _faults_of_meaning(table, keys, lines)
    faults += faults_of_reasons(table.get("reasons"), (*keys, "reasons"), lines)
    if faults:
        return None, faults
    try:
        config = msgspec.convert({**table, "name": name}, shape)
    except msgspec.ValidationError as error:
        return None, [Fault(lines.of(*keys), f"[{'.'.join(keys)}] {plain(error)}")]
    faults = [
        Fault(lines.of(*keys, *where), f"`{'.'.join((*keys, *where))}` {message}")
        for where, message in config.faults()
    ]
    return (None if faults else config), faults


def fault_of_name(name: str) -> str:
    """Why ``name`` cannot name an endpoint; empty when it can."""
    if _NAME.fullmatch(name):
        return ""
    return f"`{name}` cannot name an endpoint: use letters, digits, - and _, at most 64 of them"


def _faults_of_value(value: Any, hint: Any, keys: tuple[str, ...], lines: Lines) -> Iterator[Fault]:
    struct = _struct_in(hint)
    if struct is not None and isinstance(value, dict):
        yield from faults_of_table(value, struct, keys, lines)
        return
    of_values = _values_of_dict(hint)
    if of_values is not None and isinstance(value, dict):
        for key, inner in value.items():
            yield from _faults_of_value(inner, of_values, (*keys, key), lines)
        return
    of_elements = _elements_of_list(hint)
    if of_elements is not None and isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from _faults_of_value(inner, of_elements, (*keys, str(number)), lines)
        return
    known = _words_in(hint)
    if known and isinstance(value, str):
        if value not in known:
            yield Fault(lines.of(*keys), f"`{'.'.join(keys)}` must be {_one_of(value, known)}")
        return
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        yield Fault(lines.of(*keys), f"`{'.'.join(keys)}` {plain(error)}")


def _faults_of_meaning(table: dict[str, Any], keys: tuple[str, ...], lines: Lines) -> Iterator[Fault]:
    """What is wrong with an endpoint's settings although each has the right type."""

    def fault(key: str, message: str) -> Fault:
        return Fault(lines.of(*keys, key), f"`{'.'.join(keys)}.{key}` {message}")

    if message := _fault_of_url(table.get("url")):
        yield fault("url", message)
    if message := _fault_of_proxy(table.get("proxy")):
        yield fault("proxy", message)
    poll_s = table.get("poll_s")
    if isinstance(poll_s, (int, float)) and not isinstance(poll_s, bool) and not poll_s >= MIN_POLL_S:
        yield fault("poll_s", f"must be {MIN_POLL_S:g} seconds or more")
    idle_s = table.get("poll_idle_s")
    least_s = poll_s if isinstance(poll_s, (int, float)) else POLL_S
    if isinstance(idle_s, (int, float)) and not isinstance(idle_s, bool) and not idle_s >= least_s:
        yield fault("poll_idle_s", f"must be {least_s:g} seconds or more, as `poll_s` is")
    variable = table.get("token_env")
    if isinstance(variable, str) and not _VARIABLE.fullmatch(variable):
        yield fault("token_env", "must name an environment variable, not hold the token itself")
    sources = [key for key in _TOKEN_SOURCES if key in table]
    if len(sources) > 1:
        yield fault(sources[1], f"cannot stand beside `{sources[0]}`: a token comes from one place")
    if table.get("token_command") == []:
        yield fault("token_command", "must hold a command and its arguments")
    if "client_key" in table and "client_cert" not in table:
        yield fault("client_key", "needs `client_cert` beside it")
    redact = table.get("redact")
    for path in redact if isinstance(redact, list) else ():
        if isinstance(path, str) and (message := fault_of_path(path)):
            yield fault("redact", f"cannot be: {message}")
    for key in _FILES:
        if isinstance(table.get(key), str) and not Path(table[key]).is_file():
            yield fault(key, f"names no file: {table[key]}")


def _fault_of_url(url: Any) -> str:
    if not isinstance(url, str):
        return ""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        return f"is no URL: {error}"
    if parts.username is not None or parts.password is not None:
        return "holds credentials: take them out and name their variable with `token_env` (and `basic_user`)"
    if parts.scheme not in ("http", "https"):
        return "must begin with http:// or https://"
    if not parts.hostname:
        return "names no host"
    if not url.isprintable() or " " in url:
        return "holds characters that no URL may hold"
    if parts.query or parts.fragment:
        return "must end with its path: no ?query, no #fragment"
    return ""


def _fault_of_proxy(proxy: Any) -> str:
    if not isinstance(proxy, str):
        return ""
    if "@" in proxy:
        return "holds credentials, which would stand readable in this file: use a proxy without"
    if not proxy.startswith(("http://", "https://", "socks5://", "socks5h://")):
        return "must begin with http:// or socks5://"
    return ""


def _unknown(key: str, keys: tuple[str, ...], valid: Collection[str]) -> str:
    where = f" in [{'.'.join(keys)}]" if keys else ""
    hint = nearest(key, valid)
    advice = f"did you mean `{hint}`?" if hint else f"known are {', '.join(sorted(valid))}"
    return f"`{key}` is no setting{where}; {advice}"


def _unknown_kind(name: str, kind: str | None) -> str:
    known = ", ".join(connectors.kinds())
    if kind is None:
        return f"[endpoints.{name}] needs `kind`, one of {known}"
    hint = nearest(kind, connectors.kinds())
    meant = f" (did you mean `{hint}`?)" if hint else ""
    return f"`{kind}` is no kind of endpoint{meant}; there are {known}"


def _struct_in(hint: Any) -> type[msgspec.Struct] | None:
    """The struct a field holds, alone or beside None."""
    for candidate in _members(hint):
        if isinstance(candidate, type) and issubclass(candidate, msgspec.Struct):
            return candidate
    return None


def _values_of_dict(hint: Any) -> Any:
    """The type of a table's values, where a field is a table of free keys."""
    for candidate in _members(hint):
        if typing.get_origin(candidate) is dict:
            return typing.get_args(candidate)[1]
    return None


def _elements_of_list(hint: Any) -> Any:
    """The type of a list's elements, where they are tables or one of a few words."""
    for candidate in _members(hint):
        if typing.get_origin(candidate) is list:
            of_elements = typing.get_args(candidate)[0]
            return of_elements if _struct_in(of_elements) or _words_in(of_elements) else None
    return None


def _words_in(hint: Any) -> list[str]:
    """The words that a field may hold, where there are but a few."""
    found: list[str] = []
    for candidate in _members(hint):
        if typing.get_origin(candidate) is typing.Literal:
            found += [word for word in typing.get_args(candidate) if isinstance(word, str)]
        elif isinstance(candidate, type) and issubclass(candidate, Enum):
            found += [member.value for member in candidate]
        elif candidate is not type(None):
            return []
    return found


def _one_of(word: str, known: list[str]) -> str:
    hint = nearest(word, known)
    return f"one of {', '.join(known)}" + (f"; did you mean `{hint}`?" if hint else "")


def _members(hint: Any) -> tuple[Any, ...]:
    if typing.get_origin(hint) is typing.Annotated:
        return _members(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return typing.get_args(hint)
    return (hint,)
