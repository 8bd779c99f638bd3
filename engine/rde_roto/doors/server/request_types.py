"""The requests of the protocol as values. docs/protocol.md describes them."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import Field, ValidationError

from rde_roto.doors.hosts.errors import ProtocolError
from rde_roto.values.plate import LARGEST_PX
from rde_roto.values.settings import Settings, first_fault

MOST_PIXEL_BYTES = 12 * LARGEST_PX**2

Object = dict[str, Any]
Pixels = bytes | bytearray | memoryview
Name = Annotated[str, Field(max_length=200)]
S = TypeVar("S", bound=Settings)


class Answer(NamedTuple):
    """The answer to a request."""

    object: Object
    pixels: Pixels | None = None


class Nothing(Settings):
    """A request without fields."""

    pass


class OpenRequest(Settings):
    shot: Object
    fresh: bool = False


class KeepRequest(Settings):
    width: int
    height: int
    x: int = 0
    y: int = 0
    over: str | None = None


class PushRequest(Settings):
    shot: Object
    frame: int


class MatteRequest(Settings):
    shot: Object
    frame: int
    element: str | None = None
    viewer: Name | None = None
    ticket: Name | None = None


class ShotRequest(Settings):
    shot: Object


class FramesRequest(Settings):
    shot: Object
    frames: str


class RenderRequest(Settings):
    shot: Object
    frames: str
    out: str


class LearnRequest(Settings):
    shot: Object


class ProgressRequest(Settings):
    job: str


class CancelRequest(Settings):
    job: str | None = None
    ticket: Name | None = None
    keep: bool = False


def parse_request(model: type[S], fields: Object) -> S:
    """Validate the fields of a request. Raises ProtocolError."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise ProtocolError(first_fault(error, "the request")) from error
