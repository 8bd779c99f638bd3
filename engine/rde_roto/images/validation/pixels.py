"""Reads the mattes of a file and checks their values: numbers from 0 to 1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from rde_roto.images.cryptomatte import ReadLayer
from rde_roto.images.files import read_channels
from rde_roto.images.image_header import ImageHeader
from rde_roto.images.masks import read_labels
from rde_roto.images.validation.channels import MatteChannels
from rde_roto.images.validation.findings import Fault
from rde_roto.values.matte import FloatArray

_SLACK = 1 / 2048  # the precision of half just below 1
_MOST_IDS = 64


def read_planes(path: Path, header: ImageHeader) -> dict[str, FloatArray]:
    """Read all channels of a part by name, float32 [H, W]. Raises InputError for a damaged file."""
    pixels = read_channels(path, header.channels, header.part)
    return {name: pixels[..., index] for index, name in enumerate(header.channels)}


def value_faults(channels: MatteChannels, planes: Mapping[str, FloatArray]) -> Iterator[Fault]:
    """Check the values of a part's planes."""
    for name in channels.mattes:
        yield from _faults_of(name, planes[name])
    for layer in channels.layers:
        yield from _faults_of_ids(layer, {name: planes[name] for name in layer.channels})


def mattes_of(
    channels: MatteChannels, planes: Mapping[str, FloatArray]
) -> Iterator[tuple[str, FloatArray]]:
    """Yield each matte of a part, including those in a Cryptomatte; of very many, their sum."""
    yield from ((name, planes[name]) for name in channels.mattes)
    for layer in channels.layers:
        ranks = [
            (np.ascontiguousarray(planes[channel]).view(np.uint32), planes[coverage])
            for channel, coverage in zip(layer.id_channels, layer.coverages, strict=True)
        ]
        seen = (np.unique(ids[coverage > 0]).tolist() for ids, coverage in ranks)
        known = sorted(set(layer.ids or ()).union(*seen))
        if len(known) > _MOST_IDS:
            yield layer.name, _sum([coverage for _, coverage in ranks])
            continue
        for number in known:
            of_it = [np.where(ids == number, coverage, 0) for ids, coverage in ranks]
            yield f"{layer.name} {number:08x}", _sum(of_it)


def _sum(planes: list[FloatArray]) -> FloatArray:
    total: FloatArray = np.sum(planes, axis=0, dtype=np.float32)
    return total


def labels_of(path: Path) -> Iterator[tuple[str, FloatArray]]:
    """Yield each element of a label image, 0 and 1. Raises InputError for a damaged file."""
    labels = read_labels(path)
    for number in np.unique(labels[labels > 0]):
        yield f"label {number}", (labels == number).astype(np.float32)


def _faults_of(name: str, plane: FloatArray) -> Iterator[Fault]:
    if not np.isfinite(plane).all():
        yield "values", f"{name} holds values that are not finite: render it again"
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
