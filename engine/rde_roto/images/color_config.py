"""The colour configuration: that of `$OCIO`, or a pinned builtin one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from OpenImageIO import ColorConfig

from rde_roto.images.gamuts import ACES, to_rec709
from rde_roto.values.digest import digest_file, digest_of
from rde_roto.values.errors import VariableError
from rde_roto.values.matte import FloatArray

LINEAR = "lin_rec709"

_PINNED = "ocio://studio-config-v2.2.0_aces-v1.3_ocio-v2.4"
_INTERCHANGE, _SCENE = "aces_interchange", "scene_linear"  # roles
_SEARCH_RULE = "ColorSpaceNamePathSearch"
_DEFAULT_RULE = re.compile(r"\bname:[ \t]*[\"']?Default\b")
_RULED_SPACE = re.compile(r"\bcolorspace:[ \t]*(\"[^\"\n]*\"|'[^'\n]*'|[^,}\n]+)")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)\}?|%([A-Za-z_]\w*)%", re.ASCII)
_SEARCH_PATH = re.compile(r"^search_path:[ \t]*(.*(?:\n[ \t]*- .*)*)", re.MULTILINE)
_TABLE = re.compile(r"\bsrc:[ \t]*(\"[^\"\n]*\"|'[^'\n]*'|[^,}\n]+)")


class Config(NamedTuple):
    """A colour configuration: its name for OCIO, and the state of its file and of what that reads
    (tables, variables), which is nothing for a builtin one.
    """

    name: str
    state: str

    @classmethod
    def now(cls) -> Config:
        """The one of `$OCIO`, or the pinned one. Variables are those of the process."""
        name = os.environ.get("OCIO") or _PINNED
        try:
            status = Path(name).stat()
            return cls(name, f":{_state(name, status.st_mtime_ns, status.st_size)}")
        except OSError:
            return cls(name, "")

    def loaded(self) -> ColorConfig:
        """Raises VariableError when it cannot be read: OpenImageIO would take another one."""
        config, trouble = _load(self)
        if trouble:
            raise VariableError(
                f"the colour configuration of $OCIO cannot be read: {trouble}: correct $OCIO, or "
                "unset it for the builtin configuration"
            )
        return config

    @property
    def searches_names(self) -> bool:
        """Whether its file rules look for names of spaces in a path; OCIO 1 had no others."""
        text = _text_of(self.name) if self.state else ""
        return "file_rules:" not in text or _SEARCH_RULE in text

    @property
    def ruled(self) -> tuple[str, ...]:
        """The spaces that its file rules name, the default rule's aside."""
        text = _text_of(self.name) if self.state else ""
        rules = [rule for rule in text.split("!<Rule>")[1:] if not _DEFAULT_RULE.search(rule)]
        found = (_RULED_SPACE.search(rule) for rule in rules)
        return tuple(match[1].strip().strip("\"'") for match in found if match)

    @property
    def unset(self) -> tuple[str, ...]:
        """The variables that its file uses and that have no value."""
        text = _text_of(self.name) if self.state else ""
        return tuple(sorted(name for name in _variables(text) if name not in os.environ))


class Working(NamedTuple):
    """The linear space that a configuration's spaces are brought to.

    `space` is its name there, `matrix` what brings it on to linear Rec.709 (RGB rows on its left),
    None where that is what it is, or what it is taken for: then `stands_in`.
    """

    space: str
    matrix: FloatArray | None = None
    stands_in: bool = False

    @classmethod
    def of(cls, config: Config) -> Working:
        """Linear Rec.709 itself, or by the role for interchange, or else the role for scene-linear
        light, whose primaries nobody knows.

        Raises VariableError where a configuration has none of them.
        """
        loaded = config.loaded()
        if loaded.getColorSpaceIndex(loaded.resolve(LINEAR)) >= 0:
            return cls(LINEAR)
        roles = loaded.getRoles()  # for a role that is not there, the library makes up a name
        if _INTERCHANGE in roles:
            return cls(loaded.getColorSpaceNameByRole(_INTERCHANGE), to_rec709(ACES))
        if _SCENE in roles:
            return cls(loaded.getColorSpaceNameByRole(_SCENE), stands_in=True)
        raise VariableError(
            f"the colour configuration {config.name} has no linear Rec.709 ({LINEAR}) and neither "
            f"of the roles {_INTERCHANGE} and {_SCENE}: give it one of them"
        )


@lru_cache
def _load(named: Config) -> tuple[ColorConfig, str]:
    config = ColorConfig(named.name)
    said = " ".join((config.geterror() or "").split()).rstrip(".")
    cause = said.rpartition("' failed. ")[2]  # behind two sentences that only name the file
    return config, cause if named.name in cause or not cause else f"{named.name}: {cause}"


@lru_cache
def _state(path: str, _mtime_ns: int, _size: int) -> str:
    """Digest of a configuration's file, the tables that it reads and the variables that it uses.

    They are looked at once a process, as OCIO does.
    """
    text = _text_of(path)
    variables = sorted((name, os.environ.get(name, "")) for name in _variables(text))
    tables = [digest_file(table) for table in _tables(text, Path(path).absolute().parent)]
    said = (part for pair in variables for part in pair)
    return digest_of(digest_file(Path(path)), *said, *tables)


def _text_of(path: str) -> str:
    return Path(path).read_bytes().decode("utf-8", "replace")


def _variables(text: str) -> set[str]:
    return {found[1] or found[2] for found in _VARIABLE.finditer(text)}


def _tables(text: str, home: Path) -> Iterator[Path]:
    """The files of tables that a configuration names, wherever on its search path they are."""
    said = _SEARCH_PATH.search(text)
    paths = re.split(r"[\n:,\[\]]", said[1]) if said else []  # in any of YAML's ways
    folders = [home, *(home / _filled(path.strip().removeprefix("- ")) for path in paths)]
    names = {_filled(found[1].strip()) for found in _TABLE.finditer(text)}
    for name in sorted(names):
        for folder in dict.fromkeys(folders):
            if (folder / name).is_file():
                yield folder / name


def _filled(text: str) -> str:
    """A path with the values of the variables in it, without quotes."""
    return _VARIABLE.sub(lambda found: os.environ.get(found[1] or found[2], ""), text.strip("\"'"))
