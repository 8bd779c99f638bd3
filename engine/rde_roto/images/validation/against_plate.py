"""Compares a matte's header with its plate: windows, pixel aspect, timecode, frame rate."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from rde_roto.images.image_header import ImageHeader
from rde_roto.images.origin import FRAME_RATE, TIMECODE, Attributes, Typed
from rde_roto.images.validation.findings import Fault
from rde_roto.values.plate import PlateFormat, Window

_ASPECT_SLACK = 1e-4
_RATE_SLACK = Fraction(1, 1000)


def window_faults(header: ImageHeader, plate: PlateFormat) -> Iterator[Fault]:
    """Check an EXR's windows and aspect, or the size of another file, which has no windows."""
    data, display = header.format.data, header.format.display
    if header.kind != "openexr":
        if data.shape != plate.data.shape:
            size = f"{plate.data.width}x{plate.data.height}"
            yield "windows", f"expected {size}, the plate's data window, got {data}"
        return
    if display != plate.display:
        yield "windows", f"expected the plate's display window, {plate.display}, got {display}"
    if not _is_inside(data, plate.data):
        yield "windows", f"expected a data window inside the plate's, {plate.data}, got {data}"
    got, expected = header.format.pixel_aspect, plate.pixel_aspect
    if abs(got - expected) > _ASPECT_SLACK:
        yield "windows", f"expected the plate's pixel aspect, {expected:g}, got {got:g}"


def time_faults(header: ImageHeader, plate: Attributes) -> Iterator[Fault]:
    """Check an EXR's timecode and frame rate if the plate has them; other files have none."""
    if header.kind != "openexr":
        return
    expected, got = (attributes.get(TIMECODE) for attributes in (plate, header.attributes))
    if isinstance(expected, Typed):
        if not isinstance(got, Typed):
            yield "time", "the plate's timecode is missing"
        elif got.value[0] != expected.value[0]:
            yield "time", "the timecode is not the plate's"
    rate, own = (_rate(attributes.get(FRAME_RATE)) for attributes in (plate, header.attributes))
    if rate is not None and own is None:
        yield "time", f"the plate's frame rate, {float(rate):.6g}, is missing"
    elif rate is not None and own is not None and abs(rate - own) > _RATE_SLACK:
        yield "time", f"expected the plate's frame rate, {float(rate):.6g}, got {float(own):.6g}"


def _is_inside(inner: Window, outer: Window) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


def _rate(attribute: str | Typed | None) -> Fraction | None:
    """A rate as a fraction; some programs write it as a single number."""
    if not isinstance(attribute, Typed):
        return None
    if isinstance(attribute.value, tuple):
        return Fraction(*attribute.value) if attribute.value[1] else None
    return Fraction(float(attribute.value))
