"""The colour configuration: that of `$OCIO`, or a pinned builtin one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from OpenImageIO import ColorConfig

from rde_roto.images.color.gamuts import ACES, to_rec709
from rde_roto.values.digest import digest_file, digest_of
from rde_roto.values.errors import VariableError
from rde_roto.values.matte import FloatArray
from rde_roto.values.regular_files import check_regular, read_regular

LINEAR = "lin_rec709"

_MOST_BYTES = 1 << 30  # one of OCIO's archives holds its tables
_PINNED = "ocio://studio-config-v2.2.0_aces-v1.3_ocio-v2.4"
_INTERCHANGE, _SCENE = "aces_interchange", "scene_linear"  # roles
_SEARCH_RULE = "ColorSpaceNamePathSearch"
_DEFAULT_RULE = re.compile(r"\bname:[ \t]*[\"']?Default\b")
_RULED_SPACE = re.compile(r"\bcolorspace:[ \t]*(\"[^\"\n]*\"|'[^'\n]*'|[^,}\n]+)")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)\}?|%([A-Za-z_]\w*)%", re.ASCII)
_SEARCH_PATH = re.compile(r"^search_path:[ \t]*(.*(?:\n[ \t]*- .*)*)", re.MULTILINE)
_TABLE = re.compile(r"\bsrc:[ \t]*(\"[^\"\n]*\"|'[^'\n]*'|[^,}\n]+)")


class Config(NamedTuple):
    """A colour configuration: its name for OCIO, and the state of its file and of what it reads
    (tables, variables); the state is empty for a builtin configuration.
    """

    name: str
    state: str

    @classmethod
    def now(cls) -> Config:
        """Return the configuration of `$OCIO`, or the pinned one, with the current environment."""
        name = os.environ.get("OCIO") or _PINNED
        try:
            status = Path(name).stat()
            return cls(name, f":{_state(name, status.st_mtime_ns, status.st_size)}")
        except OSError:
            return cls(name, "")

    def loaded(self) -> ColorConfig:
        """Load it. Raises VariableError if unreadable: OpenImageIO would use another one."""
        config, trouble = _load(self)
        if trouble:
            raise VariableError(
                f"the colour configuration of $OCIO cannot be read: {trouble}: correct $OCIO, or "
                "unset it for the builtin configuration"
            )
        return config

    @property
    def searches_names(self) -> bool:
        """Whether its file rules search paths for names of spaces, which is all that OCIO 1 did."""
        text = _text_of(self.name) if self.state else ""
        return "file_rules:" not in text or _SEARCH_RULE in text

    @property
    def ruled(self) -> tuple[str, ...]:
        """The spaces in its file rules, except that of the default rule."""
        text = _text_of(self.name) if self.state else ""
        rules = [rule for rule in text.split("!<Rule>")[1:] if not _DEFAULT_RULE.search(rule)]
        found = (_RULED_SPACE.search(rule) for rule in rules)
        return tuple(match[1].strip().strip("\"'") for match in found if match)

    @property
    def unset(self) -> tuple[str, ...]:
        """The variables that its file uses and that are not set."""
        text = _text_of(self.name) if self.state else ""
        return tuple(sorted(name for name in _variables(text) if name not in os.environ))


class Working(NamedTuple):
    """The linear space to which a configuration's spaces are converted.

    `space` is its name there. `matrix` converts it to linear Rec.709 (for RGB row vectors); None if
    it is that already, or is used in its place: then `stands_in` is true.
    """

    space: str
    matrix: FloatArray | None = None
    stands_in: bool = False

    @classmethod
    def of(cls, config: Config) -> Working:
        """Choose linear Rec.709 itself, else the interchange role, else the scene-linear role,
        whose primaries are unknown.

        Raises VariableError for a configuration that has none of them.
        """
        loaded = config.loaded()
        if loaded.getColorSpaceIndex(loaded.resolve(LINEAR)) >= 0:
            return cls(LINEAR)
        roles = loaded.getRoles()  # the library invents a name for a missing role
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
    try:
        check_regular(Path(named.name), _MOST_BYTES)  # OCIO would wait for a pipe for ever
    except FileNotFoundError:  # or a builtin one
        pass
    except OSError as error:
        return ColorConfig(_PINNED), f"{named.name}: {error.strerror}"
    config = ColorConfig(named.name)
    message = " ".join((config.geterror() or "").split()).rstrip(".")
    cause = message.rpartition("' failed. ")[2]  # after two sentences that only name the file
    return config, cause if named.name in cause or not cause else f"{named.name}: {cause}"


@lru_cache
def _state(path: str, _mtime_ns: int, _size: int) -> str:
    """The digest of a configuration's file, the tables that it reads and the variables it uses.

    They are read once per process, as in OCIO.
    """
    text = _text_of(path)
    variables = sorted((name, os.environ.get(name, "")) for name in _variables(text))
    tables = [digest_file(table) for table in _tables(text, Path(path).absolute().parent)]
    values = (part for pair in variables for part in pair)
    return digest_of(digest_file(Path(path)), *values, *tables)


def _text_of(path: str) -> str:
    return read_regular(Path(path), _MOST_BYTES).decode("utf-8", "replace")


def _variables(text: str) -> set[str]:
    return {found[1] or found[2] for found in _VARIABLE.finditer(text)}


def _tables(text: str, home: Path) -> Iterator[Path]:
    """The table files that a configuration names, found on its search path."""
    declared = _SEARCH_PATH.search(text)
    paths = re.split(r"[\n:,\[\]]", declared[1]) if declared else []  # in any of YAML's ways
    folders = [home, *(home / _filled(path.strip().removeprefix("- ")) for path in paths)]
    names = {_filled(found[1].strip()) for found in _TABLE.finditer(text)}
    for name in sorted(names):
        for folder in dict.fromkeys(folders):
            if (folder / name).is_file():
                yield folder / name


def _filled(text: str) -> str:
    """Replace the variables in a path and remove quotes."""
    return _VARIABLE.sub(lambda found: os.environ.get(found[1] or found[2], ""), text.strip("\"'"))
