"""Which colour space a plate is in, and who says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rde_roto.images.color import (
    CINEON,
    LINEAR,
    SRGB,
    canonical_space,
    known_space,
    space_of_file_rules,
    stand_in,
)
from rde_roto.images.files import ImageHeader

_ARTIST = "you"

_INTEROP: Final = {
    "pq_rec2020_display": "PQ BT.2020",
    "hlg_rec2020_display": "HLG BT.2020",
    "pq_p3d65_display": "PQ P3-D65",
    "srgb_p3d65_display": "SDR P3-D65",
    "srgb_rec709_display": SRGB,
    "srgb_rec709_scene": SRGB,
    "rec709": SRGB,
}
"""Names of OpenImageIO's that a configuration may lack, as the spaces that have formulas here."""


@dataclass(frozen=True)
class InputSpace:
    """A canonical colour space, and who says that a plate is in it.

    `note` is what else must be known of it, a sentence or nothing: what a configuration lacks and
    what was taken for it.
    """

    name: str
    said_by: str
    note: str = ""

    @classmethod
    def of(cls, name: str, said_by: str) -> InputSpace:
        """With its note. Raises UsageError for a space that cannot be converted."""
        return cls(name, said_by, stand_in(name) or "")

    def __str__(self) -> str:
        """In a line: `camlog, says you`."""
        return f"{self.name}, says {self.said_by}"

    @property
    def is_said_by_artist(self) -> bool:
        """Whether it holds whatever the files say."""
        return self.said_by == _ARTIST

    @property
    def words(self) -> str:
        """What is said of it in the line that says how a plate is read."""
        return f"{self.name} from {self.said_by}"


@dataclass(frozen=True)
class SaidOfSpace:
    """What people say of a plate's colour space: the artist, who is believed before all, and the
    preset, which is asked when nothing else says anything. Both canonical, or None.
    """

    artist: str | None = None
    preset: str | None = None

    @classmethod
    def of(cls, artist: str | None, preset: str | None) -> SaidOfSpace:
        """Names as they were typed. Raises UsageError for one that nobody knows."""
        return cls(*(None if name is None else canonical_space(name) for name in (artist, preset)))


def input_space(path: Path, header: ImageHeader, said: SaidOfSpace) -> InputSpace:
    """The space of a picture's file: the first of these that says anything.

    The artist; 8 bits, which are sRGB whatever the file says, since that is what the network was
    trained on; the file, when the colour configuration knows the name; the configuration's file
    rules; the preset; and last the file's format: half and float are scene-linear Rec.709, DPX of
    more than 8 bits is Cineon log, the rest is sRGB.

    Raises UsageError for a configuration that cannot be read, where it is asked.
    """
    if header.pixel_type == "uint8" and said.artist is None:
        return InputSpace(SRGB, "its 8 bits")
    return _first_word(path, header.color_space, said, _meant(header))


def movie_space(path: Path, tagged: Callable[[], str | None], said: SaidOfSpace) -> InputSpace:
    """The space of a movie: what the artist says; its tags; the file rules; the preset; sRGB.

    `tagged` gives the space of its tags, None where they say nothing, and is not asked where the
    artist has said something. Raises as that and `input_space` do.
    """
    return _first_word(path, None if said.artist else tagged(), said, SRGB)


def _first_word(path: Path, of_file: str | None, said: SaidOfSpace, meant: str) -> InputSpace:
    return InputSpace.of(*next(_answers(path, of_file, said, meant)))


def _answers(
    path: Path, of_file: str | None, said: SaidOfSpace, meant: str
) -> Iterator[tuple[str, str]]:
    if said.artist is not None:
        yield said.artist, _ARTIST
    suggested = None if of_file is None else known_space(of_file) or _INTEROP.get(of_file.lower())
    if suggested is not None:
        yield suggested, "the file"
    unknown = "" if of_file is None else f" (the file's '{of_file}' is unknown here)"
    of_rules = space_of_file_rules(path)
    ruled = None if of_rules is None else known_space(of_rules.space)
    if of_rules is not None and ruled is not None:
        yield ruled, of_rules.said_by + unknown
    if said.preset is not None:
        yield said.preset, "the preset" + unknown
    yield meant, "its format" + unknown


def _meant(header: ImageHeader) -> str:
    if header.pixel_type in ("half", "float", "double"):
        return LINEAR
    return CINEON if header.kind == "dpx" else SRGB
