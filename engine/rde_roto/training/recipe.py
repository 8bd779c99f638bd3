"""Recipes: all settings of a training stage, as a YAML document under ``presets/training``.

Values marked as published are those of the paper's public code (RDE-VOS, CVPR 2022).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rde_roto.values.bank import Bank, BankText
from rde_roto.values.settings import Settings

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[int, Field(ge=1)]
Amount = Annotated[float, Field(ge=0.0)]


class VideoSource(Settings):
    """A folder of sequences in the layout of DAVIS or YouTube-VOS, or of RGBA frames."""

    path: str = Field(description="Folder below data.root with JPEGImages and Annotations.")
    masks: Literal["labels", "alpha"] = Field(
        default="labels",
        description=(
            "labels: each number of a mask is an object; alpha: the folder has one folder of RGBA "
            "PNGs per sequence, which move as subjects of composites."
        ),
    )
    leave_out: list[str] = Field(default=[], description="Sequences that are never trained on.")
    only: list[str] = Field(default=[], description="If given, no other sequence is used.")
    weight: float = Field(default=1.0, gt=0, description="How often a clip comes from here.")
    stills_every: int = Field(
        default=0,
        ge=0,
        description="Every so many frames one serves as a photograph too; 0 for none.",
    )
    jump_factor: Share = Field(
        default=1.0,
        description="Scales max_jump: 0.2 where only every fifth frame is annotated (YouTube-VOS).",
    )


class StillSource(Settings):
    """A folder of photographs, with or without masks."""

    path: str = Field(description="Folder below data.root with images and, perhaps, masks.")
    masks: Literal["labels", "parts", "alpha", "none"] = Field(
        default="labels",
        description=(
            "labels: each number of a mask is an object; parts: all numbers together are one "
            "subject; alpha: RGBA pictures, which are cut out by their own alpha; none: the "
            "photographs serve as backgrounds only."
        ),
    )
    leave_out: list[str] = Field(
        default=[], description="Pictures that are never trained on, without their suffixes."
    )
    weight: float | None = Field(
        default=None, gt=0, description="How often a picture comes from here; default: their count."
    )


class Data(Settings):
    """The training data."""

    root: str = Field(default=".", description="Folder or packed set (.zip) that paths start from.")
    videos: list[VideoSource] = Field(default=[], description="Sequences with masks.")
    stills: list[StillSource] = Field(default=[], description="Photographs.")
    lines: int = Field(
        default=360, ge=64, description="Larger pictures are reduced to this height."
    )
    cache_mb: int = Field(default=4000, ge=0, description="Decoded pictures kept in memory.")


class Mixture(Settings):
    """How often a clip is of each kind; the shares are relative."""

    video: Amount = Field(default=1.0, description="Real footage.")
    still: Amount = Field(default=0.0, description="One photograph in synthetic motion.")
    composite: Amount = Field(default=0.0, description="Cut-out subjects over a background.")

    @model_validator(mode="after")
    def _some(self) -> Mixture:
        if self.video + self.still + self.composite == 0:
            raise ValueError("one of video, still and composite must be above 0")
        return self


class Jitter(Settings):
    """Random changes of a picture: each value is the reach of a uniform draw around no change."""

    turn_deg: Amount = Field(default=0.0, description="Rotation.")
    shear_deg: Amount = Field(default=0.0, description="Shear.")
    scale: list[float] = Field(default=[1.0, 1.0], description="Least and most enlargement.")
    shift: Amount = Field(default=0.0, description="Shift, as a share of the picture's side.")
    brightness: Amount = Field(default=0.0, description="Factor 1 +- this.")
    contrast: Amount = Field(default=0.0, description="Factor 1 +- this.")
    saturation: Amount = Field(default=0.0, description="Factor 1 +- this.")
    hue: Amount = Field(default=0.0, description="In turns of the colour wheel.")
    grey: Share = Field(default=0.0, description="Probability of losing all colour.")
    mirror: Share = Field(default=0.0, description="Probability of being mirrored.")
    thin_plate: Share = Field(default=0.0, description="Probability of a thin-plate warp.")


class Augmentation(Settings):
    """Random changes once per clip, and again for each of its frames."""

    crop_area: list[float] = Field(
        default=[0.36, 1.0], description="Least and most of the picture's area that a crop takes."
    )
    crop_aspect: list[float] = Field(default=[0.75, 1.3333], description="Width over height.")
    on_element: Share = Field(
        default=0.0, description="Probability that the crop is drawn round an element."
    )
    clip: Jitter = Field(default=Jitter(), description="Once for the clip.")
    frame: Jitter = Field(default=Jitter(), description="For each frame.")


class Compositing(Settings):
    """How clips are composited from cut-outs: our substitute for BL30K."""

    most_elements: int = Field(default=2, ge=1, le=8, description="Most elements.")
    distractors: int = Field(default=1, ge=0, le=8, description="Most further subjects.")
    size: list[float] = Field(
        default=[0.45, 1.2],
        description="Least and most length of a subject, in sides of the picture.",
    )
    moving: Share = Field(
        default=0.0,
        description="Probability that a subject is cut out of a clip and moves as there.",
    )
    speed: Amount = Field(default=0.06, description="Shift a frame, in sides of the picture.")
    turn_deg: Amount = Field(default=4.0, description="Turn a frame.")
    scale: Amount = Field(default=0.03, description="Growth a frame.")
    camera: Amount = Field(default=0.02, description="The background's shift a frame.")
    thin_plate: Share = Field(default=0.5, description="Probability that a subject bends.")
    occluder: Share = Field(default=0.4, description="Probability that something passes in front.")
    occluder_subject: Share = Field(
        default=0.5,
        description="Probability that this is another subject, rather than a board or a lump.",
    )
    shadow: Share = Field(default=0.4, description="Probability of a cast shadow.")
    blur: Share = Field(default=0.3, description="Probability of motion blur.")
    light: Amount = Field(default=0.15, description="Change of light over the clip.")
    leave: Share = Field(default=0.1, description="Probability that a subject leaves and returns.")


class Perturbation(Settings):
    """Errors of the first mask, like those of a hurried artist (self-correction)."""

    iou: list[float] = Field(default=[0.85, 1.0], description="Least and most IoU with the truth.")
    rounds: int = Field(default=250, ge=1, description="Most rounds of four edits.")


class Phase(Settings):
    """A part of the curriculum."""

    until: Share = Field(description="Share of the iterations at which it ends.")
    frames: int = Field(ge=2, le=64, description="Frames a clip.")
    clips: int = Field(ge=1, description="Clips a batch, on each process.")
    size_px: int = Field(ge=32, multiple_of=16, description="Side of the square frames.")
    max_jump: int = Field(default=5, ge=1, description="Most frames between two of a clip.")


class Reads(Settings):
    """Which memory the frames of a clip are read from."""

    order: Literal["cycle", "random"] = Field(
        default="cycle", description="cycle: the banks in turn, as in the paper; random: any."
    )
    banks: list[BankText] = Field(
        default=[Bank.parse("STM"), Bank.parse("RDE")], min_length=1, description="The banks."
    )
    memory_from: Literal["STM", "read"] = Field(
        default="STM",
        description="Whose matte becomes the next memory: the growing bank's, or the one read.",
    )
    repeats: Positive = Field(
        default=1, description="Most updates of the embedding by one memory frame, as if held."
    )


class Clicks(Settings):
    """How clicks are simulated for the network `clicks`: after the first one, somewhere inside,
    each goes to the middle of the largest error.
    """

    most_rounds: int = Field(default=3, ge=0, description="Most clicks after the first one.")
    jitter_px: int = Field(default=3, ge=0, description="How far a click misses at most.")
    forgets: Share = Field(
        default=0.1, description="Probability that a click comes without the mask before it."
    )
    least_area: Share = Field(
        default=0.0015, description="Smaller objects, as a share of the picture, are left out."
    )


class Losses(Settings):
    """The terms of the loss."""

    frame_weights: Literal["halving", "equal"] = Field(
        default="halving",
        description="halving: the last frame counts a half, the one before a quarter (published).",
    )
    dice: Amount = Field(default=0.0, description="Weight of the Dice loss.")
    guidance: Amount = Field(default=10.0, description="Weight of L_UG, unbiased guidance.")
    consistency: Amount = Field(default=10.0, description="Weight of L_MC, self-correction.")
    bootstrap_start: int = Field(default=0, ge=0, description="Iteration: from here fewer pixels,")
    bootstrap_end: int = Field(default=0, ge=0, description="until here,")
    hardest: Share = Field(default=0.15, description="when only this share of pixels counts.")


class Optimiser(Settings):
    """Adam, its rates and their schedule."""

    lr: float = Field(default=2e-5, gt=0, description="Rate of the new layers.")
    trunk_lr: float = Field(default=2e-5, ge=0, description="Rate of the pretrained trunk.")
    frozen: list[str] = Field(
        default=[], description="Parameters with these prefixes stay; * stands for anything."
    )
    weight_decay: Amount = Field(default=1e-7, description="L2 on all parameters.")
    decoupled: bool = Field(default=False, description="AdamW in place of L2 in the gradient.")
    schedule: Literal["steps", "cosine"] = Field(default="steps", description="How rates fall.")
    steps: list[Share] = Field(default=[], description="Shares of the run where they fall tenfold.")
    warm_up: Share = Field(default=0.0, description="Share of the run over which they rise.")
    clip_norm: Amount = Field(default=0.0, description="Largest gradient norm; 0 clips nothing.")
    ema: Share = Field(default=0.0, description="Decay of the averaged weights; 0 averages none.")


class Scoring(Settings):
    """Evaluation during training, which decides the best weights."""

    path: str = Field(default="", description="DAVIS layout below data.root; empty scores nothing.")
    sequences: list[str] = Field(default=[], description="Those that are scored; empty means all.")
    every: Positive = Field(default=1000, description="Iterations between two scorings.")
    lines: int = Field(default=240, ge=96, le=2160, description="Height the network works at.")


class Recipe(Settings):
    """One stage of training."""

    name: str = Field(description="The recipe's name: its file's name without .yaml.")
    description: str = Field(default="", description="What the stage is for, one sentence.")
    network: Literal["rde-lite", "rde-r50", "clicks"] = Field(
        default="rde-lite",
        description="A tracker's size; clicks: the network that selects an object by clicks.",
    )
    start: str = Field(
        default="imagenet",
        description=(
            "A run's folder, a model's name or file (clicks takes over a tracker's weights); "
            "imagenet: the trunk's own weights."
        ),
    )
    iterations: Positive = Field(default=1000, description="Length of the stage.")
    seed: int = Field(default=14159265, description="Decides every draw.")
    save_every: Positive = Field(default=100, description="Iterations between two checkpoints.")
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="bfloat16 runs the network under autocast."
    )
    data: Data = Field(default=Data(), description="What is trained on.")
    mixture: Mixture = Field(default=Mixture(), description="Kinds of clips.")
    video: Augmentation = Field(default=Augmentation(), description="Real footage is changed so.")
    still: Augmentation = Field(default=Augmentation(), description="Photographs are moved so.")
    composite: Compositing = Field(default=Compositing(), description="Composites are made so.")
    shade: Share = Field(
        default=0.0, description="Probability that shadows lie across a clip and move through it."
    )
    perturbation: Perturbation = Field(default=Perturbation(), description="The first mask.")
    curriculum: list[Phase] = Field(min_length=1, description="Parts of the stage, in order.")
    reads: Reads = Field(default=Reads(), description="Which memory is read.")
    clicks: Clicks = Field(default=Clicks(), description="How clicks are simulated.")
    losses: Losses = Field(default=Losses(), description="What counts.")
    optimiser: Optimiser = Field(default=Optimiser(), description="How weights move.")
    scoring: Scoring = Field(default=Scoring(), description="Evaluation on the way.")

    @model_validator(mode="after")
    def _can_be_scored(self) -> Recipe:
        if self.network == "clicks" and self.scoring.path:
            raise ValueError("clicks does not track: leave scoring.path empty")
        return self

    def phase(self, iteration: int) -> Phase:
        """Return the phase of the curriculum for an iteration (from 0)."""
        share = iteration / self.iterations
        return next((p for p in self.curriculum if share < p.until), self.curriculum[-1])
