"""``rde-roto doctor``: check whether this machine has everything that a run needs."""

from __future__ import annotations

import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version

import psutil

from rde_roto import __version__
from rde_roto.documents.model_card import DEFAULT_MODEL
from rde_roto.doors.demo import demo_document
from rde_roto.doors.options import DeviceOption, ModelOption
from rde_roto.shot_files.opening import open_document
from rde_roto.values.errors import RotoError
from rde_roto.values.frames import FrameRange
from rde_roto.values.preset import Preset, Tracking

_PACKAGES = ("torch", "numpy", "OpenImageIO", "safetensors", "pydantic", "pillow", "av")


def doctor(model: ModelOption = DEFAULT_MODEL, device: DeviceOption = "auto") -> None:
    """Show versions, devices, memory, models and their licences, and run a self-test."""
    print(f"rde-roto {__version__}, Python {platform.python_version()}, {platform.platform()}")
    print("  ".join(f"{package} {_version(package)}" for package in _PACKAGES))
    _say_devices()
    _say_models()
    try:
        seconds = _self_test(model, device)
    except RotoError as error:
        print(f"self-test     FAILED: {error}")
        sys.exit(error.exit_code)
    print(f"self-test     two frames in {seconds:.2f} s: ok")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _say_devices() -> None:
    import torch

    from rde_roto.model.devices import idle_gpu, usable_devices

    print(f"devices       {', '.join(usable_devices())}; {torch.get_num_threads()} CPU threads")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            name = torch.cuda.get_device_name(index)
            print(f"cuda:{index}        {name}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free")
    if idle_gpu():
        print(
            "              this torch cannot use the NVIDIA GPU of this machine: "
            "run install.py again with --torch-index and a CUDA build"
        )
    print(f"free memory   {psutil.virtual_memory().available / 1e9:.1f} GB")


def _say_models() -> None:
    from rde_roto.model.weights import licence_line, list_models
    from rde_roto.values.errors import WeightsError

    try:
        models = list(list_models())
    except WeightsError as error:
        print(f"model         {error}")
        return
    for model in models:
        print(f"model         {licence_line(model)}")
    if not models:
        print("model         none installed")


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
