"""Frame sequences on disk and the patterns that name them: `####`, `@@@@`, `%04d`.

A token stands for one frame number; each `#` or `@` is one digit, and a number that exceeds its
padding is written in full (998, 999, 1000 with `###`). If a name has several tokens, the longest
counts; if a file of that name exists, `take#2.1001.exr`, it is that file and not a pattern. A minus
is a sign only after a separator or at the start of a name, so `hero-1001.exr` is frame 1001 and
`hero.-010.exr` is frame -10.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange

IMAGE_SUFFIXES = frozenset({".exr", ".dpx", ".tif", ".tiff", ".png", ".jpg", ".jpeg"})

_TOKEN = re.compile(r"#+|@+|%(?:0([1-9][0-9]*))?d")
_VIEW = re.compile(r"%[Vv](?![A-Za-z0-9])")
_SIGN = r"(?:(?<![^\W_])-)?"  # a minus is a sign unless a letter or digit stands before it
_NUMBER = re.compile(_SIGN + r"[0-9]+")
# The number a single frame's name ends in; `_v03` is a version, not a frame.
_NUMBERED = re.compile(rf"(.*?)((?<![0-9])(?<![^A-Za-z][vV]){_SIGN}[0-9]+)(\.[^.]+)", re.DOTALL)


_OWN_NUMBER = re.compile(r"(?:.*[._-])?([0-9]{3,})\.[^.]+", re.DOTALL)


def number_in_name(path: Path) -> int | None:
    """Return the number in which a single picture's name ends, as `mask.1001.png` does, if it looks
    like a frame's: of three digits or more, and apart from the rest of the name.
    """
    match = _OWN_NUMBER.fullmatch(path.name)
    return None if match is None else int(match[1])


@dataclass(frozen=True)
class FramePattern:
    """A file name with a frame number in it: `folder / (prefix + number + suffix)`.

    `width` is the minimum number of characters of the number, including a minus sign, as in printf.
    """

    folder: Path
    prefix: str
    width: int
    suffix: str

    @staticmethod
    def parse(text: str) -> FramePattern | None:
        """Parse a path; None if its file name has no token.

        Raises UsageError if it has several and none of them is the longest.
        """
        path = Path(text)
        tokens = sorted(_TOKEN.finditer(path.name), key=_width, reverse=True)
        if not tokens:
            return None
        if len(tokens) > 1 and _width(tokens[0]) == _width(tokens[1]):
            raise UsageError(f"'{text}' holds {len(tokens)} frame tokens: expected one, as in ####")
        token, name = tokens[0], path.name
        before, behind = name[: token.start()], name[token.end() :]
        return FramePattern(path.parent, before, _width(token), behind)

    def __str__(self) -> str:
        """The file name with its token as `#`."""
        return f"{self.prefix}{'#' * self.width}{self.suffix}"

    def path(self, frame: int) -> Path:
        """Return the file of a frame."""
        return self.folder / f"{self.prefix}{frame:0{self.width}d}{self.suffix}"


@dataclass(frozen=True, eq=False)
class FrameSequence:
    """Files on disk that differ only in their frame number, as they were found in one scan."""

    pattern: FramePattern
    range: FrameRange
    _numbers: Mapping[int, str] = field(repr=False)

    @property
    def name(self) -> str:
        """For messages: `hero.####.exr`; `bear/#####.jpg` where the number alone says little."""
        folder = "" if self.pattern.prefix else f"{self.pattern.folder.name}/"
        return f"{folder}{self.pattern}"

    def path(self, frame: int) -> Path:
        """Return the file of a frame. Raises InputError when the scan found none."""
        number = self._numbers.get(frame)
        if number is None:
            raise InputError(f"{self.name} has no frame {frame} (it has {self.range.words})")
        return self.pattern.folder / f"{self.pattern.prefix}{number}{self.pattern.suffix}"

    def later_frames(self) -> FrameRange:
        """Return the frames that have come since the scan: the folder is scanned again.

        Files that came later may give the pattern another width: of 8 to 12, 10 may come first.
        """
        own, known = self.pattern, set(self._numbers.values())
        now = [
            frame
            for one in _find_numbers(own.folder, own.prefix, own.suffix)
            if one.pattern == own or not known.isdisjoint(one._numbers.values())
            for frame in one.range
        ]
        return FrameRange.of(now).difference(self.range)


def _width(token: re.Match[str]) -> int:
    return int(token[1] or 1) if token[0].startswith("%") else len(token[0])


def named_view(text: str, view: str | None) -> tuple[bool, str]:
    """Replace `%V` in a path by the view's name and `%v` by its first letter.

    Returns whether there was anything to replace, and the path. The path of an existing file is
    left as it is, and so is a word such as `100%valid`. Raises UsageError if no view is given for
    `%V`.
    """
    if not _VIEW.search(text) or Path(text).exists():
        return False, text
    if view is None:
        raise UsageError(
            f"'{text}' contains %V, a view's name: choose one, such as left", keys=("plate.view",)
        )
    names = {"%V": view, "%v": view[:1]}
    return True, _VIEW.sub(lambda token: names[token[0]], text)


def find_sequence(text: str) -> FrameSequence:
    """Find a sequence by a pattern, by one of its frames, or by its folder.

    Padding and range come from one scan of the folder. A folder must contain exactly one image
    sequence. A pattern also matches files with another padding if there is only one.

    Raises UsageError when the text matches several sequences or a file without a frame number,
    InputError when it matches nothing.
    """
    path = Path(text)
    if path.is_dir():
        return _find_in_folder(path)
    pattern = None if path.is_file() else FramePattern.parse(text)
    if pattern is not None:
        return _find_by_pattern(pattern, text)
    return _find_by_frame(path)


def _find_in_folder(folder: Path) -> FrameSequence:
    numbers: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for name in _scan(folder):
        match = _NUMBERED.fullmatch(name)
        if match is not None and match[3].lower() in IMAGE_SUFFIXES:
            numbers[match[1], match[3]].append(match[2])
    found = [
        sequence
        for (prefix, suffix), texts in sorted(numbers.items())
        for sequence in _group(folder, prefix, suffix, texts)
    ]
    if not found:
        raise InputError(f"the folder {folder} holds no numbered {_suffixes()} images")
    return _only_one(found, f"the folder {folder}")


def _find_by_pattern(pattern: FramePattern, text: str) -> FrameSequence:
    found = _find_numbers(pattern.folder, pattern.prefix, pattern.suffix)
    if not found:
        raise InputError(f"no file matches {text}")
    for sequence in found:
        if sequence.pattern.width == pattern.width:
            return sequence
    return _only_one(found, text)


def _find_by_frame(path: Path) -> FrameSequence:
    match = _NUMBERED.fullmatch(path.name)
    if match is None:
        if not path.exists():
            raise InputError(f"{path} does not exist")
        raise UsageError(
            f"{path} has no frame number: expected a folder, a pattern such as hero.####.exr, "
            "or a file whose name ends in its frame number"
        )
    prefix, number, suffix = match.groups()
    for sequence in _find_numbers(path.parent, prefix, suffix):
        if int(number) in sequence.range and sequence.path(int(number)).name == path.name:
            return sequence
    raise InputError(f"{path} does not exist")


def _find_numbers(folder: Path, prefix: str, suffix: str) -> list[FrameSequence]:
    end = -len(suffix) or None
    texts = []
    for name in _scan(folder):
        if name.startswith(prefix) and name.endswith(suffix):
            # matched in place, so that the character before a minus sign is known
            match = _NUMBER.fullmatch(name, len(prefix), len(name[:end]))
            if match is not None:
                texts.append(match[0])
    return _group(folder, prefix, suffix, texts)


def _scan(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise InputError(f"cannot list the folder {folder}: {error.strerror}") from error


def _group(folder: Path, prefix: str, suffix: str, texts: Iterable[str]) -> list[FrameSequence]:
    """One sequence for each padding among numbers as written.

    A leading zero reveals the padding; a number without one belongs to the widest padding it fills.
    """
    padded: defaultdict[int, dict[int, str]] = defaultdict(dict)
    free: list[str] = []
    negative: list[str] = []
    for text in texts:
        if text.startswith("-0"):
            negative.append(text)
        elif text.startswith("0") and len(text) > 1:
            padded[len(text)][int(text)] = text
        else:
            free.append(text)
    for text in negative:  # -010 has four characters, or three digits where padding is three
        width = next((width for width in (len(text), len(text) - 1) if width in padded), len(text))
        padded[width][int(text)] = text
    widths = sorted(padded, reverse=True)
    unpadded: dict[int, str] = {}
    for text in free:
        width = next((width for width in widths if width <= len(text)), 0)
        (padded[width] if width else unpadded)[int(text)] = text
    if unpadded:
        padded[min(map(len, unpadded.values()))].update(unpadded)
    return [
        FrameSequence(FramePattern(folder, prefix, width, suffix), FrameRange.of(found), found)
        for width, found in sorted(padded.items())
    ]


def _only_one(found: list[FrameSequence], where: str) -> FrameSequence:
    if len(found) > 1:
        names = ", ".join(f"{sequence.name} ({sequence.range})" for sequence in found[:8])
        more = f" and {len(found) - 8} more" if len(found) > 8 else ""
        raise UsageError(f"{where} stands for {len(found)} sequences: name one of {names}{more}")
    return found[0]


def _suffixes() -> str:
    return ", ".join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))
