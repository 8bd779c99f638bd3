"""The commands of ``rde-roto``, sorted by use, and an example for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ROTO: Final = "Roto"
DELIVER: Final = "Deliver"
FARM: Final = "Farm"
SET_UP: Final = "Set up"
RESEARCH: Final = "Research"


@dataclass(frozen=True)
class Command:
    """A command: its function or app in ``doors.commands``, its panel and its line in the list."""

    door: str
    panel: str
    summary: str


COMMANDS: Final = {
    "new": Command(
        "new.new",
        ROTO,
        "Start a shot: open a plate in the window, ready for its first keyframe.",
    ),
    "view": Command(
        "view.view",
        ROTO,
        "Open a window: paint, propagate, correct, approve. Everything is saved as you go.",
    ),
    "propagate": Command(
        "propagate.propagate",
        ROTO,
        "Propagate the masks of one or more keyframes through the plate, in both directions.",
    ),
    "shot": Command(
        "shot.app", ROTO, "Work with shot documents (NAME.shot.yaml) and their mattes."
    ),
    "explain": Command(
        "explain.explain",
        ROTO,
        "Show where attention went, what the memory holds, and where the track drifts.",
    ),
    "look": Command(
        "look.look",
        ROTO,
        "Write what the network sees of a frame, before it is scaled to tracking.lines.",
    ),
    "shapes": Command(
        "shapes.shapes",
        DELIVER,
        "Make editable, animated splines of a shot's mattes; draw splines as mattes again.",
    ),
    "validate": Command(
        "validate.validate",
        DELIVER,
        "Check mattes against their plate and delivery rules: exit code 7 when a rule is broken.",
    ),
    "submit": Command(
        "submit.submit",
        FARM,
        "Write a shot's job for a render farm: chunks without visible seams.",
    ),
    "watch": Command(
        "watch.watch",
        FARM,
        "Process the jobs that are dropped into FOLDER/inbox, one after the other.",
    ),
    "jobs": Command(
        "jobs.jobs",
        FARM,
        "Show the jobs of a hot folder; on a terminal until you press Ctrl-C.",
    ),
    "serve": Command(
        "serve.serve",
        FARM,
        "Run the engine that compositors and scripts on this machine use; one per user and device.",
    ),
    "doctor": Command(
        "doctor.doctor",
        SET_UP,
        "Check this machine and this installation, and say what to do about what is wrong.",
    ),
    "demo": Command(
        "demo.demo",
        SET_UP,
        "Rotoscope the demo shot from its first mask and compare it with its true matte.",
    ),
    "preset": Command("presets.app", SET_UP, "Presets: list, show, new, check, schema."),
    "model": Command("models.app", SET_UP, "Models: list, card, install, export."),
    "cache": Command(
        "cache.app",
        SET_UP,
        "Manage the cache of memory states and raw mattes: info, prune, verify.",
    ),
    "train": Command(
        "train.app",
        RESEARCH,
        "Training: rde-roto train RECIPE --out DIR; list, watch, average, pack.",
    ),
    "eval": Command(
        "evaluate.evaluate",
        RESEARCH,
        "Track each sequence from its first mask and score it, without its first and last frame.",
    ),
    "bench": Command("bench.app", RESEARCH, "Measure what a frame costs on this machine."),
}
"""In the order of the list of commands."""

EXAMPLES: Final = {
    "new": ("rde-roto new 'plates/hero.####.exr'",),
    "view": ("rde-roto view hero.shot.yaml",),
    "propagate": (
        "rde-roto propagate 'plates/hero.####.exr' --keyframe 1001=masks/hero.1001.png "
        "--out 'mattes/hero.####.exr'",
        "rde-roto propagate plates/hero --keyframe 1001:hero=a.png --keyframe 1040:car=b.png "
        "--out 'mattes/hero.####.exr' --preset fine",
    ),
    "shot new": (
        "rde-roto shot new 'plates/hero.####.exr' --keyframe 1001=masks/hero.1001.png "
        "--out hero.shot.yaml",
    ),
    "shot show": ("rde-roto shot show hero.shot.yaml",),
    "shot render": (
        "rde-roto shot render hero.shot.yaml",
        "rde-roto shot render hero.shot.yaml --frames 1040-1060 --format cryptomatte",
    ),
    "shot lock": ("rde-roto shot lock hero.shot.yaml --frames 1001-1020 --elements hero",),
    "shot unlock": ("rde-roto shot unlock hero.shot.yaml --frames 1010",),
    "shot learn": (
        "rde-roto shot learn hero.shot.yaml",
        "rde-roto shot learn hero.shot.yaml --forget",
    ),
    "shot advise": ("rde-roto shot advise hero.shot.yaml",),
    "shot report": ("rde-roto shot report hero.shot.yaml --out hero.html",),
    "explain": ("rde-roto explain hero.shot.yaml --frame 1043 --out why.png",),
    "look": ("rde-roto look 'plates/hero.####.exr' --frame 1001 --out seen.png",),
    "shapes": ("rde-roto shapes hero.shot.yaml --out hero.shapes.json",),
    "validate": ("rde-roto validate mattes --plate 'plates/hero.####.exr'",),
    "submit": (
        "rde-roto submit hero.shot.yaml --openjd job",
        "rde-roto submit hero.shot.yaml --inbox /farm/roto --chunk 50",
    ),
    "watch": ("rde-roto watch /farm/roto --keep-days 90",),
    "jobs": ("rde-roto jobs /farm/roto",),
    "serve": ("rde-roto serve --device cuda --detach", "rde-roto serve --stop"),
    "doctor": ("rde-roto doctor", "rde-roto doctor --hot-folder /farm/roto"),
    "demo": ("rde-roto demo --out demo-out",),
    "preset list": ("rde-roto preset list",),
    "preset show": ("rde-roto preset show standard",),
    "preset new": ("rde-roto preset new crowd --from standard",),
    "preset check": ("rde-roto preset check crowd.yaml",),
    "preset schema": ("rde-roto preset schema",),
    "model list": ("rde-roto model list",),
    "model card": ("rde-roto model card rde-lite",),
    "model install": ("rde-roto model install checkpoint.pth --name studio",),
    "model export": ("rde-roto model export runs/studio --name studio",),
    "cache info": ("rde-roto cache info",),
    "cache prune": ("rde-roto cache prune --to 5", "rde-roto cache prune --all"),
    "cache verify": ("rde-roto cache verify",),
    "train": (
        "rde-roto train stage3 --out runs/studio --minutes 30 --resume",
        "rde-roto train list",
    ),
    "train run": ("rde-roto train stage3 --out runs/studio --minutes 30 --resume",),
    "train list": ("rde-roto train list",),
    "train average": ("rde-roto train average runs/a runs/b --out runs/mean",),
    "train watch": ("rde-roto train watch runs/studio",),
    "train pack": ("rde-roto train pack stage3 --out stage3.zip",),
    "eval": ("rde-roto eval DAVIS --sequences bear,bus --set tracking.lines=240",),
    "bench": ("rde-roto bench --size 480,1080 --elements 1,3",),
    "bench pipeline": ("rde-roto bench pipeline hero.shot.yaml",),
    "bench compare": ("rde-roto bench compare 'COMMAND' 'ANOTHER'",),
    "bench length": ("rde-roto bench length --plot length.png",),
}
"""For each command, also of an app, how it is typed most often."""

WHERE_TO_BEGIN: Final = """\
rde-roto: paint one keyframe, get the mattes of the whole shot. Begin with:
  rde-roto demo         the shot that comes with it, in a minute or two
  rde-roto new PLATE    your own shot, in a window; without one: rde-roto propagate --help
  rde-roto doctor       what this machine lacks, and what to do
  rde-roto --help       all commands"""
