"""The devices that the network can use on this machine, and how they calculate."""

from __future__ import annotations

import platform
import re
import shutil
from functools import cache
from pathlib import Path
from traceback import clear_frames
from typing import Final

import torch
from torch import Tensor

from rde_roto.values.arguments import require
from rde_roto.values.errors import UsageError

_CPU_FACTS: Final = re.compile(
    r"^(?:vendor_id|cpu family|model|model name|CPU (?:implementer|variant|part))\s*:\s*(.*)",
    re.MULTILINE,
)

_UNTESTED: Final = frozenset({"mps"})

CPU: Final = torch.device("cpu")


def choose_device(name: str | torch.device) -> torch.device:
    """Choose the device ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``, or one of torch's.

    auto is the first NVIDIA GPU, else the CPU: rde-roto has not been tested on MPS, so that must be
    named. This also fixes how torch calculates in this process (`fix_arithmetic`). Raises
    UsageError when this torch cannot use the device.
    """
    require(name, (str, torch.device), "a device, such as 'auto' or 'cuda:1'")
    name = str(name)
    fix_arithmetic()
    usable = usable_devices()
    if name == "auto":
        name = next(kind for kind in usable if kind not in _UNTESTED)
    kind = name.partition(":")[0]
    if kind not in usable:
        raise UsageError(
            f"the device {name}: this torch can use {', '.join(usable)}; see rde-roto doctor"
        )
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"{name} is no device: {error}") from error
    if kind == "cuda":
        if (device.index or 0) >= torch.cuda.device_count():
            raise UsageError(
                f"the device {name}: torch sees {torch.cuda.device_count()} GPUs, from 0 on"
            )
        return torch.device("cuda", device.index or 0)  # one name each: networks are shared by it
    return device


def fix_arithmetic(tf32: bool = False) -> None:
    """Fix in this process what torch may otherwise choose, and what the last bits depend on.

    The number of CPU threads becomes what torch reports: otherwise MKL chooses one for each call,
    and Intel's guide to reproducible results asks for that choice to be off. On NVIDIA GPUs float32
    means float32, not TF32, unless ``tf32``; sums of 16-bit products are kept in float32, and cuDNN
    neither tries out algorithms nor takes one whose results differ from run to run.
    """
    torch.set_num_threads(torch.get_num_threads())
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False


def arithmetic_of(device: torch.device) -> tuple[str, ...]:
    """Return everything about a device, torch and its settings that decides a result's last bits.

    On a CPU that includes its model: the instructions that torch names are the same on Intel's and
    AMD's, but the libraries take other kernels.
    """
    common = (
        torch.__version__,
        device.type,
        str(short_dtype(device)),
        str(torch.get_num_threads()),
        torch.get_float32_matmul_precision(),
        *(() if torch._C._get_mkldnn_enabled() else ("no oneDNN",)),
        *(() if torch.get_default_dtype() is torch.float32 else (str(torch.get_default_dtype()),)),
    )
    if device.type != "cuda":
        return (*common, torch.backends.cpu.get_cpu_capability(), cpu_model())
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
    flags = (
        cudnn.enabled,
        cudnn.version(),
        cudnn.allow_tf32,
        cudnn.benchmark,
        cudnn.deterministic,
        products.allow_fp16_reduced_precision_reduction,
        products.allow_bf16_reduced_precision_reduction,
    )
    return (*common, torch.cuda.get_device_name(device), *map(str, flags))


@cache
def cpu_model() -> str:
    """Return the model of the first processor as the system says it, empty if it does not."""
    try:
        first, _, _ = Path("/proc/cpuinfo").read_text("utf-8", "replace").partition("\n\n")
    except OSError:  # not Linux
        return platform.processor()
    return ", ".join(map(str.strip, _CPU_FACTS.findall(first)))


def usable_devices() -> tuple[str, ...]:
    """Return the kinds of device that this torch can use, GPUs first; always includes the CPU."""
    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def short_dtype(device: torch.device) -> torch.dtype:
    """Return the 16-bit type that the hardware multiplies natively, float32 if there is none.

    bfloat16 on CPUs with AMX or AVX-512 BF16 and on NVIDIA GPUs since Ampere; float16 on Volta and
    Turing GPUs and on Apple's.
    """
    if device.type == "cpu":
        has_bfloat16 = torch.backends.mkldnn.is_available() and (
            torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
        )
        return torch.bfloat16 if has_bfloat16 else torch.float32
    if device.type != "cuda":
        return torch.float16
    generation, _ = torch.cuda.get_device_capability(device)
    if generation >= 8:
        return torch.bfloat16
    return torch.float16 if generation == 7 else torch.float32


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor on the CPU to a device; a CUDA device is not waited for.

    The copy then goes by pinned memory, which torch keeps until it is done.
    """
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def free_after(error: BaseException) -> None:
    """Free what failed code held, and return the device's unused memory to it.

    Until an error is forgotten, its traceback keeps the local variables of the code that failed
    alive, with all their tensors. Where the error was raised stays known.
    """
    clear_frames(error.__traceback__)
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def idle_gpu() -> bool:
    """Return whether there is an NVIDIA driver that this torch cannot use."""
    return shutil.which("nvidia-smi") is not None and not torch.cuda.is_available()
