"""Compile the OpenFX plug-in for every system into plugin/openfx, for a release.

`python -m tools.cross_build`, after `pip install ziglang` (tested with 0.17), which brings a C
compiler with the headers and libraries of all the systems. The first run takes minutes, since it
builds those libraries. The same sources and compiler make the same bytes. install.py only copies
what was compiled from the same sources; `python -m tools.release` packs it.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import importlib.util
import json
import platform
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
OPENFX = ROOT / "plugin" / "openfx"
BINARY = "rde_roto.ofx"
CONTENTS = OPENFX / "rde_roto.ofx.bundle" / "Contents"
FLAGS = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-s", "-fvisibility=hidden")
EXPORTED = (b"OfxGetNumberOfPlugins\0", b"OfxGetPlugin\0")
MACH_ARM64, MACH_X86_64 = 0x0100000C, 0x01000007  # of <mach/machine.h>
CODE_SIGNATURE = 0x1D  # a load command of <mach-o/loader.h>
SLICE_BITS = 14  # slices of a universal binary begin at multiples of 2^14 bytes: arm64's pages


@dataclass(frozen=True)
class Target:
    """A folder of the bundle, and what the compiler calls the machines of its binary."""

    folder: str
    machines: tuple[str, ...]
    flags: tuple[str, ...] = ()


TARGETS = (
    Target("Linux-x86-64", ("x86_64-linux-gnu.2.17",), ("-fPIC", "-lm", "-pthread")),
    Target("Linux-aarch64", ("aarch64-linux-gnu.2.17",), ("-fPIC", "-lm", "-pthread")),
    Target(
        "MacOS", ("aarch64-macos", "x86_64-macos"), (f"-Wl,-install_name,{BINARY}",)
    ),  # without a name it has the path of the build
    Target("Win64", ("x86_64-windows-gnu",), ("-lws2_32",)),
)


class BuildError(Exception):
    """A binary cannot be built, or is not what it has to be."""


def build(target: Target) -> Path:
    """Compile a target's binary; its path. Raises BuildError."""
    place = CONTENTS / target.folder / BINARY
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        parts = []
        for machine in target.machines:
            part = Path(folder, machine, BINARY)
            part.parent.mkdir()
            sources = sorted(map(str, OPENFX.glob("*.c")))
            command = [sys.executable, "-m", "ziglang", "cc", "-target", machine, *FLAGS]
            done = subprocess.run(
                [*command, *sources, "-o", str(part), *target.flags], capture_output=True, text=True
            )
            if done.returncode:
                raise BuildError(f"{machine} could not be compiled:\n{done.stderr.strip()}")
            parts.append(part.read_bytes())
        place.write_bytes(universal(parts) if len(parts) > 1 else parts[0])
    return place


