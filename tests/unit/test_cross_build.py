"""What a release compiles is told apart by its headers: ELF, PE, Mach-O and universal Mach-O."""

from __future__ import annotations

import importlib.util
import platform
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[2] / "tools" / "cross_build.py"
EXPORTED = (b"OfxGetNumberOfPlugins\0", b"OfxGetPlugin\0")
ARM64, X86_64 = (0x0100000C, 0), (0x01000007, 3)  # <mach/machine.h>


@pytest.fixture(scope="module")
def cross_build() -> Iterator[ModuleType]:
    """The program as a module; tools are not on the path of tests."""
    spec = importlib.util.spec_from_file_location("cross_build", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["cross_build"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["cross_build"]


def mach_o(machine: tuple[int, int], size: int) -> bytes:
    return struct.pack("<III", 0xFEEDFACF, *machine).ljust(size, b"m") + b"".join(EXPORTED)


def pe(machine: int) -> bytes:
    return b"MZ".ljust(60, b"\0") + struct.pack("<I", 64) + b"PE\0\0" + struct.pack("<H", machine)


@pytest.mark.skipif(sys.platform != "linux", reason="the interpreter is no ELF file")
def test_this_interpreter_is_for_this_machine(cross_build: ModuleType) -> None:
    found = cross_build.machines_of(Path(sys.executable).resolve().read_bytes())
    assert found == (f"{platform.machine()}-linux",)


def test_a_universal_binary_has_both_machines_at_their_pages(cross_build: ModuleType) -> None:
    parts = [mach_o(ARM64, 20_000), mach_o(X86_64, 100)]
    data = cross_build.universal(parts)
    assert cross_build.machines_of(data) == ("aarch64-macos", "x86_64-macos")
    for index, part in enumerate(parts):
        _, _, offset, size, bits = struct.unpack_from(">5I", data, 8 + 20 * index)
        assert (offset % (1 << bits), data[offset : offset + size]) == (0, part)


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n", pe(0x14C), b"\x7fELF".ljust(64, b"\0")])
def test_what_is_no_binary_of_ours_has_no_machine(cross_build: ModuleType, data: bytes) -> None:
    assert cross_build.machines_of(data) == ()
    assert cross_build.machines_of(pe(0x8664)) == ("x86_64-windows",)


def test_a_wrong_binary_is_refused(cross_build: ModuleType, tmp_path: Path) -> None:
    mac = next(target for target in cross_build.TARGETS if target.folder == "MacOS")
    place = tmp_path / "rde_roto.ofx"
    place.write_bytes(cross_build.universal([mach_o(ARM64, 100), mach_o(X86_64, 100)]))
    cross_build.inspect(mac, place)
    place.write_bytes(mach_o(ARM64, 100))
    with pytest.raises(cross_build.BuildError, match=r"is for .*aarch64-macos"):
        cross_build.inspect(mac, place)
    both = [mach_o(one, 100).replace(EXPORTED[1], b"") for one in (ARM64, X86_64)]
    place.write_bytes(cross_build.universal(both))
    with pytest.raises(cross_build.BuildError, match="does not export OfxGetPlugin"):
        cross_build.inspect(mac, place)
