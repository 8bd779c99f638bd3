"""Study how the tracker's own matte of a soft keyframe differs from what the artist drew.

The network that comes out corrects the edges of the shot's other mattes. Every fourth square of the
plate is held out: there the edges must be better than drawn after the plate alone, or the network
is not kept.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rde_roto.documents.learned_card import EdgesCard
from rde_roto.matte.edges import EdgeTiles, edge_tiles
from rde_roto.matte.finish import clipped, needs_plate
from rde_roto.matte.raw import RawMatte
from rde_roto.model.learned_edges import LearnedEdges
from rde_roto.model.network_view import Picture
from rde_roto.net.edge_net import EdgeNet
from rde_roto.training.clips.random_source import RandomSource
from rde_roto.training.learning.lesson_data import Truth
from rde_roto.values.preset import Finish

REVISION = 1
"""Raise it whenever the code makes another network of the same keyframes."""

ITERATIONS = 100

_TILES_AT_ONCE = 6
_SIDE_PX = 96
"""Largest side of what is studied of a tile at once: it bounds the cost of an iteration."""
_MOST_PX = 1 << 20
"""Pixels of all studied tiles: with their clues 90 MB."""
_MIN_SHARE = 0.05
"""Least share of a studied square that may change, if one is found in so many tries."""
_TRIES = 20
_RATE, _DECAY, _WARM_UP = 3e-3, 1e-3, 20
_GRADIENT = 0.1
"""Weight of the error of alpha's gradient in the loss."""
_SOLID = 3.0
"""Weight of pixels that are fully in or out: a veil there shows, and it flickers."""
_BEYOND = 0.02
"""What an alpha beyond 0..1, which is cut off, counts in the loss: enough to come back."""

_GAIN = 0.05
"""The share of the error that must go."""
_MIN_HELD_OUT_PX = 100
_SQUARE_CELLS = 24

NO_SOFT_EDGE = "no studied keyframe or locked frame has soft edges"
_NOT_ENLARGED = "the network sees every pixel of the plate"
_TOO_SMALL = "the soft edges are too short to test what is learned"


@dataclass(frozen=True, eq=False)
class Reading:
    """A truth, the tracker's own matte of its frame, and the plate."""

    truth: Truth
    raw: RawMatte
    picture: Picture


def _never() -> None:
    return None


@dataclass(frozen=True)
class StudyLimits:
    """The limits of a study. check_cancelled: called before each iteration; raises to stop. ends:
    when it has to be done, by the clock, in seconds; the iterations are fitted to that.
    """

    check_cancelled: Callable[[], None] = _never
    ends: float = math.inf
    clock: Callable[[], float] = time.monotonic

    def share(self, began: float) -> float:
        """Return how much of the time since ``began`` is used up; 0 without an end."""
        left = self.ends - began
        return (self.clock() - began) / left if left > 0 else 1.0


_NO_LIMITS = StudyLimits()


