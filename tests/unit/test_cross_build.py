"""What a release compiles is told apart by its headers: ELF, PE, Mach-O and universal Mach-O."""

from __future__ import annotations

import platform
import struct
import sys
from pathlib import Path

import pytest
from other_binaries import ARM64, EXPORTED, X86_64, mach_o, pe
from tools import cross_build


@pytest.mark.skipif(sys.platform != "linux", reason="the interpreter is no ELF file")
def test_this_interpreter_is_for_this_machine() -> None:
    found = cross_build.machines_of(Path(sys.executable).resolve().read_bytes())
    assert found == (f"{platform.machine()}-linux",)


def test_a_universal_binary_has_both_machines_at_their_pages() -> None:
    parts = [mach_o(ARM64, 20_000), mach_o(X86_64, 100)]
    data = cross_build.universal(parts)
    assert cross_build.machines_of(data) == ("aarch64-macos", "x86_64-macos")
    for index, part in enumerate(parts):
        _, _, offset, size, bits = struct.unpack_from(">5I", data, 8 + 20 * index)
        assert (offset % (1 << bits), data[offset : offset + size]) == (0, part)


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n", pe(0x14C), b"\x7fELF".ljust(64, b"\0")])
def test_what_is_no_binary_of_ours_has_no_machine(data: bytes) -> None:
    assert cross_build.machines_of(data) == ()
    assert cross_build.machines_of(pe(0x8664)) == ("x86_64-windows",)


def test_a_wrong_binary_is_refused(tmp_path: Path) -> None:
    mac = next(target for target in cross_build.TARGETS if target.folder == "MacOS")
    place = tmp_path / "rde_roto.ofx"
    good = [mach_o(ARM64, 100), mach_o(X86_64, 100, command=0x19)]  # Intel needs no signature
    place.write_bytes(cross_build.universal(good))
    cross_build.inspect(mac, place)
    place.write_bytes(good[0])
    with pytest.raises(cross_build.BuildError, match=r"is for .*aarch64-macos"):
        cross_build.inspect(mac, place)
    place.write_bytes(cross_build.universal([part.removesuffix(EXPORTED) for part in good]))
    with pytest.raises(cross_build.BuildError, match="does not export OfxGetNumberOfPlugins"):
        cross_build.inspect(mac, place)
    place.write_bytes(cross_build.universal([mach_o(ARM64, 100, command=0x19), good[1]]))
    with pytest.raises(cross_build.BuildError, match="not signed for aarch64-macos"):
        cross_build.inspect(mac, place)


def test_without_the_compiler_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cross_build, "OPENFX", tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(cross_build.BuildError, match="pip install ziglang"):
        cross_build.build_all()
    assert list(tmp_path.iterdir()) == []
