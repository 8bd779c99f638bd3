"""Presets: every setting of a roto run, with its range and its meaning.

`documents.preset_files` finds and reads the files that presets are kept in.
"""

from __future__ import annotations

import textwrap
from typing import Any, Final, Literal, TypeAlias

from pydantic import Field

from rde_roto.values.bank import Bank, BankText
from rde_roto.values.digest import digest_of
from rde_roto.values.settings import Settings, sections_of
from rde_roto.values.yaml_format import yaml_pair

LEAST_LINES: Final = 96

OutputFormat: TypeAlias = Literal["alpha", "cryptomatte", "rgba", "labels"]
Precision: TypeAlias = Literal["float32", "mixed"]
Compression: TypeAlias = Literal["none", "rle", "zips", "zip", "piz", "dwaa", "dwab"]


class _Flat(Settings):
    """Settings of single values, which have a digest."""

    @property
    def digest(self) -> str:
        """Hex digest of every value under its name; equal settings have equal digests."""
        return self._digest_without()

    def _digest_without(self, *names: str) -> str:
        values = self.model_dump(mode="json", exclude=set(names))
        return digest_of(type(self).__name__, *(part for pair in values.items() for part in pair))


class Input(Settings):
    """How plates are read where neither the artist nor their files say."""

    color_space: str | None = Field(
        default=None,
        description=(
            "The plate's colour space where neither you, nor the file, nor the colour "
            "configuration's file rules name one; null leaves it to the file's format."
        ),
    )


