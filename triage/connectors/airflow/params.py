"""An Airflow form: the parameters of a task as one JSON Schema, and whether values fit it.

Airflow takes any values and fails the task a moment later over those that do not fit; nothing can be
corrected then. So values are checked here as strictly as Airflow checks them in the end.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import jsonschema_rs

__all__ = ["faults", "proposed", "schema"]

MAX_FAULTS = 8


def schema(params: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of all parameters together: each of them must be given, and no other."""
    return {
        "type": "object",
        "properties": {name: _one(param) for name, param in params.items()},
        "required": list(params),
        "additionalProperties": False,
    }


def proposed(params: dict[str, Any]) -> dict[str, Any]:
    """The values the task proposes; null where it proposes none."""
    return {name: param["value"] if _is_param(param) else param for name, param in params.items()}


def faults(form: dict[str, Any], values: Any) -> list[str]:
    """Where values do not fit a form, formats such as ``date`` included: ``budget: 12 is …``."""
    validator = _validator(msgspec.json.encode(form))
    if isinstance(validator, str):
        return [validator]
    found = []
    for error in validator.iter_errors(values):
        place = ".".join(str(part) for part in error.instance_path)
        found.append(f"{place}: {error.message}" if place else error.message)
        if len(found) == MAX_FAULTS:
            break
    return found


def _one(param: Any) -> dict[str, Any]:
    """The schema of one parameter, with what it proposes. Without a type, that of its value is taken: an
    edited number must not become text."""
    if not _is_param(param):
        param = {"value": param, "description": None, "schema": {}}
    own: dict[str, Any] = dict(param["schema"]) if isinstance(param["schema"], dict) else {}
    if not own.keys() & {"type", "enum", "const", "anyOf", "oneOf", "allOf"}:
        own |= _type_of(param["value"])
    if isinstance(param["description"], str) and "description" not in own:
        own["description"] = param["description"]
    if param["value"] is not None:
        own["default"] = param["value"]
    return own


def _type_of(value: Any) -> dict[str, str]:
    kinds = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return {"type": kinds[type(value)]} if type(value) in kinds else {}


def _is_param(param: Any) -> bool:
    """Whether it is told with its schema; Airflow 3.1.0 to 3.1.2 may give the bare value."""
    return isinstance(param, dict) and param.keys() >= {"value", "description", "schema"}


@lru_cache(maxsize=256)
def _validator(encoded: bytes) -> jsonschema_rs.Validator | str:
    """The validator of a form, or why there is none. Never fetches anything."""
    import jsonschema_rs

    try:
        return jsonschema_rs.validator_for(
            msgspec.json.decode(encoded), validate_formats=True, retriever=_refuse_to_fetch
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:  # type: ignore[misc]
        first = (str(error) or type(error).__name__).splitlines()[0]
        return f"the form's JSON Schema cannot be used, so nothing can be checked against it: {first}"


def _refuse_to_fetch(uri: str) -> Any:
    raise ValueError(f"it refers to {uri}, and schemas are never fetched")
