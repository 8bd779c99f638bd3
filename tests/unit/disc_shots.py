"""A shot that learns quickly: a green disc that walks over a grey, uneven ground."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from image_files import write_image

from rde_roto.documents.model_card import DEFAULT_MODEL, ModelCard
from rde_roto.model.weight_files import save_weights
from rde_roto.model.weights import load_model, write_card
from rde_roto.values.digest import digest_of
from rde_roto.values.frames import FrameRange
from rde_roto.values.input_transform import InputTransform
from rde_roto.values.keyframe import Keyframe, elements_named
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import PlateFormat, Window
from rde_roto.values.shot import Shot

HEIGHT, WIDTH = 96, 160
RADIUS = 16
GREEN = (0.1, 0.9, 0.2)


@dataclass(eq=False)
class DiscPlate:
    """A green disc that walks over a grey, uneven ground."""

    range: FrameRange = field(default_factory=lambda: FrameRange.parse("1001-1012"))
    name: str = "disc.####.exr"
    input_transform: InputTransform | None = None
    read_frames: list[int] = field(default_factory=list)

    @property
    def format(self) -> PlateFormat:
        window = Window(0, 0, WIDTH, HEIGHT)
        return PlateFormat(window, window)

    def digest(self, frame: int) -> str:
        return digest_of("disc", frame)

    def read(self, frame: int) -> FloatArray:
        self.read_frames.append(frame)
        ground = np.random.default_rng(7).random((HEIGHT // 8, WIDTH // 8, 1), np.float32)
        picture = np.repeat((0.3 + 0.3 * ground).repeat(8, 0).repeat(8, 1), 3, axis=2)
        return np.where(disc(frame)[..., None], np.array(GREEN, np.float32), picture)


def disc(frame: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Where the disc is at a frame."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    found: np.ndarray[tuple[int, int], np.dtype[np.bool_]] = (
        np.hypot(y - 48, x - 40 - 6 * (frame - 1001)) < RADIUS
    )
    return found


def drawn(frame: int, elements: tuple[str, ...] | None = None) -> Keyframe:
    return Keyframe(frame, disc(frame)[None].astype(np.float32), elements)


@dataclass(frozen=True)
class MadeLock:
    """A lock in memory."""

    frames: FrameRange
    elements: tuple[str, ...] = ("disc",)

    def digest(self, frame: int) -> str:
        return digest_of("locked", frame)

    def read(self, frame: int) -> FloatArray:
        return disc(frame)[None].astype(np.float32)


def a_shot(*keyframes: Keyframe, locks: tuple[MadeLock, ...] = ()) -> Shot:
    plate = DiscPlate()
    keys = keyframes or (drawn(1001),)
    return Shot(plate, plate.range, elements_named("disc"), keys, locks)


def short_lessons(folder: Path, more: str = "") -> str:
    """A folder of presets whose recipe is the shipped one in small: one clip of three frames.

    Returns it as $RDE_ROTO_PRESETS has it.
    """
    (folder / "learning").mkdir(parents=True)
    clips = "curriculum: [{until: 1.0, frames: 3, clips: 1, size_px: 128, max_jump: 1}]"
    text = f"extends: shot\n{clips}\n{more}"
    (folder / "learning" / "shot.yaml").write_text(text, encoding="utf-8")
    return str(folder)


def shy_model(path: Path) -> Path:
    """The default model, spoilt so that it hardly dares to see anything: there is much to gain."""
    weights = load_model(DEFAULT_MODEL).net.state_dict()
    weights["decoder.pred.bias"] -= 4
    sha256 = save_weights(weights, path)
    card = ModelCard(
        name="shy", architecture="rde-lite", sha256=sha256, licence="CC0", summary="spoilt"
    )
    write_card(card, path)
    return path


def disc_document(folder: Path, model: Path) -> Path:
    """``hero.shot.yaml`` in a folder: the walking disc, drawn at 1001."""
    plate = DiscPlate()
    (folder / "plate").mkdir(parents=True)
    for frame in plate.range:
        write_image(folder / f"plate/disc.{frame}.png", plate.read(frame), "uint8")
    write_image(folder / "mask.png", drawn(1001).alpha.transpose(1, 2, 0), "uint8", ("Y",))
    path = folder / "hero.shot.yaml"
    path.write_text(
        "schema: rde-roto.shot/1\nplate: {path: plate/disc.####.png}\n"
        "elements: [{id: hero}]\n"
        "keyframes: [{frame: 1001, mask: mask.png, mask_as: matte}]   # by hand\n"
        f"overrides: {{tracking.lines: 96}}\nmodel: {model}\n",
        encoding="utf-8",
    )
    return path
