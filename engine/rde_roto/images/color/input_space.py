"""Decides which colour space a plate is in, and records the source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from rde_roto.images.color.config import LINEAR
from rde_roto.images.color.gamuts import ACES, ACESCG, REC709, primaries_of
from rde_roto.images.color.spaces import (
    CINEON,
    SRGB,
    canonical_space,
    known_space,
    space_of_file_rules,
    stand_in,
)
from rde_roto.images.image_header import ImageHeader

_ARTIST = "you"

_INTEROP: Final = {
    "pq_rec2020_display": "PQ BT.2020",
    "hlg_rec2020_display": "HLG BT.2020",
    "pq_p3d65_display": "PQ P3-D65",
    "srgb_p3d65_display": "SDR P3-D65",
    "srgb_rec709_display": SRGB,
    "srgb_rec709_scene": SRGB,
    "rec709": SRGB,
    "ocio:acescct_ap1_scene": "ACEScct",
    "ocio:acescc_ap1_scene": "ACEScc",
    "ocio:g24_rec709_scene": "Gamma 2.4 Encoded Rec.709",
}
"""OpenImageIO's names that a configuration may lack, and the same spaces under other names."""

_LINEAR_OF: Final = {
    "BT.2020": ("Linear BT.2020",),
    "P3-D65": ("Linear P3-D65",),
    "P3-DCI": ("Linear P3-DCI",),
    ACES: ("lin_ap0_scene", "ACES2065-1"),
    ACESCG: ("lin_ap1_scene", "ACEScg"),
}
"""Names of the linear spaces of primaries; a configuration may have one of several."""


@dataclass(frozen=True)
class InputSpace:
    """The canonical colour space of a plate, and the source of this information.

    `note` is a sentence about what the configuration lacks and what is used instead, or empty.
    """

    name: str
    source: str
    note: str = ""

    @classmethod
    def of(cls, name: str, source: str) -> InputSpace:
        """Add the note. Raises UsageError for a space that cannot be converted."""
        return cls(name, source, stand_in(name) or "")

    def __str__(self) -> str:
        """One line: `camlog, says you`."""
        return f"{self.name}, says {self.source}"

    @property
    def is_set_by_artist(self) -> bool:
        """Whether the artist chose it, which overrides the files."""
        return self.source == _ARTIST

    @property
    def words(self) -> str:
        """Its part of the line that describes how a plate is read."""
        return f"{self.name} from {self.source}"


@dataclass(frozen=True)
class SpaceChoice:
    """The colour space chosen by people: by the artist, which overrides everything, and by the
    preset, which applies if nothing else does. Both canonical, or None.
    """

    artist: str | None = None
    preset: str | None = None

    @classmethod
    def of(cls, artist: str | None, preset: str | None) -> SpaceChoice:
        """From names as typed. Raises UsageError for an unknown one."""
        return cls(*(None if name is None else canonical_space(name) for name in (artist, preset)))


def input_space(path: Path, header: ImageHeader, choice: SpaceChoice) -> InputSpace:
    """Decide the space of an image file. The first source that gives one wins:

    the artist; 8 bits, which are sRGB whatever the file says, as in the network's training data;
    the file, if the colour configuration knows the name; the configuration's file rules; the
    chromaticities of an EXR of half or float, which is linear then; the preset; the file's format:
    half and float are scene-linear Rec.709, DPX of more than 8 bits is Cineon log, everything else
    is sRGB. Chromaticities of Rec.709 do not count: programs write them into any file.

    Raises UsageError for a configuration that is needed and cannot be read.
    """
    if header.pixel_type == "uint8" and choice.artist is None:
        return InputSpace(SRGB, "its 8 bits")
    return _first_answer(path, header.color_space, choice, _of_format(header))


def movie_space(path: Path, tagged: Callable[[], str | None], choice: SpaceChoice) -> InputSpace:
    """Decide the space of a movie, from: the artist; its tags; the file rules; the preset; sRGB.

    `tagged` gives the space of its tags, or None; it is not called if the artist chose a space.
    Raises as `tagged` and `input_space`.
    """
    return _first_answer(path, None if choice.artist else tagged(), choice, _ByFormat(SRGB))


def primaries_in(header: ImageHeader) -> str | None:
    """Return the primaries in the header of an EXR of floats, None if they say nothing: they are
    missing or Rec.709's.
    """
    if not header.chromaticities or not _is_light(header):
        return None
    primaries = primaries_of(header.chromaticities) or "unknown chromaticities"
    return None if primaries == REC709 else primaries


class _ByFormat(NamedTuple):
    """The space of a file's format, and the primaries in its header."""

    space: str
    primaries: str | None = None

    def light(self) -> str | None:
        """Return the linear space of the primaries. Raises as `known_space`."""
        spaces = map(known_space, _LINEAR_OF.get(self.primaries or "", ()))
        return next(filter(None, spaces), None)


def _first_answer(
    path: Path, tagged: str | None, choice: SpaceChoice, by_format: _ByFormat
) -> InputSpace:
    return InputSpace.of(*next(_answers(path, tagged, choice, by_format)))


def _answers(
    path: Path, tagged: str | None, choice: SpaceChoice, by_format: _ByFormat
) -> Iterator[tuple[str, str]]:
    if choice.artist is not None:
        yield choice.artist, _ARTIST
    called = () if tagged is None else (tagged, _INTEROP.get(tagged.lower(), tagged))
    suggested = next(filter(None, map(known_space, called)), None)
    if suggested is not None:
        yield suggested, "the file"
    unknown = "" if tagged is None else f" (the file's '{tagged}' is unknown here)"
    of_rules = space_of_file_rules(path)
    ruled = None if of_rules is None else known_space(of_rules.space)
    if of_rules is not None and ruled is not None:
        yield ruled, of_rules.source + unknown
    light = by_format.light()
    if light is not None:
        yield light, "the file's chromaticities" + unknown
    elif by_format.primaries is not None:
        unknown += " (no space here has the file's chromaticities)"
    if choice.preset is not None:
        yield choice.preset, "the preset" + unknown
    yield by_format.space, "its format" + unknown


def _of_format(header: ImageHeader) -> _ByFormat:
    if not _is_light(header):
        return _ByFormat(CINEON if header.kind == "dpx" else SRGB)
    return _ByFormat(LINEAR, primaries_in(header))


def _is_light(header: ImageHeader) -> bool:
    return header.pixel_type in ("half", "float", "double")
