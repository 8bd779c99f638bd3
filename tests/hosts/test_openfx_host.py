"""The test host itself: what it refuses, and what it gives."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from ofx_host import GENERAL, OK, Host, instance
from ofx_values import Image, is_property
from openfx_plugin import SHOT

pytest_plugins = ("openfx_fixtures",)

_PUT_INT = 3  # places in the property suite


def test_properties_are_those_of_the_standard_and_of_their_object() -> None:
    assert is_property("ClipDescriptor", "OfxImageClipPropIsMask")
    assert not is_property("EffectDescriptor", "OfxImageClipPropIsMask")
    assert not is_property("ClipDescriptor", "OfxImageClipPropIsAMask")
    assert is_property("OfxParamTypeString", "OfxParamPropPersistant"), "as the standard spells it"
    assert not is_property("OfxParamTypeString", "OfxParamPropPersistent")
    interests = "OfxImageEffectActionGetRegionsOfInterest out"
    assert is_property(interests, "OfxImageClipPropRoI_Source")
    assert not is_property(interests, "OfxImageEffectPropRegionOfInterest")


def test_a_property_that_the_standard_does_not_know_is_a_trespass(binary: Path) -> None:
    host = Host(binary)
    assert host.load() == OK
    suite = ctypes.cast(host._fetch_suite(None, b"OfxPropertySuite", 1) or 0, ctypes.c_void_p).value
    table = (ctypes.c_void_p * 18).from_address(suite or 0)
    kind = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int
    )
    with instance(host, GENERAL, SHOT) as effect:
        handle = host.handle_of(effect.clips["Source"].properties)
        assert kind(table[_PUT_INT] or 0)(handle, b"OfxImageClipPropConected", 0, 1) != OK
    assert host.trespasses == [
        "the standard has no property OfxImageClipPropConected of a ClipInstance"
    ]


@pytest.mark.parametrize(
    ("name", "version", "there"),
    [
        (b"OfxPropertySuite", 1, True),
        (b"OfxPropertySuite", 2, False),
        (b"OfxMessageSuite", 2, True),
        (b"OfxMessageSuite", 3, False),
        (b"OfxParameterSuite", 0, False),
        (b"OfxSuiteOfTomorrow", 1, False),
    ],
)
def test_suites_have_the_versions_of_the_standard(
    host: Host, name: bytes, version: int, there: bool
) -> None:
    assert (host._fetch_suite(None, name, version) is not None) == there


def test_images_are_cut_to_whole_pixels_that_a_region_touches() -> None:
    image = Image(
        np.arange(20 * 2, dtype=np.float32).reshape(4, 5, 2)[..., :1], x=2, y=-1, aspect=2
    )
    cut = image.within((6.5, 0.0, 100.0, 1.5))
    assert cut is not None
    assert (cut.bounds, image.region) == ((3, 0, 7, 2), (4, -1, 14, 3))
    assert (cut.pixels == image.pixels[1:3, 1:]).all()
    assert image.within((0, 0, 4, 4)) is None


def test_a_proxy_is_rounded_down_and_has_the_nearest_pixels() -> None:
    image = Image(np.arange(15, dtype=np.float32).reshape(3, 5, 1))
    proxy = image.at_scale(0.5)
    assert proxy.bounds == (0, 0, 2, 1)
    assert proxy.pixels[..., 0].tolist() == [[6, 8]]
    assert proxy.at_scale(0.25) is proxy