@dataclass(frozen=True, eq=False)
class EdgeStudy:
    """The outcome of a study. edges: the network, None if it is not kept; card: its history."""

    edges: LearnedEdges | None
    card: EdgesCard


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of a plate along an edge of one element: clues [CLUES, h, w], else [h, w].

    studied, held_out: which pixels are, bool.
    """

    clues: Tensor
    drawn: Tensor
    truth: Tensor
    studied: Tensor
    held_out: Tensor


def skipped(why: str) -> EdgeStudy:
    """Return a study that did not take place."""
    return EdgeStudy(None, EdgesCard(kept=False, why=why))


def study_edges(
    readings: Iterable[Reading],
    settings: Finish,
    seed: int,
    device: torch.device,
    limits: StudyLimits = _NO_LIMITS,
) -> EdgeStudy:
    """Train a network on soft keyframes. Without an end the result depends on the arguments alone,
    bit for bit, on the same kind of machine with the same number of threads.

    Args: settings, those that the network's matte is finished with.
    """
    began, frames = limits.clock(), list[int]()
    learned = settings.model_copy(update={"edges": "learned"})

    def parts_of_all() -> Iterator[_Part]:
        for reading in readings:
            limits.check_cancelled()
            if needs_plate(reading.raw.geometry, learned):
                frames.append(reading.truth.frame)
                yield from _parts(reading, learned, device)

    parts = _thinned(parts_of_all())
    if not frames:
        return skipped(_NOT_ENLARGED)
    studied = [part for part in parts if _share(part.studied) >= _MIN_SHARE]
    if not studied or sum(int(part.held_out.sum()) for part in parts) < _MIN_HELD_OUT_PX:
        return skipped(_TOO_SMALL)
    spent = limits.clock() - began  # the test takes no longer than this
    limits = replace(limits, ends=limits.ends - spent)
    net, iterations = _fitted(studied, seed, device, limits)
    before, after = _errors(parts, None), _errors(parts, net)
    why = _rejection(before, after)
    edges = None if why else LearnedEdges.of(net.cpu().state_dict())
    card = EdgesCard(
        kept=not why,
        why=why,
        digest=edges.digest if edges else "",
        studied=tuple(frames),
        iterations=iterations,
        seconds=round(limits.clock() - began, 1),
        before=before,
        after=after,
    )
    return EdgeStudy(edges, card)


def _rejection(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """Return why a network is not kept; empty if its edges are better."""
    for measure, old in before.items():
        needed = (1 - _GAIN) * old
        if not after[measure] <= needed:
            figures = f"{measure} {old} -> {after[measure]}, {needed:.1f} is needed"
            return f"learned edges were not better where held out ({figures})"
    return ""


@torch.no_grad()
def _parts(reading: Reading, settings: Finish, device: torch.device) -> Iterator[_Part]:
    """Cut a reading into parts along its edges."""
    geometry, truth = reading.raw.geometry, torch.from_numpy(reading.truth.alpha)
    cells = geometry.unpadded(clipped(torch.from_numpy(reading.raw.planes), settings))
    seen = truth[:, geometry.part[0], geometry.part[1]]
    side = round(_SQUARE_CELLS * max(n / m for n, m in zip(seen.shape, cells.shape, strict=True)))
    down, across = (torch.arange(length) // side for length in seen.shape[1:])
    held_out = (across + 2 * down[:, None]) % 4 == 0
    plate = reading.picture.within(geometry.part)
    for tiles in edge_tiles(cells, plate, device, with_clues=True):
        yield from _parts_of(tiles, seen, held_out)


def _parts_of(tiles: EdgeTiles, truth: Tensor, held_out: Tensor) -> Iterator[_Part]:
    assert tiles.clues is not None
    for number, (n, k) in enumerate(zip(*(each.tolist() for each in tiles.pairs), strict=True)):
        down, across = tiles.parts[n]
        held = held_out[down.pixels, across.pixels]
        core = torch.zeros_like(held)
        core[down.inside, across.inside] = True
        changes = tiles.changes[n, k].cpu()
        own = truth[k, down.pixels, across.pixels].clone()
        drawn, clues = tiles.drawn[n, k].cpu().clone(), tiles.clues[number].cpu().clone()
        yield _Part(clues, drawn, own, changes & ~held, changes & held & core)


def _thinned(parts: Iterable[_Part]) -> list[_Part]:
    """Return all parts, or every second, fourth, … of them: no more than fit into memory."""
    kept, every, room = list[_Part](), 1, _MOST_PX
    for number, part in enumerate(parts):
        if number % every:
            continue
        kept.append(part)
        room -= part.drawn.numel()
        if room < 0:
            kept, every = kept[::2], 2 * every
            room = _MOST_PX - sum(each.drawn.numel() for each in kept)
    return kept


def _fitted(
    parts: list[_Part], seed: int, device: torch.device, limits: StudyLimits
) -> tuple[EdgeNet, int]:
    """Return a network that was trained on parts of plates, and in how many iterations."""
    began, step = limits.clock(), 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = EdgeNet().to(device)
    draws = RandomSource(torch.Generator().manual_seed(seed))
    side_px = min(_SIDE_PX, *(length for part in parts for length in part.drawn.shape))
    optimizer = torch.optim.AdamW(net.parameters(), lr=_RATE, weight_decay=_DECAY)
    while step < ITERATIONS and (spent := limits.share(began)) < 1:
        limits.check_cancelled()
        fade = 0.5 + 0.5 * math.cos(math.pi * max(step / ITERATIONS, spent))
        for group in optimizer.param_groups:
            group["lr"] = _RATE * min(1.0, (step + 1) / _WARM_UP) * fade
        drawn = [_drawn(parts, side_px, draws) for _ in range(_TILES_AT_ONCE)]
        clues, plate, truth, counts = (
            torch.stack(each).to(device) for each in zip(*drawn, strict=True)
        )
        found = plate + net(clues)
        delivered = found.clamp(0, 1)
        error = (delivered + _BEYOND * (found - delivered) - truth) * counts
        slopes = error.diff(dim=1).abs().sum() + error.diff(dim=2).abs().sum()
        loss = (error.abs().sum() + _GRADIENT * slopes) / counts.sum().clamp(min=1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        step += 1
    return net, step


def _drawn(
    parts: list[_Part], side_px: int, draws: RandomSource
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Draw a square of a part, turned and mirrored: clues, matte, truth, weights."""
    for _ in range(_TRIES):
        part = draws.pick(parts)
        rows, columns = (_within(length, side_px, draws) for length in part.drawn.shape)
        if _share(part.studied[rows, columns]) >= _MIN_SHARE:
            break
    turns, mirrored = draws.pick(range(4)), draws.chance(0.5)

    def turned(planes: Tensor) -> Tensor:
        planes = torch.rot90(planes[..., rows, columns], turns, (-2, -1))
        return planes.flip(-1) if mirrored else planes

    truth, studied = turned(part.truth), turned(part.studied).float()
    weights = torch.where((truth == 0) | (truth == 1), _SOLID * studied, studied)
    return turned(part.clues), turned(part.drawn), truth, weights


def _within(length: int, side_px: int, draws: RandomSource) -> slice:
    first = draws.integer(0, length - side_px)
    return slice(first, first + side_px)


@torch.no_grad()
def _errors(parts: list[_Part], net: EdgeNet | None) -> dict[str, float]:
    """Return the mean absolute and squared error of held-out pixels, times 1000."""
    absolute = squared = count = 0.0
    for part in parts:
        found = part.drawn
        if net is not None:
            device = next(net.parameters()).device
            found = (found + net(part.clues[None].to(device))[0].cpu()).clamp(0, 1)
        error = (found - part.truth)[part.held_out].double()
        absolute += float(error.abs().sum())
        squared += float(error.square().sum())
        count += error.numel()
    return {"mad": round(1000 * absolute / count, 1), "mse": round(1000 * squared / count, 1)}


def _share(mask: Tensor) -> float:
    return float(mask.float().mean())
