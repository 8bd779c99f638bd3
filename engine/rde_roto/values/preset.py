"""Presets: every setting of a roto run, with its range and its meaning.

`values.preset_files` finds and reads the files that presets are kept in.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from rde_roto.values.digest import digest_of
from rde_roto.values.settings import Settings, sections_of
from rde_roto.values.yaml_text import yaml_pair

_BANK_RULE: Final = (
    "expected F, L and RDE joined by +, at most 4 F, 4 L and one RDE, such as 2F+L+RDE, "
    "or STM alone"
)


LEAST_LINES: Final = 96


@dataclass(frozen=True)
class Bank:
    """Which moments a frame is read from, written as in table 5 of the RDE-VOS paper: `2F+L+RDE`.

    `anchor` (F) counts the keyframe's moment, 0..4, `latest` (L) the last memory frame's, 0..4, and
    `recurrent` (RDE) the recurrent dynamic embedding's, 0 or 1. `growing` (STM) is the bank of
    every memory frame so far; the other three are 0 then. Raises ValueError outside these ranges
    and when a bank names nothing.
    """

    anchor: int
    latest: int
    recurrent: int
    growing: bool = False

    def __post_init__(self) -> None:
        counts = (self.anchor, self.latest, self.recurrent)
        within = all(0 <= n <= top for n, top in zip(counts, (4, 4, 1), strict=True))
        if not within or any(counts) == self.growing:
            raise ValueError(_BANK_RULE)

    @classmethod
    def parse(cls, text: str) -> Bank:
        """The bank written in `text`, terms in any order; ValueError when it is none."""
        if text.strip() == "STM":
            return cls(0, 0, 0, growing=True)
        counts: dict[str, int] = {}
        for term in text.split("+"):
            match = re.fullmatch(r"([0-9]?)(F|L|RDE)", term.strip())
            if match is None or match[2] in counts:
                raise ValueError(_BANK_RULE)
            counts[match[2]] = int(match[1] or 1)
        return cls(counts.get("F", 0), counts.get("L", 0), counts.get("RDE", 0))

    def __str__(self) -> str:
        """The canonical spelling: F, L, RDE in this order; `Bank.parse(str(b)) == b`."""
        if self.growing:
            return "STM"
        counts = (("F", self.anchor), ("L", self.latest), ("RDE", self.recurrent))
        return "+".join(f"{n if n > 1 else ''}{letter}" for letter, n in counts if n)


def _to_bank(value: object) -> Bank:
    if isinstance(value, Bank):
        return value
    if isinstance(value, str):
        return Bank.parse(value)
    raise ValueError(_BANK_RULE)


BankText = Annotated[
    Bank,
    PlainValidator(_to_bank),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["2F+L+RDE", "F+L", "RDE", "STM"]}),
]


class _Flat(Settings):
    """Settings of single values, which have a digest."""

    @property
    def digest(self) -> str:
        """Hex digest of every value under its name; equal settings have equal digests."""
        values = self.model_dump(mode="json")
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
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32",
        description=(
            "Precision of the network's convolutions, float32 or bfloat16, which is faster where "
            "the hardware has it, slower elsewhere. Memory is matched in float32 either way."
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


class Running(Settings):
    """How a run spends time, memory and disk; no pixel depends on it."""

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
