"""The sections of a preset: every setting with its range and its meaning."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field

from rde_roto.values.bank import Bank, BankText
from rde_roto.values.digest import digest_of
from rde_roto.values.settings import Settings

LEAST_LINES: Final = 96

OutputFormat: TypeAlias = Literal["alpha", "cryptomatte", "rgba", "labels"]
Precision: TypeAlias = Literal["float32", "mixed"]
Compression: TypeAlias = Literal["none", "rle", "zips", "zip", "piz", "dwaa", "dwab"]


def _checked_prefix(text: str) -> str:
    if not re.fullmatch("([A-Za-z_][A-Za-z0-9_]*)?", text):
        raise ValueError("allowed: letters a-z, digits and _, no digit first")
    return text


class _Flat(Settings):
    """A section of single values, with a digest."""

    @property
    def digest(self) -> str:
        """Hex digest of all names and values; equal settings have equal digests."""
        return self._digest_without()

    def _digest_without(self, *names: str) -> str:
        values = self.model_dump(mode="json", exclude=set(names))
        return digest_of(type(self).__name__, *(part for pair in values.items() for part in pair))


class Input(Settings):
    """How plates are read when neither the artist nor their files say."""

    color_space: str | None = Field(
        default=None,
        description=(
            "The plate's colour space if neither you, nor the file, nor the colour "
            "configuration's file rules name one; null: the file's format decides."
        ),
    )


class Tracking(_Flat):
    """The settings that decide the network's own matte; their digest enters every state digest."""

    lines: int = Field(
        default=480,
        ge=LEAST_LINES,
        le=2160,
        description=(
            "Height in lines at which the network works, 96 to 2160. More lines show it finer "
            "detail and take longer. A plate with fewer lines is not enlarged."
        ),
    )
    memory_every: int = Field(
        default=3,
        ge=1,
        le=30,
        description=(
            "The memory is updated every so many frames, counted from the keyframe, 1 to 30 "
            "(theta in the paper)."
        ),
    )
    top_k: int | None = Field(
        default=40,
        ge=1,
        le=4096,
        description=(
            "How many of the best matching places in memory each place of the frame reads, "
            "1 to 4096; null reads all of them (full softmax)."
        ),
    )
    bank: BankText = Field(
        default=Bank(anchor=2, latest=1, recurrent=0),
        json_schema_extra={"default": "2F+L"},
        description=(
            "Which memories are read, joined by +: F is the keyframe, L the latest memory frame, "
            "RDE the recurrent summary of everything since the keyframe. A number in front counts "
            "a memory more than once, F and L up to 4; RDE at most once. STM, alone, keeps every "
            "memory frame, so memory grows with the shot: for comparison, not for work."
        ),
    )
    crop: bool = Field(
        default=True,
        description=(
            "Whether the network sees a padded box that follows the elements, true or false: a "
            "subject that fills a part of a large plate is then seen in finer detail. "
            "While an element is out of sight the whole plate is searched."
        ),
    )
    precision: Precision = Field(
        default="float32",
        description=(
            "Precision of the network's convolutions, float32 or mixed: 16 bits where the hardware "
            "multiplies them, which is faster, and float32 where it does not. Memory is matched in "
            "float32 either way."
        ),
    )
    state_dtype: Literal["float16", "float32"] = Field(
        default="float16",
        description=(
            "Precision in which the memory is kept between frames, float16 or float32; float32 "
            "takes twice the space."
        ),
    )


