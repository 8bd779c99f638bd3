"""Training in several processes: under torchrun they share gradients; a single process shares
nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor


@contextmanager
def joined(device: torch.device) -> Iterator[torch.device]:
    """Join the processes that torchrun started; yields the device of this process.

    Gloo between CPUs, NCCL between NVIDIA GPUs, one GPU a process: the one whose number torchrun
    gives is made the current one, where NCCL and all that names no device works.
    """
    if "RANK" not in os.environ:
        yield device
        return
    on_gpu = device.type == "cuda"
    if on_gpu:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """This process's number; process 0 writes files and messages."""
    return dist.get_rank() if dist.is_initialized() else 0


def average(tensors: Sequence[Tensor]) -> None:
    """Replace tensors by their means over all processes, the same bits in each, in one message.

    A process alone copies nothing.
    """
    if not dist.is_initialized():
        return
    message = torch.cat([tensor.flatten() for tensor in tensors])
    dist.all_reduce(message)
    message /= dist.get_world_size()
    for tensor, part in zip(tensors, message.split([t.numel() for t in tensors]), strict=True):
        tensor.copy_(part.view(tensor.shape))
