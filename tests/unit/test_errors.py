"""Which error a user sees."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable

import numpy as np
import pytest
import torch

from rde_roto.doors.console import with_options
from rde_roto.doors.hosts.errors import error_object, error_of, error_values
from rde_roto.session.error_words import sentence
from rde_roto.values.errors import (
    OutOfMemoryError,
    WeightsError,
    is_out_of_memory,
    shown_error,
)

OUT_OF_MEMORY = (
    "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you "
    "tried to allocate 4000000000000 bytes. Error code 12 (Cannot allocate memory)",
    "MPS backend out of memory (MPS allocated: 8.50 GB, other allocations: 1.2 GB, max allowed: "
    "9.07 GB). Tried to allocate 256.00 MB on private pool.",
    "Invalid buffer size: 24.00 GiB",
    "Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)",
    "CUDA error: out of memory",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
    "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "cuFFT error: CUFFT_ALLOC_FAILED",
    "can't start new thread",
    "std::bad_alloc",
    "could not create a primitive",
    "could not create a memory object",
)


@pytest.mark.parametrize("words", OUT_OF_MEMORY)
def test_memory_has_run_out_in_any_words(words: str) -> None:
    assert is_out_of_memory(RuntimeError(words))


def test_a_layer_that_onednn_does_not_have_is_no_lack_of_memory() -> None:
    words = (
        "could not create a primitive descriptor for a convolution forward propagation primitive"
    )
    assert not is_out_of_memory(RuntimeError(words))


def test_an_allocation_that_fails_says_so_in_these_words() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(OSError(errno.ENOMEM, "Cannot allocate memory"))
    assert is_out_of_memory(OSError("decoder error -9: out of memory error"))


def test_a_path_with_such_a_name_is_no_lack_of_memory() -> None:
    assert not is_out_of_memory(FileNotFoundError(errno.ENOENT, "No such file", "out of memory/a"))
    assert not is_out_of_memory(KeyError("out of memory"))


@pytest.mark.parametrize("make", [lambda: np.empty(1 << 50), lambda: torch.empty(1 << 60)])
def test_memory_that_runs_out_anywhere_is_shown_as_that(make: Callable[[], object]) -> None:
    with pytest.raises((MemoryError, RuntimeError)) as caught:
        make()
    shown = shown_error(caught.value)
    assert shown.exit_code == OutOfMemoryError.exit_code == 6
    assert str(shown).startswith("memory ran out (")
    assert "run it again" in str(shown)


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`",
        "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
        "CUDA error: an illegal memory access was encountered",
        "The size of tensor a (3) must match the size of tensor b (4)",
    ],
)
def test_other_errors_are_bugs(words: str) -> None:
    assert not is_out_of_memory(RuntimeError(words))


def test_each_reader_is_told_where_he_sets_what_an_error_advises() -> None:
    error = WeightsError("restore the file, or forget what was learned", keys=("learned",))
    said = "restore the file, or forget what was learned"
    assert str(error) == f"{said} (learned in the shot document)"  # in a hot folder, in Python
    assert with_options(error) == f"{said} (rde-roto shot learn SHOT --forget)"
    assert sentence(error) == f"{said} (Alt+L)"
    assert error_object(error)["sentence"].startswith(f"{said} (Forget in the panel")
    again = error_of(json.loads(json.dumps(error_values(error))))  # from a process that learns
    assert (type(again), sentence(again)) == (WeightsError, f"{said} (Alt+L)")
    assert sentence(WeightsError("it is damaged")) == "it is damaged"
