from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from rde_roto.model.devices import (
    arithmetic_of,
    choose_device,
    cpu_model,
    fix_arithmetic,
    idle_gpu,
    short_dtype,
    usable_devices,
)
from rde_roto.values.errors import UsageError


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch answers on a machine without a GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch answers on a machine with two NVIDIA GPUs."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_the_cpu_can_always_be_used() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert usable_devices()[-1] == "cpu"


def test_auto_can_be_used() -> None:
    device = choose_device("auto")
    assert device.type in usable_devices()
    assert torch.ones(2, device=device).sum().item() == 2


@pytest.mark.usefixtures("no_gpu")
def test_auto_is_the_cpu_without_a_gpu() -> None:
    assert usable_devices() == ("cpu",)
    assert choose_device("auto") == torch.device("cpu")


@pytest.mark.usefixtures("two_gpus")
def test_auto_takes_a_gpu_first() -> None:
    assert usable_devices() == ("cuda", "cpu")
    assert choose_device("auto") == torch.device("cuda", 0)
    assert choose_device("cuda") == torch.device("cuda", 0)  # by one name: networks are shared
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    assert choose_device("cpu") == torch.device("cpu")


def test_mps_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert usable_devices() == ("mps", "cpu")
    assert choose_device("auto") == torch.device("cpu")
    assert choose_device("mps") == torch.device("mps")


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps", "gpu", "xpu", "meta", "", "CPU"])
def test_what_this_torch_cannot_use_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError) as error:
        choose_device(name)
    assert str(error.value) == f"the device {name}: this torch can use cpu; see rde-roto doctor"


@pytest.mark.parametrize("name", ["cpu:", "cpu:x", "cpu:-1", "cpu:0:0"])
def test_what_is_no_device_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is no device"):
        choose_device(name)


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_that_is_not_there_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"the device cuda:2: .*2 GPUs"):
        choose_device("cuda:2")


def test_a_gpu_lies_idle_when_its_driver_is_here_and_torch_cannot_use_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_gpu: None
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not idle_gpu()
    tool = tmp_path / ("nvidia-smi.exe" if os.name == "nt" else "nvidia-smi")
    tool.touch(mode=0o755)
    assert idle_gpu()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert not idle_gpu()


@pytest.mark.parametrize(
    ("generation", "dtype"), [(6, torch.float32), (7, torch.float16), (9, torch.bfloat16)]
)
def test_the_16_bits_of_a_gpu(
    monkeypatch: pytest.MonkeyPatch, generation: int, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (generation, 0))
    assert short_dtype(torch.device("cuda")) == dtype


def test_the_16_bits_of_a_mac() -> None:
    assert short_dtype(torch.device("mps")) == torch.float16


@pytest.mark.parametrize(
    ("amx", "avx", "onednn", "dtype"),
    [
        (True, False, True, torch.bfloat16),
        (False, True, True, torch.bfloat16),
        (False, False, True, torch.float32),
        (True, True, False, torch.float32),
    ],
)
def test_the_16_bits_of_a_cpu(
    monkeypatch: pytest.MonkeyPatch, amx: bool, avx: bool, onednn: bool, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: onednn)
    assert short_dtype(torch.device("cpu")) == dtype


@pytest.fixture
def own_arithmetic() -> Iterator[None]:
    """Lets a test change torch's settings."""
    yield
    fix_arithmetic()


@pytest.mark.usefixtures("own_arithmetic")
def test_choosing_a_device_fixes_the_arithmetic_of_nvidia_gpus() -> None:
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
    cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic = True, True, False
    torch.set_float32_matmul_precision("medium")
    choose_device("cpu")
    assert (cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic) == (False, False, True)
    assert not products.allow_tf32
    assert not products.allow_fp16_reduced_precision_reduction
    assert not products.allow_bf16_reduced_precision_reduction


def test_tf32_has_other_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "a GPU")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (9, 0))
    device, found = torch.device("cuda", 0), set()
    for tf32 in (False, True):
        fix_arithmetic(tf32)
        found.add(arithmetic_of(device))
    torch.backends.cudnn.benchmark = True
    found.add(arithmetic_of(device))
    assert len(found) == 3


def test_a_cpu_is_named_by_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch calls AVX512 is Intel's and AMD's."""
    here = arithmetic_of(torch.device("cpu"))
    if Path("/proc/cpuinfo").exists():
        assert cpu_model()
    assert here[-1] == cpu_model()
    monkeypatch.setattr("rde_roto.model.devices.cpu_model", lambda: "another")
    assert arithmetic_of(torch.device("cpu")) != here


MKL_CHOOSES = """
import ctypes
from pathlib import Path
import torch
from rde_roto.model.devices import choose_device
library = ctypes.CDLL(str(next(Path(torch.__file__).parent.glob("lib/libtorch_cpu.*"))))
before, threads = library.mkl_serv_get_dynamic(), torch.get_num_threads()
choose_device("cpu")
print(before, library.mkl_serv_get_dynamic(), threads == torch.get_num_threads())
"""


@pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="this torch has no MKL")
def test_mkl_chooses_no_number_of_threads_by_itself() -> None:
    """In a process of its own, as a door is: in this one a number has been set."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "MKL_"))}
    done = subprocess.run(
        [sys.executable, "-c", MKL_CHOOSES], capture_output=True, text=True, env=environment
    )
    if "undefined symbol" in done.stderr:
        pytest.skip("this torch does not show the MKL in it")
    assert done.stdout.split() == ["1", "0", "True"], done.stderr
