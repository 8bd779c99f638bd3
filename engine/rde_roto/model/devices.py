"""The devices that the network can use on this machine."""

from __future__ import annotations

import re
import shutil
from traceback import clear_frames
from typing import Final

import torch

from rde_roto.values.errors import UsageError

_OUT_OF_MEMORY: Final = re.compile(
    r"DefaultCPUAllocator"  # torch on a CPU
    r"|out of memory"  # CUDA's runtime; MPS
    r"|Invalid buffer size|Insufficient Memory"  # MPS; Metal
    r"|(CUBLAS|CUDNN|CUSOLVER|CUSPARSE|CUFFT)_(STATUS_)?\w*ALLOC(ATION)?_FAILED",
    re.IGNORECASE,
)


def choose_device(name: str) -> torch.device:
    """Choose the device ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; auto prefers a GPU.

    This also fixes the number of CPU threads to what torch reports, because the last bits of a
    result depend on it. Raises UsageError when this torch cannot use the device.
    """
    _fix_threads()
    usable = usable_devices()
    if name == "auto":
        return torch.device(usable[0])
    kind = name.partition(":")[0]
    if kind not in usable:
        raise UsageError(
            f"--device {name}: this torch can use {', '.join(usable)}; see rde-roto doctor"
        )
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"--device {name} is no device: {error}") from error
    if kind == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"--device {name}: torch sees {torch.cuda.device_count()} GPUs, from 0 on")
    return device


def _fix_threads() -> None:
    """Set the number of threads explicitly: otherwise MKL chooses one for each call, and Intel's
    guide to reproducible results asks for that choice to be off.
    """
    torch.set_num_threads(torch.get_num_threads())


def usable_devices() -> tuple[str, ...]:
    """Return the kinds of device that this torch can use, the fastest first; always includes the
    CPU.
    """
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


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error means that memory ran out. torch has a class for that on CUDA only,
    and not for what its libraries allocate: all others are recognised by their message.
    """
    has_class = isinstance(error, (MemoryError, torch.OutOfMemoryError))
    return has_class or _OUT_OF_MEMORY.search(str(error)) is not None


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