class Tracking(_Flat):
    """What decides the network's own matte; its digest enters every state digest."""

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
            "Every how many frames, counted from the keyframe, the memory is brought up to date, "
            "1 to 30 (theta in the paper)."
        ),
    )
    top_k: int | None = Field(
        default=40,
        ge=1,
        le=4096,
        description=(
            "How many of the best matching places in memory each place of the frame listens to, "
            "1 to 4096; null listens to all of them (full softmax)."
        ),
    )
    bank: BankText = Field(
        default=Bank(anchor=2, latest=1, recurrent=1),
        json_schema_extra={"default": "2F+L+RDE"},
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
            "Whether the network looks at a padded box around the elements, which follows them, "
            "true or false: a subject that fills a part of a large plate is seen in finer detail. "
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
    """What is done to the network's matte on its way out; changing it tracks nothing anew."""

    edges: Literal["bilinear", "plate"] = Field(
        default="plate",
        description=(
            "How the network's matte is brought to the plate's size: plate draws its edges after "
            "the plate's own pixels, bilinear only enlarges it, which is faster and softer. "
            "Frames that you painted are never redrawn."
        ),
    )
    dechatter: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description=(
            "How much of the flicker from frame to frame is taken out of the matte, 0 to 1. A "
            "frame is set beside the two next to it, and drawn towards them where it differs from "
            "both while the plate looks alike. Frames that you painted or locked stay as they are."
        ),
    )
    clip_black: float = Field(
        default=0.05,
        ge=0.0,
        le=0.4,
        description=(
            "What the network gives as this much or less becomes 0, and what lies above is drawn "
            "out to fill the gap, 0 to 0.4. The network is rarely quite sure: without it there is "
            "a thin veil where nothing is. Frames that you painted stay as they are."
        ),
    )
    clip_white: float = Field(
        default=0.95,
        ge=0.6,
        le=1.0,
        description=(
            "What the network gives as this much or more becomes 1, and what lies below is drawn "
            "out to fill the gap, 0.6 to 1. As far from 1 as clip_black is from 0, it leaves the "
            "middle of an edge in its place. Frames that you painted stay as they are."
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
        """Of what is done to each frame by itself: de-chatter is named with the frames it is for,
        and with those beside them.
        """
        return self._digest_without("dechatter")

    def at_proxy(self, factor: int) -> Finish:
        """The same look on a plate whose sides are so many times smaller."""
        return self.model_copy(
            update={"erode_px": self.erode_px / factor, "feather_px": self.feather_px / factor}
        )


class Output(Settings):
    """What the files of mattes look like; no matte depends on it."""

    format: OutputFormat = Field(
        default="alpha",
        description=(
            "alpha: the channel A for one element, a layer each for several; cryptomatte: all "
            "elements as one Cryptomatte, in EXR; rgba: the plate cut out, premultiplied and "
            "scene-linear, in EXR; labels: an indexed PNG, one label an element, without soft "
            "edges."
        ),
    )
    layer_prefix: str = Field(
        default="",
        pattern="^([A-Za-z_][A-Za-z0-9_]*)?$",
        description=(
            "What stands before the element in the names of layers: matte_ makes matte_hero.A of "
            "hero.A. A lone element is A in any case."
        ),
    )
    compression: Compression = Field(
        default="zip",
        description=(
            "How EXRs are packed: none, rle, zips, zip, piz, or with losses dwaa and dwab, which "
            "leave A as it is and blur what else there is. zips reads fastest in compositors that "
            "go line by line."
        ),
    )
    data_window: Literal["plate", "fit"] = Field(
        default="plate",
        description=(
            "plate: an EXR's data window is the plate's; fit: it is the box of what is not 0, "
            "which compositors read faster. The display window is the plate's either way."
        ),
    )


class Running(Settings):
    """How a run spends time, memory and disk; what is learned names its own pixels."""

    learn: bool = Field(
        default=False,
        description=(
            "Whether the model first learns from the shot's keyframes and locked frames, true or "
            "false; once per shot, and not where the shot document already names learned weights. "
            "The window and the hosts learn only when you ask them to."
        ),
    )

    snapshot_every: int = Field(
        default=8,
        ge=1,
        le=1000,
        description=(
            "After how many updates the memory is also kept on disk, 1 to 1000. A stopped run, or "
            "a jump to any frame, repeats at most so many; a small number takes more disk."
        ),
    )
    when_memory_runs_out: Literal["stop", "smaller"] = Field(
        default="stop",
        description=(
            "stop, saying which setting needs less; or smaller: work on the whole shot again with "
            "three quarters of tracking.lines. Every matte's header tells the lines that were used."
        ),
    )


class Preset(Settings):
    """How a run is done, by a name. Values out of range raise pydantic.ValidationError."""

    name: str = Field(description="The preset's name: its file's name without .yaml.")
    description: str = Field(default="", description="What the preset is for, one sentence.")
    input: Input = Field(default=Input(), description="How the plate is read.")
    tracking: Tracking = Field(default=Tracking(), description="How the elements are followed.")
    finish: Finish = Field(default=Finish(), description="What is done to the finished matte.")
    output: Output = Field(default=Output(), description="What the files of mattes look like.")
    running: Running = Field(default=Running(), description="How a run spends time and disk.")

    def smaller(self) -> Preset | None:
        """The same with three quarters of the working lines; None where that is not allowed."""
        lines = self.tracking.lines * 3 // 4
        if self.running.when_memory_runs_out == "stop" or lines < LEAST_LINES:
            return None
        tracking = self.tracking.model_copy(update={"lines": lines})
        return self.model_copy(update={"tracking": tracking})

    def to_yaml(self) -> str:
        """A preset file with every value and, as comments, what it means; loads as an equal one."""
        lines = [f"# preset {self.name}", yaml_pair("description", self.description)]
        for section in sections_of(type(self)):
            settings: Settings = getattr(self, section)
            lines += ["", f"# {type(self).model_fields[section].description}", f"{section}:"]
            values = settings.model_dump(mode="json")
            for key, field in type(settings).model_fields.items():
                comment = textwrap.wrap(field.description or "", width=94)
                lines += [f"  # {line}" for line in comment]
                lines.append(f"  {yaml_pair(key, values[key])}")
        return "\n".join(lines) + "\n"


def preset_schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of a preset file, for editors that check YAML while typing."""
    schema = Preset.model_json_schema()
    properties = {
        "extends": {
            "type": "string",
            "description": "Name of the preset whose values this one starts from.",
        },
        **schema["properties"],
    }
    del schema["required"], properties["name"]
    return {
        **schema,
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "rde-roto preset",
        "description": "Settings of a roto run; every key may be left out.",
        "properties": properties,
    }
