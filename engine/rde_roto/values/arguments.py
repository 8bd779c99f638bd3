"""Arguments from Python scripts: one of another type is refused by name, where it is given."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from operator import index
from typing import Any, TypeVar

from rde_roto.values.plain_text import one_line

T = TypeVar("T")

_MOST_SHOWN = 60  # characters of a wrong argument in a message


def require(value: object, kind: type | tuple[type, ...], expected: str) -> None:
    """Raise TypeError for a value of another type; `expected` says what is, and how to get one."""
    if not isinstance(value, kind):
        raise _wrong(expected, value)


def refuse(value: object, kind: type | tuple[type, ...], expected: str) -> None:
    """Raise TypeError for a value of this type, which `require` would take for what is expected."""
    if isinstance(value, kind):
        raise _wrong(expected, value)


def number(value: Any, expected: str) -> float:
    """Return a number as a float; numpy's numbers are numbers too. Raises TypeError for others."""
    require(value, Real, expected)
    return float(value)


def frame_number(value: Any) -> int:
    """Return a frame as an int; numpy's integers are frames too. Raises TypeError for others."""
    try:
        return index(value)
    except TypeError:
        raise _wrong("a frame, such as 1001", value) from None


def tuple_of(values: Iterable[T], kind: type[T], expected: str) -> tuple[T, ...]:
    """Return values as a tuple. Raises TypeError for one value alone, a text, or another type."""
    require(values, (tuple, list), expected)
    for value in values:
        require(value, kind, expected)
    return tuple(values)


def _wrong(expected: str, value: object) -> TypeError:
    return TypeError(f"expected {expected}, not {_shown(value)}")


def _shown(value: object) -> str:
    shown = one_line(repr(value))
    kind = type(value).__name__
    return f"the {kind} {shown}" if len(shown) <= _MOST_SHOWN else f"a {kind}"
