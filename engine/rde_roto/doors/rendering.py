"""Render a shot into files: the one way for every command that makes mattes. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

from rde_roto import __version__
from rde_roto.delivery import Delivery, Reporter, deliver
from rde_roto.doors.auto_learn import learn_if_asked
from rde_roto.doors.console import print_message
from rde_roto.doors.progress import RunReport, frame_steps, print_summary
from rde_roto.doors.render_task import RenderTask, print_replaced, print_weights
from rde_roto.images.mattes import MatteWriter, open_matte_writer
from rde_roto.model.devices import choose_device
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import Model, ModelFile, licence_line, load_model
from rde_roto.node import RotoNode
from rde_roto.shot_files import OpenedShot
from rde_roto.stores import open_stores
from rde_roto.values.cache_settings import CacheSettings
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.errors import OutOfMemoryError
from rde_roto.values.frames import FrameRange
from rde_roto.values.plain_text import one_line
from rde_roto.values.preset import OutputFormat, Preset

Writer = TypeVar("Writer", bound=MatteWriter)


@dataclass(frozen=True)
class Delivered(Generic[Writer]):
    """What was delivered, by which writer, and the node that made it in the end."""

    delivery: Delivery
    writer: Writer
    node: RotoNode


def render_mattes(
    task: RenderTask, out: str, report: RunReport, output_format: OutputFormat | None = None
) -> MatteWriter:
    """Render into the files that a pattern names, and report the result.

    The files' format is the preset's unless another one is named. Raises PartialError at the end as
    `OpenedShot.check_complete`.
    """
    opened, output = task.opened, task.output(output_format)

    def open_writer(_: RotoNode | None, made_from: Mapping[str, str]) -> MatteWriter:
        return open_matte_writer(out, opened.origin, opened.shot.names, output, made_from)

    if opened.learns:  # that takes a minute: a place that cannot be written is found before
        task.refuse_to_overwrite(open_writer(None, {}))
    delivered = render(task, open_writer, report)
    delivery = delivered.delivery
    print_summary(report, delivery.made, delivery.kept, delivery.seconds, out)
    opened.check_complete(task.frames)
    return delivered.writer


def render(
    task: RenderTask,
    open_writer: Callable[[RotoNode, Mapping[str, str]], Writer],
    report: RunReport,
) -> Delivered[Writer]:
    """Render with memory states and raw mattes in the cache.

    `open_writer` makes the writer of a node's mattes; it is given the attributes that every header
    gets. Raises UsageError when a file would be written over an input of the shot, and what
    `delivery.deliver` raises.
    """
    opened, frames = task.opened, task.frames_to_render
    task.print_inputs()
    node, model = open_node(opened, task.device)
    print_licence(model)

    def open_safely(node: RotoNode) -> Writer:
        writer = open_writer(node, provenance(opened, node.preset, model))
        task.refuse_to_overwrite(writer)
        print_replaced(writer, frames)
        return writer

    def reporting(writer: Writer) -> AbstractContextManager[Reporter]:
        return frame_steps(report, opened.shot.plate.name, len(frames), writer)

    return deliver_within_memory(node, frames, open_safely, reporting)


def open_node(opened: OpenedShot, device: str) -> tuple[RotoNode, Model]:
    """Return a shot's node, with memory states and raw mattes in the cache, and its model.

    The model learns the shot first if the preset asks for that.
    """
    opened = learn_if_asked(opened, device)
    model = load_model(opened.model)
    say_which_edges(opened.preset, model)
    stores = open_stores(CacheSettings.from_environment())
    load = tracker_of(model, choose_device(device))
    return RotoNode(opened.shot, opened.preset, load, stores), model


def deliver_within_memory(
    node: RotoNode,
    frames: FrameRange,
    open_writer: Callable[[RotoNode], Writer],
    reporting: Callable[[Writer], AbstractContextManager[Reporter]],
    cancel: Cancel = never,
) -> Delivered[Writer]:
    """Deliver; if memory runs out and the preset allows it, deliver again at a smaller working
    size.

    All frames are made again then: the mattes of one run never come from two working sizes. Raises
    what `delivery.deliver` raises.
    """
    while True:
        writer = open_writer(node)
        try:
            with reporting(writer) as reporter:
                return Delivered(deliver(node, frames, writer, reporter, cancel), writer, node)
        except OutOfMemoryError:
            smaller = node.smaller()
            if smaller is None:
                raise
        before, now = node.preset.tracking.lines, smaller.preset.tracking.lines
        print_message(
            f"out of memory at tracking.lines={before}: rendering all frames again at {now}"
        )
        node = smaller


def provenance(opened: OpenedShot, preset: Preset, model: Model) -> dict[str, str]:
    """Return the attributes that every header gets, which say how the matte was made."""
    shot = opened.shot
    reading = {"rde-roto:reading": opened.origin.reading} if opened.origin.reading else {}
    name = opened.document and one_line(opened.document.name)
    document = {"rde-roto:shot": name} if name else {}
    return {
        "rde-roto:version": __version__,
        "rde-roto:model": model.name,
        "rde-roto:weights-sha256": model.sha256,
        **({"rde-roto:learned-on-sha256": model.base_sha256} if model.learned else {}),
        **_edges_used(preset, model),
        "rde-roto:weights-licence": model.licence,
        "rde-roto:commercial-use": model.commercial_use,
        "rde-roto:plate": shot.plate.name,
        **reading,
        **document,
        "rde-roto:keyframes": ",".join(str(keyframe.frame) for keyframe in shot.ordered),
        "rde-roto:preset": preset.name,
        "rde-roto:tracking": preset.tracking.model_dump_json(),
        "rde-roto:finish": preset.finish.model_dump_json(),
    }


def _edges_used(preset: Preset, model: Model) -> dict[str, str]:
    if preset.finish.edges != "learned" or model.edges is None:
        return {}
    return {"rde-roto:learned-edges": model.edges.digest}


def say_which_edges(preset: Preset, model: Model) -> None:
    """Say on standard error if learned edges are asked for but the model has not learned any."""
    if preset.finish.edges == "learned" and model.edges is None:
        print_message(
            "no learned edges for this shot: they are drawn as with finish.edges=plate; "
            "rde-roto shot learn SHOT learns them from a keyframe with soft edges"
        )


def print_licence(model: Model | ModelFile) -> None:
    """Print on standard error which weights a run uses, and their licence."""
    print_weights(licence_line(model))
