"""The headers of binaries for other systems, as far as a release looks into them."""

from __future__ import annotations

import struct

EXPORTED = b"OfxGetNumberOfPlugins\0OfxGetPlugin\0"
ARM64, X86_64 = (0x0100000C, 0), (0x01000007, 3)  # <mach/machine.h>
CODE_SIGNATURE = 0x1D  # a load command of <mach-o/loader.h>


def mach_o(machine: tuple[int, int], size: int, command: int = CODE_SIGNATURE) -> bytes:
    """A library with one load command."""
    head = struct.pack("<8I", 0xFEEDFACF, *machine, 6, 1, 8, 0, 0)
    return (head + struct.pack("<II", command, 8)).ljust(size, b"m") + EXPORTED


def pe(machine: int) -> bytes:
    head = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    return head + b"PE\0\0" + struct.pack("<H", machine) + EXPORTED


def elf(machine: int) -> bytes:
    return b"\x7fELF".ljust(18, b"\0") + struct.pack("<H", machine) + EXPORTED
