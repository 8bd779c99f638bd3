"""What the parts of the inference form are made with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rde_roto.net.fused import Activation, FusedConv, Kernel
from rde_roto.net.winograd import WinogradConv

Conv = FusedConv | WinogradConv
Make = Callable[[Kernel, Activation], Conv]
"""Makes a convolution of a kernel, with what follows it in one."""


def laid_out(x: Tensor) -> Tensor:
    """Channels last."""
    return x.contiguous(memory_format=torch.channels_last)
