"""Whether the values of mattes are mattes: numbers, from 0 to 1."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rde_roto.images.cryptomatte import ReadLayer
from rde_roto.images.files import read_channels
from rde_roto.images.validation.channels import MatteChannels
from rde_roto.images.validation.findings import Fault
from rde_roto.values.matte import FloatArray

_SLACK = 1 / 2048  # what a half is off by just below 1


def value_faults(path: Path, channels: MatteChannels) -> Iterator[Fault]:
    """Reads all of a part's pixels. Raises InputError where the file is damaged."""
    names = channels.header.channels
    pixels = read_channels(path, names, channels.header.part)
    for name in channels.mattes:
        yield from _faults_of(name, pixels[..., names.index(name)])
    for layer in channels.layers:
        yield from _faults_of_ids(layer, {n: pixels[..., names.index(n)] for n in layer.channels})


def _faults_of(name: str, plane: FloatArray) -> Iterator[Fault]:
    if not np.isfinite(plane).all():
        yield "values", f"{name} holds what is not a number: render it again"
    elif plane.min() < -_SLACK:
        yield "values", f"{name} is below 0: expected 0 to 1 (a filter that sharpens does that)"
    elif plane.max() > 1 + _SLACK:
        yield "values", f"{name} is above 1: expected 0 to 1 (a filter that sharpens does that)"


def _faults_of_ids(layer: ReadLayer, planes: dict[str, FloatArray]) -> Iterator[Fault]:
    for coverage in layer.coverages:
        yield from _faults_of(coverage, planes[coverage])
    if layer.ids is None:
        return
    known = np.array([0, *layer.ids], np.uint32)
    for channel, coverage in zip(layer.id_channels, layer.coverages, strict=True):
        seen = np.ascontiguousarray(planes[channel]).view(np.uint32)[planes[coverage] > 0]
        strangers = np.setdiff1d(seen, known)
        if strangers.size:
            example = f"{strangers[0]:08x}"
            yield "values", f"{channel} holds ids without a name, such as {example}: it was altered"