class Finish(_Flat):
    """What is done to the network's matte afterwards; a change needs no new tracking."""

    edges: Literal["bilinear", "plate", "learned"] = Field(
        default="plate",
        description=(
            "How the network's matte is enlarged to the plate's size: plate redraws its edges "
            "along the plate's own pixels; bilinear only enlarges it, which is faster and softer; "
            "learned corrects plate by what the model learned about this shot's edges (shot learn, "
            "from a keyframe with soft edges), and is the same as plate without it. "
            "Frames that you painted are never redrawn."
        ),
    )
    dechatter: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description=(
            "How much of the flicker from frame to frame is removed from the matte, 0 to 1. A "
            "frame is compared with the two next to it, and moved towards them where it differs "
            "from both while the plate looks alike. Frames that you painted or locked stay as they "
            "are."
        ),
    )
    clip_black: float = Field(
        default=0.05,
        ge=0.0,
        le=0.4,
        description=(
            "Values of the network's matte up to this become 0, and those above are stretched to "
            "fill the gap, 0 to 0.4. The network is rarely quite sure: without this there is a "
            "thin veil where nothing is. Frames that you painted stay as they are."
        ),
    )
    clip_white: float = Field(
        default=0.95,
        ge=0.6,
        le=1.0,
        description=(
            "Values of the network's matte from this on become 1, and those below are stretched to "
            "fill the gap, 0.6 to 1. If it is as far from 1 as clip_black is from 0, the middle of "
            "an edge stays in place. Frames that you painted stay as they are."
        ),
    )
    erode_px: float = Field(
        default=0.0,
        ge=-64.0,
        le=64.0,
        description=(
            "Moves the edge of the matte inwards by this many plate pixels, -64 to 64; negative "
            "values move it outwards (dilate)."
        ),
    )
    feather_px: float = Field(
        default=0.0,
        ge=0.0,
        le=64.0,
        description="Softens the edge of the matte over this many plate pixels, 0 to 64.",
    )
    gain: float = Field(
        default=1.0,
        ge=0.0,
        le=10.0,
        description="Multiplies the matte, which is then held within 0..1; 0 to 10, no unit.",
    )
    gamma: float = Field(
        default=1.0,
        ge=0.1,
        le=10.0,
        description=(
            "Raises the matte to the power of 1 / gamma, after the gain: above 1 firms up what is "
            "half transparent, below 1 thins it; 0 and 1 stay. 0.1 to 10, no unit."
        ),
    )

    @property
    def digest(self) -> str:
        """Hex digest of the settings that apply to single frames; de-chatter, which depends on the
        neighbours too, enters the digests of its frames.
        """
        return self._digest_without("dechatter")

    def at_proxy(self, factor: int) -> Finish:
        """Return the same finish for a plate whose sides are `factor` times smaller."""
        return self.model_copy(
            update={"erode_px": self.erode_px / factor, "feather_px": self.feather_px / factor}
        )


class Output(Settings):
    """How mattes are written to files; no matte depends on it."""

    format: OutputFormat = Field(
        default="alpha",
        description=(
            "alpha: the channel A for one element, a layer each for several; cryptomatte: all "
            "elements as one Cryptomatte, in EXR; rgba: the plate cut out, premultiplied and "
            "scene-linear, in EXR; labels: an indexed PNG, one label an element, without soft "
            "edges."
        ),
    )
    layer_prefix: Annotated[str, AfterValidator(_checked_prefix)] = Field(
        default="",
        json_schema_extra={"pattern": "^([A-Za-z_][A-Za-z0-9_]*)?$"},
        description=(
            "Prefix of the element in layer names: matte_ turns hero.A into matte_hero.A. A "
            "single element is always A."
        ),
    )
    compression: Compression = Field(
        default="zip",
        description=(
            "Compression of EXRs: none, rle, zips, zip, piz, or the lossy dwaa and dwab, which "
            "keep A exact and blur all other channels. zips reads fastest in compositors that "
            "read line by line."
        ),
    )
    data_window: Literal["plate", "fit"] = Field(
        default="plate",
        description=(
            "plate: an EXR's data window is the plate's; fit: it is the bounding box of what is "
            "not 0, which compositors read faster. The display window is always the plate's."
        ),
    )


class Running(Settings):
    """How a run uses time, memory and disk."""

    learn: bool = Field(
        default=False,
        description=(
            "Whether the model first learns from the shot's keyframes and locked frames, true or "
            "false; once per shot, and not if the shot document already names learned weights. "
            "The window and the hosts learn only when you ask them to."
        ),
    )

    snapshot_every: int = Field(
        default=8,
        ge=1,
        le=1000,
        description=(
            "After how many updates the memory is also saved to disk, 1 to 1000. A stopped run, or "
            "a jump to any frame, repeats at most so many; a small number takes more disk."
        ),
    )
    when_memory_runs_out: Literal["stop", "smaller"] = Field(
        default="stop",
        description=(
            "stop: stop and say which setting to lower; smaller: track the whole shot again with "
            "three quarters of tracking.lines. Every matte's header records the lines used."
        ),
    )
