"""The names of colour spaces: which space a name, a path or a configuration means."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from OpenImageIO import ColorConfig

from rde_roto.images.color.config import LINEAR, Config, Working
from rde_roto.images.color.curves import cineon_to_linear
from rde_roto.images.color.video import VIDEO_SPACES, ToLinear
from rde_roto.values.errors import UsageError

SRGB: Final = "sRGB"
CINEON: Final = "KodakLog"
CODES: Final = (-1.0, 2.0)
"""Code values outside are clipped: their light would overflow."""

_FILE_RULES: Final = "the colour configuration's file rules"

FORMULAS: Final[Mapping[str, ToLinear]] = {
    CINEON: lambda codes: cineon_to_linear(codes.clip(*CODES)),
    **VIDEO_SPACES,
}
"""The formulas of spaces that need no configuration: from pixels to linear Rec.709."""

_NAMES: Final = {name.lower(): name for name in (SRGB, LINEAR, *FORMULAS)}


def canonical_space(name: str) -> str:
    """Return the canonical name of a colour space: unique for spaces that need no configuration,
    any other name unchanged.

    Raises UsageError for a space that neither this module nor the colour configuration knows, and
    when the configuration cannot be read.
    """
    config = Config.now()
    known = _canonical(name, config)
    if known is None:
        raise UsageError(f"unknown colour space '{name}': {_nearest(name, config)}")
    return known


def known_space(name: str) -> str | None:
    """As `canonical_space`, but None for an unknown space."""
    return _canonical(name, Config.now())


@lru_cache
def _canonical(name: str, named: Config) -> str | None:
    own = _NAMES.get(name.lower())
    if own is not None:
        return own
    config = named.loaded()
    for light in (SRGB, LINEAR):
        if config.equivalent(name, light):
            return light
    return name if config.getColorSpaceIndex(config.resolve(name)) >= 0 else None


class Ruled(NamedTuple):
    """A colour space from file rules, and its source in words."""

    space: str
    source: str


def space_of_file_rules(path: Path) -> Ruled | None:
    """Return the space that the configuration's file rules give for a path; None if only the
    default rule matches, which says nothing about this file.

    Rules with patterns see the absolute path. The rule that searches the path for names of spaces
    counts only for whole words of the file's own name and for colour spaces: a folder `faces` does
    not mean ACES. Raises UsageError when the configuration cannot be read.
    """
    named = Config.now()
    config, whole = named.loaded(), os.path.abspath(path)  # noqa: PTH100 - links stay
    if config.filepathOnlyMatchesDefaultRule(whole):
        return None
    space = config.getColorSpaceFromFilepath(whole)
    of_patterns = {config.resolve(name) for name in named.ruled}
    names = (space, *config.getAliases(space))
    is_searched = named.searches_names and any(name.lower() in whole.lower() for name in names)
    if not is_searched:
        return Ruled(space, _FILE_RULES)
    found = _named_in(path.stem, config)
    if found is not None:
        return found
    return Ruled(space, _FILE_RULES) if config.resolve(space) in of_patterns else None


def _named_in(stem: str, config: ColorConfig) -> Ruled | None:
    """The space whose name or alias is a word of a file's name: the last word, then the longest."""
    found = []
    for space in config.getColorSpaceNames():
        if config.isData(space):
            continue
        for name in (space, *config.getAliases(space)):
            word = re.compile(rf"(?<![^_.\-\s]){re.escape(name)}(?![^_.\-\s])", re.IGNORECASE)
            found += [(match.end(), len(name), space, match[0]) for match in word.finditer(stem)]
    if not found:
        return None
    *_, space, word_found = max(found)
    return Ruled(space, f"{_FILE_RULES} ('{word_found}' in its name)")


def _nearest(name: str, named: Config) -> str:
    names = [*_NAMES.values(), *named.loaded().getColorSpaceNames()]
    known = {known.lower(): known for known in names}
    near = [known[found] for found in get_close_matches(name.lower(), known, n=3, cutoff=0.4)]
    if not near:
        return f"{named.name} has {len(known)} others, none with a similar name"
    return f"did you mean {' or '.join(near)}? (of {named.name})"


def stand_in(color_space: str) -> str | None:
    """Return what the configuration lacks and what is used instead, in words, if that affects a
    canonical space; else None. Raises UsageError if there is no substitute.
    """
    if has_formula(color_space):
        return None
    config = Config.now()
    working = Working.of(config)
    if not working.stands_in:
        return None
    return (
        f"{config.name} has no linear Rec.709 ({LINEAR}): its scene_linear, {working.space}, is "
        "used instead"
    )


def has_formula(color_space: str) -> bool:
    """Return whether a canonical space needs no colour configuration."""
    return color_space in _NAMES.values()
