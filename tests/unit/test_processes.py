"""One process of a training, by itself; several are in test_training.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from rde_roto.training.processes import average


class Operations(TorchDispatchMode):
    """Notes every operation on tensors."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.noted: list[str] = []

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        self.noted.append(str(func))
        return func(*args, **(kwargs or {}))


def test_a_process_alone_does_nothing_with_its_gradients() -> None:
    gradients = [torch.ones(3), torch.ones(2, 2)]
    with Operations() as operations:
        average(gradients)
        alone = list(operations.noted)
        torch.cat([gradients[0], gradients[1].flatten()])
    assert alone == []
    assert operations.noted  # it does note
