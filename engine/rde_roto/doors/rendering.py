"""The one way from a shot to files, for every command that makes mattes. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

from rde_roto import __version__
from rde_roto.delivery import Delivery, OnFrame, deliver
from rde_roto.doors.auto_learn import studied
from rde_roto.doors.console import say, say_aside
from rde_roto.doors.inputs import refuse_to_overwrite
from rde_roto.doors.licences import say_licence_once
from rde_roto.doors.progress import report, say_done
from rde_roto.doors.render_task import Work
from rde_roto.images.mattes import MatteWriter, open_matte_writer
from rde_roto.model.devices import choose_device
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import Model, licence_line, load_model
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
class Rendered(Generic[Writer]):
    """What came of it; `licence` is the line that says the model's."""

    delivery: Delivery
    writer: Writer
    licence: str


def render_mattes(
    work: Work, out: str, output_format: OutputFormat | None = None, as_json: bool = False
) -> MatteWriter:
    """Renders into files that a pattern names, and says on standard output how that went.

    The files' format is that of the preset unless another one is named.

    Raises PartialError at the end when frames are wanted that the plate lacks and the shot skips.
    """

    output = work.output(output_format)

    def open_writer(node: RotoNode, made_from: Mapping[str, str]) -> MatteWriter:
        return open_matte_writer(out, work.opened.origin, node.shot.names, output, made_from)

    rendered = render(work, open_writer, as_json)
    delivery = rendered.delivery
    say_done(delivery.made, delivery.kept, delivery.seconds, out, as_json)
    if not as_json:
        say(f"weights {rendered.licence}")
    work.refuse_skipped()
    return rendered.writer


def render(
    work: Work,
    open_writer: Callable[[RotoNode, Mapping[str, str]], Writer],
    as_json: bool = False,
) -> Rendered[Writer]:
    """Renders with states and raw mattes in the cache.

    `open_writer` makes the writer of a node's mattes; the texts it is given are what every header
    says of their making. Raises UsageError when a file would be written over one that the shot is
    made from, and what `delivery.deliver` raises.
    """
    opened, frames = work.opened, work.frames_to_make
    work.say_what_is_read()
    node, model = open_node(opened, work.device)

    def open_safely(node: RotoNode) -> Writer:
        writer = open_writer(node, provenance(opened, node.preset, model))
        targets = (path for frame in frames for path in writer.files(frame))
        refuse_to_overwrite(opened.shot.plate, opened.inputs, targets)
        say_licence_once(model)
        return writer

    def watched(writer: Writer) -> AbstractContextManager[OnFrame]:
        return report(opened.shot.plate.name, len(frames), writer, as_json)

    delivered = deliver_within_memory(node, frames, open_safely, watched)
    return Rendered(delivered.delivery, delivered.writer, licence_line(model))


def open_node(opened: OpenedShot, device: str) -> tuple[RotoNode, Model]:
    """The node of a shot, with states and raw mattes in the cache, and its model.

    The model studies the shot first where the preset asks for that.
    """
    opened = studied(opened, device)
    model = load_model(opened.model)
    stores = open_stores(CacheSettings.from_environment())
    load = tracker_of(model, choose_device(device))
    return RotoNode(opened.shot, opened.preset, load, stores), model


@dataclass(frozen=True)
class Delivered(Generic[Writer]):
    """What was delivered, by which writer, and the node that made it in the end."""

    delivery: Delivery
    writer: Writer
    node: RotoNode


def deliver_within_memory(
    node: RotoNode,
    frames: FrameRange,
    open_writer: Callable[[RotoNode], Writer],
    watched: Callable[[Writer], AbstractContextManager[OnFrame]],
    cancel: Cancel = never,
) -> Delivered[Writer]:
    """Delivers; when memory runs out and the preset allows it, again from a smaller picture.

    All frames are made again then: mattes of one run never come from two working sizes. Raises what
    `delivery.deliver` does.
    """
    while True:
        writer = open_writer(node)
        try:
            with watched(writer) as on_frame:
                return Delivered(deliver(node, frames, writer, on_frame, cancel), writer, node)
        except OutOfMemoryError:
            smaller = node.smaller()
            if smaller is None:
                raise
        before, now = node.preset.tracking.lines, smaller.preset.tracking.lines
        say_aside(f"memory ran out at tracking.lines={before}: all frames again at {now}")
        node = smaller


def provenance(opened: OpenedShot, preset: Preset, model: Model) -> dict[str, str]:
    """What every header says of how the matte came to be."""
    shot = opened.shot
    reading = {"rde-roto:reading": opened.origin.reading} if opened.origin.reading else {}
    name = opened.document and one_line(opened.document.name)
    document = {"rde-roto:shot": name} if name else {}
    return {
        "rde-roto:version": __version__,
        "rde-roto:model": model.name,
        "rde-roto:weights-sha256": model.sha256,
        **({"rde-roto:learned-on-sha256": model.base_sha256} if model.learned else {}),
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
