"""The dialect of YAML that is read and written here, and how values are written in it.

It is YAML 1.1 with two number formats of YAML 1.2: `1e-5`, which is text in YAML 1.1, and `0101`,
which is 65 there: padded frame numbers are not octal.
"""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

INT: Final = "tag:yaml.org,2002:int"
_FLOAT: Final = "tag:yaml.org,2002:float"
PADDED: Final = re.compile(r"[-+]?0[0-9]+$")
"""A whole number with leading zeros."""
_EXPONENT_ALONE: Final = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$")


def add_number_forms(kind: Any) -> None:
    """Teach a loader or dumper class of PyYAML the two number formats of YAML 1.2."""
    kind.add_implicit_resolver(_FLOAT, _EXPONENT_ALONE, list("-+0123456789"))
    kind.add_implicit_resolver(INT, PADDED, list("-+0"))


class _Dumper(yaml.SafeDumper):
    """Quotes texts such as `1e-5` and `0108`, which would be read as numbers."""


add_number_forms(_Dumper)


def yaml_pair(key: str, value: object) -> str:
    """Write `key: value` as YAML, on one line unless the value is text of several lines."""
    pair = yaml.dump({key: value}, Dumper=_Dumper, allow_unicode=True, width=10_000)
    return str(pair).rstrip("\n")


def yaml_flow(value: object) -> str:
    """Write a value as YAML on one line, lists and mappings in brackets."""
    text = yaml.dump(
        value,
        Dumper=_Dumper,
        allow_unicode=True,
        width=10_000,
        default_flow_style=True,
        sort_keys=False,
    )
    return str(text).removesuffix("...\n").rstrip("\n")