def universal(parts: list[bytes]) -> bytes:
    """One Mach-O file of several, each for a machine of its own (<mach-o/fat.h>)."""
    unit = 1 << SLICE_BITS
    heads, slices, offset = b"", b"", unit
    for part in parts:
        kind, subkind = struct.unpack_from("<II", part, 4)
        heads += struct.pack(">5I", kind, subkind, offset, len(part), SLICE_BITS)
        padded = part.ljust(-(-len(part) // unit) * unit, b"\0")
        slices += padded
        offset += len(padded)
    return (struct.pack(">II", 0xCAFEBABE, len(parts)) + heads).ljust(unit, b"\0") + slices


def machines_of(data: bytes) -> tuple[str, ...]:
    """The machines that a binary's headers name, as in `Target`; () for no binary."""
    if data[:4] == b"\x7fELF":
        found = {62: "x86_64-linux", 183: "aarch64-linux"}.get(
            struct.unpack_from("<H", data, 18)[0]
        )
        return (found,) if found else ()
    if data[:2] == b"MZ":
        (header,) = struct.unpack_from("<I", data, 60)
        is_x64 = data[header : header + 6] == b"PE\0\0" + struct.pack("<H", 0x8664)
        return ("x86_64-windows",) if is_x64 else ()
    if data[:4] == b"\xca\xfe\xba\xbe":
        (count,) = struct.unpack_from(">I", data, 4)
        slices = (struct.unpack_from(">5I", data, 8 + 20 * index) for index in range(count))
        return tuple(
            one
            for _, _, offset, size, _ in slices
            for one in machines_of(data[offset : offset + size])
        )
    if data[:4] == b"\xcf\xfa\xed\xfe":
        names = {MACH_ARM64: "aarch64-macos", MACH_X86_64: "x86_64-macos"}
        found = names.get(struct.unpack_from("<I", data, 4)[0])
        return (found,) if found else ()
    return ()


def inspect(target: Target, place: Path) -> None:
    """Raise BuildError if a binary is for other machines, or does not export what hosts look up."""
    data = place.read_bytes()
    wanted = tuple("-".join(machine.split("-")[:2]) for machine in target.machines)
    if machines_of(data) != wanted:
        raise BuildError(f"{place} is for {machines_of(data)}, not for {wanted}")
    missing = [name[:-1].decode() for name in EXPORTED if name not in data]
    if missing:
        raise BuildError(f"{place} does not export {', '.join(missing)}")
    if "aarch64-macos" in wanted and not is_signed(data):
        raise BuildError(f"{place} is not signed for aarch64-macos, which loads nothing unsigned")
    if f"{platform.machine()}-{platform.system().lower()}" in wanted:
        count = ctypes.CDLL(str(place)).OfxGetNumberOfPlugins()
        if count != 1:
            raise BuildError(f"{place} says that it holds {count} plug-ins")


def is_signed(data: bytes) -> bool:
    """Whether the slice for Apple silicon in a universal binary has a code signature."""
    (count,) = struct.unpack_from(">I", data, 4)
    slices = [struct.unpack_from(">5I", data, 8 + 20 * index) for index in range(count)]
    offsets = [offset for kind, _, offset, _, _ in slices if kind == MACH_ARM64]
    return bool(offsets) and all(CODE_SIGNATURE in _load_commands(data, at) for at in offsets)


def _load_commands(data: bytes, at: int) -> list[int]:
    """The kinds of the load commands of the Mach-O file that begins at an offset."""
    (count,) = struct.unpack_from("<I", data, at + 16)
    kinds, place = [], at + 32  # behind the 64-bit header
    for _ in range(count):
        kind, size = struct.unpack_from("<II", data, place)
        kinds.append(kind)
        place += size
    return kinds


def installing() -> ModuleType:
    """plugin/installing.py, which is in no package."""
    if str(ROOT / "plugin") not in sys.path:
        sys.path.insert(0, str(ROOT / "plugin"))
    return importlib.import_module("installing")


def build_all(targets: Sequence[Target] = TARGETS) -> None:
    """Compile and inspect the binaries, and note from which sources they are. Raises BuildError."""
    if importlib.util.find_spec("ziglang") is None:
        raise BuildError(
            f"the cross-compiler is missing: {sys.executable} -m pip install ziglang==0.17.1"
        )
    note = installing().read_prebuilt(OPENFX)
    for target in targets:
        place = build(target)
        inspect(target, place)
        note[place.relative_to(OPENFX).as_posix()] = installing().sources_digest(OPENFX)
        print(f"{place.relative_to(ROOT)}: {', '.join(machines_of(place.read_bytes()))}")
    text = json.dumps(note, indent=1, sort_keys=True)
    (OPENFX / installing().PREBUILT).write_text(text + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    known = [target.folder for target in TARGETS]
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help=f"only these of {known}")
    asked = parser.parse_args().folders or known
    if unknown := set(asked).difference(known):
        raise BuildError(f"there is no folder {', '.join(sorted(unknown))}; there are {known}")
    build_all([target for target in TARGETS if target.folder in asked])
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BuildError as error:
        sys.exit(str(error))
