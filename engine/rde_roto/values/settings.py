"""The base class of all documents that people write by hand, and their allowed values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeGuard, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError


class Settings(BaseModel):
    """A frozen model that refuses unknown keys and converts no types silently.

    A field whose type is itself a Settings is a section; it must not be optional.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def first_fault(error: ValidationError, whole: str = "the document") -> str:
    """Say the first thing that is wrong: `plate.width: …`, or what is wrong with the `whole`."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"])) or whole
    return f"{place}: {first.get('ctx', {}).get('error', first['msg'])}"


def sections_of(model: type[Settings]) -> dict[str, type[Settings]]:
    """Return the models of all keys that hold a section, in order."""
    types = {key: field.annotation for key, field in model.model_fields.items()}
    return {key: type_ for key, type_ in types.items() if _is_settings(type_)}


def lists_of_sections(model: type[Settings]) -> dict[str, type[Settings]]:
    """Return the item models of all keys that hold a list of sections, in order."""
    types = {key: field.annotation for key, field in model.model_fields.items()}
    lists = {key: get_args(type_)[0] for key, type_ in types.items() if get_origin(type_) is list}
    return {key: item for key, item in lists.items() if _is_settings(item)}


def allowed_values(model: type[Settings], path: Sequence[str | int]) -> str | None:
    """Describe the allowed values of the key at `path`, such as ("tracking", "lines").

    An index in the path leads into a list. None if they cannot be described in a few words.
    """
    schema = model.model_json_schema()
    part = schema
    for step in path:
        if "$ref" in part:
            part = schema["$defs"][part["$ref"].rpartition("/")[2]]
        inner = part.get("items") if isinstance(step, int) else part.get("properties", {}).get(step)
        part = inner or {}
    return _in_words(part)


_LIMITS: Final = (
    ("minimum", "from"),
    ("exclusiveMinimum", "above"),
    ("maximum", "to"),
    ("exclusiveMaximum", "below"),
    ("multipleOf", "that is a multiple of"),
)
_KINDS: Final = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "null": "null",
}


def _is_settings(type_: Any) -> TypeGuard[type[Settings]]:
    # In Python 3.10 list[int] passes for a type, but has an origin.
    return get_origin(type_) is None and isinstance(type_, type) and issubclass(type_, Settings)


def _in_words(schema: Mapping[str, Any]) -> str | None:
    if "anyOf" in schema:
        choices = [_in_words(choice) for choice in schema["anyOf"]]
        return None if None in choices else " or ".join(map(str, choices))
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if schema.get("type") not in _KINDS:
        return None
    limits = [f" {word} {schema[limit]:g}" for limit, word in _LIMITS if limit in schema]
    if "minimum" in schema and "maximum" not in schema:
        limits.insert(1, " up")
    return _KINDS[schema["type"]] + "".join(limits)
