"""Which colour space a plate is in, and who says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rde_roto.images.color import CINEON, LINEAR, SRGB, canonical_space, space_of_file_rules
from rde_roto.images.files import ImageHeader
from rde_roto.values.errors import UsageError


@dataclass(frozen=True)
class InputSpace:
    """A canonical colour space, and who says that a plate is in it."""

    name: str
    said_by: str

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


def input_space(path: Path, header: ImageHeader | None, said: SaidOfSpace) -> InputSpace:
    """The space of a plate: the first of these that says anything.

    The artist; 8 bits, which are sRGB whatever the file says, since that is what the network was
    trained on; the file, when the colour configuration knows the name; the configuration's file
    rules; the preset; and last the file's format: half and float are scene-linear Rec.709, DPX of
    more than 8 bits is Cineon log, the rest is sRGB. `header` is None for a movie.
    """
    return next(_answers(path, header, said))


def _answers(path: Path, header: ImageHeader | None, said: SaidOfSpace) -> Iterator[InputSpace]:
    if said.artist is not None:
        yield InputSpace(said.artist, "you")
    if header is not None and header.pixel_type == "uint8":
        yield InputSpace(SRGB, "its 8 bits")
    suggested = None if header is None else _known(header.color_space)
    if suggested is not None:
        yield InputSpace(suggested, "the file")
    ruled = _known(space_of_file_rules(path))
    if ruled is not None:
        yield InputSpace(ruled, "the colour configuration's file rules")
    if said.preset is not None:
        yield InputSpace(said.preset, "the preset")
    yield InputSpace(_meant(header), "its format")


def _known(name: str | None) -> str | None:
    """The canonical name; None where the configuration does not know it: it was a suggestion."""
    try:
        return None if name is None else canonical_space(name)
    except UsageError:
        return None


def _meant(header: ImageHeader | None) -> str:
    if header is None:
        return SRGB
    if header.pixel_type in ("half", "float", "double"):
        return LINEAR
    return CINEON if header.kind == "dpx" else SRGB
