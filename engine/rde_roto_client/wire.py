"""Messages between a host and the engine: docs/protocol.md. Both sides use this module.

A message is a JSON object and, where there are pixels, bytes that go along with it: over a Unix
socket as a file in memory whose descriptor is sent, else behind the object.
"""

from __future__ import annotations

import array
import json
import mmap
import os
import socket
import struct
import tempfile
from pathlib import Path
from typing import Any, Dict, NamedTuple, Union

PROTOCOL = 1
MEMORY, STREAM = "memory", "stream"

MOST_JSON_BYTES = 1 << 20
MOST_PIXEL_BYTES = 1 << 32
_MAGIC = b"RDE" + bytes([PROTOCOL])
_HEAD = struct.Struct(">4sI")
_PIECE_BYTES = 1 << 20
_MOST_DESCRIPTORS = 4

Pixels = Union[bytes, bytearray, memoryview, mmap.mmap]
Object = Dict[str, Any]


class WireError(Exception):
    """What came is no message, or nobody is there any more: the connection is of no use."""


class Message(NamedTuple):
    """An object, and the pixels that came along."""

    object: Object
    pixels: Pixels | None


class Wire:
    """One end of a connection. For one thread at a time.

    `pixels` says how this end sends pixels: MEMORY, over Unix sockets alone, or STREAM. With `maps`
    what comes by memory is mapped, which is fast, but whoever sent it could cut the file short and
    so end this process: an engine reads it instead.
    """

    def __init__(self, connection: socket.socket, pixels: str = STREAM, maps: bool = False) -> None:
        self.connection = connection
        self.pixels = pixels
        self._maps = maps

    def send(self, message: Object, pixels: Pixels | None = None) -> None:
        """Raises WireError when it cannot be sent."""
        descriptor = -1
        try:
            if pixels is not None:
                size = memoryview(pixels).nbytes
                message = dict(message, payload={"bytes": size, "by": self.pixels})
                if self.pixels == MEMORY:
                    descriptor = _in_memory(pixels)
            self._send_parts(message, descriptor, pixels)
        except OSError as error:
            raise WireError(f"the connection is closed: {error}") from error
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def receive(self, most_pixel_bytes: int = MOST_PIXEL_BYTES) -> Message | None:
        """The next message; None when the other end is closed. Raises WireError for what is none.

        Socket timeouts come through while nothing of a message has come yet.
        """
        descriptors: list[int] = []
        try:
            return self._receive(most_pixel_bytes, descriptors)
        except socket.timeout:
            raise
        except (OSError, ValueError, RecursionError) as error:
            raise WireError(f"what came is no message: {error}") from error
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _send_parts(self, message: Object, descriptor: int, pixels: Pixels | None) -> None:
        text = json.dumps(message).encode("utf-8")
        if len(text) > MOST_JSON_BYTES:
            raise WireError(f"a message of {len(text)} bytes is too long")
        head = _HEAD.pack(_MAGIC, len(text)) + text
        if descriptor >= 0:
            rights = array.array("i", [descriptor])
            sent = self.connection.sendmsg(
                [head], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights.tobytes())]
            )
            head = head[sent:]
        self.connection.sendall(head)
        if pixels is not None and descriptor < 0:
            self.connection.sendall(memoryview(pixels).cast("B"))

    def _receive(self, most_pixel_bytes: int, descriptors: list[int]) -> Message | None:
        head = self._first(descriptors)
        if not head:
            return None
        head += self._exactly(_HEAD.size - len(head))
        magic, length = _HEAD.unpack(head)
        if magic[:3] != _MAGIC[:3]:
            raise ValueError(f"it begins with {magic!r}")
        if length > MOST_JSON_BYTES:
            raise ValueError(f"an object of {length} bytes")
        message = json.loads(self._exactly(length).decode("utf-8"))
        if not isinstance(message, dict):
            raise ValueError("expected an object")
        payload = message.pop("payload", None)
        if payload is None:
            return Message(message, None)
        size = payload.get("bytes") if isinstance(payload, dict) else None
        if type(size) is not int or not 0 <= size <= most_pixel_bytes:
            raise ValueError(f"pixels of {size!r} bytes")
        if payload.get("by") == STREAM:
            return Message(message, self._exactly(size))
        if payload.get("by") != MEMORY or len(descriptors) != 1:
            raise ValueError(f"pixels by {payload.get('by')!r} with {len(descriptors)} files")
        return Message(message, self._of_file(descriptors[0], size))

    def _first(self, descriptors: list[int]) -> bytes:
        """The first bytes of a message, and the descriptors that come with them."""
        if self.connection.family != getattr(socket, "AF_UNIX", None):
            return self.connection.recv(_HEAD.size)
        space = socket.CMSG_SPACE(_MOST_DESCRIPTORS * array.array("i").itemsize)
        head, controls, _flags, _address = self.connection.recvmsg(_HEAD.size, space)
        for level, kind, data in controls:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                found = array.array("i")
                found.frombytes(data[: len(data) - len(data) % found.itemsize])
                descriptors.extend(found)
        return head

    def _exactly(self, size: int) -> bytearray:
        """That many bytes; memory is taken as they come."""
        found = bytearray()
        while len(found) < size:
            try:
                piece = self.connection.recv(min(size - len(found), _PIECE_BYTES))
            except socket.timeout as error:
                raise OSError("the rest of it did not come in time") from error
            if not piece:
                raise OSError("the rest of it did not come")
            found += piece
        return found

    def _of_file(self, descriptor: int, size: int) -> Pixels:
        there = os.fstat(descriptor).st_size
        if there < size:
            raise ValueError(f"a file of {there} bytes where {size} were said")
        if not size:
            return b""
        if self._maps:
            return mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)
        found = bytearray()
        while len(found) < size:
            piece = os.pread(descriptor, min(size - len(found), _PIECE_BYTES), len(found))
            if not piece:
                raise OSError("the file was cut short")
            found += piece
        return found


def _in_memory(pixels: Pixels) -> int:
    """A descriptor of a file without a name that holds the pixels."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("rde-roto", os.MFD_CLOEXEC)
    else:  # Python 3.7, macOS
        memory = Path("/dev/shm")
        descriptor, name = tempfile.mkstemp(dir=str(memory) if memory.is_dir() else None)
        Path(name).unlink()
    rest = memoryview(pixels).cast("B")
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
