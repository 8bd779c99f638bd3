"""Messages between a host and the engine (docs/protocol.md). Both sides use this module.

A message is a JSON object, and bytes if it has pixels. Over a Unix socket these are in a memory
file whose descriptor is sent along; otherwise they follow the object.
"""

from __future__ import annotations

import array
import json
import mmap
import os
import selectors
import socket
import struct
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, NamedTuple, TypeVar, Union

PROTOCOL = 1
MEMORY, STREAM = "memory", "stream"

MOST_JSON_BYTES = 1 << 20
MOST_PIXEL_BYTES = 1 << 32
_MAGIC = b"RDE" + bytes([PROTOCOL])
_HEAD = struct.Struct(">4sI")
_PIECE_BYTES = 1 << 20
_POLL_S = 0.1

MOST_DESCRIPTORS = 2
"""At most so many arrive with a message: one is expected, and the buffer for it holds two."""

Pixels = Union[bytes, bytearray, memoryview, mmap.mmap]
Object = Dict[str, Any]
T = TypeVar("T")


class WireError(Exception):
    """An invalid message, or the other end is gone: the connection is unusable."""


def is_ready(connection: socket.socket, event: int) -> bool:
    """Whether a socket can be read (EVENT_READ) or written (EVENT_WRITE) without waiting.

    Raises OSError or ValueError if it is closed on this side.
    """
    with selectors.DefaultSelector() as selector:  # select() takes no descriptor above 1023
        selector.register(connection, event)
        return bool(selector.select(0))


def is_open(connection: socket.socket) -> bool:
    """Whether the other end is still connected. Bytes that wait to be read count.

    Only for the thread that reads from the socket: another one could take the bytes away.
    """
    try:
        if not is_ready(connection, selectors.EVENT_READ):
            return True
        return bool(connection.recv(1, socket.MSG_PEEK))
    except (OSError, ValueError):
        return False


class Message(NamedTuple):
    """An object, and the pixels received with it."""

    object: Object
    pixels: Pixels | None


class Arriving:
    """A message without pixels that is received in pieces, without waiting.

    `wants` is how many bytes to read next, never more than belong to the message.
    """

    def __init__(self, most_bytes: int) -> None:
        self.wants = _HEAD.size
        self._most_bytes = most_bytes
        self._length = -1
        self._came = bytearray()

    def take(self, piece: bytes) -> Object | None:
        """The message once it is complete. Raises WireError if it is invalid or too long."""
        self._came += piece
        self.wants -= len(piece)
        if self.wants > 0:
            return None
        try:
            if self._length < 0:
                self._length = self.wants = _length_in(bytes(self._came), self._most_bytes)
                self._came.clear()
            return None if self.wants else _object_in(bytes(self._came))
        except (ValueError, RecursionError) as error:
            raise WireError(f"what came is no message: {error}") from error


class Wire:
    """One end of a connection. For one thread at a time.

    `pixels` is how this end sends pixels: MEMORY, over Unix sockets only, or STREAM. With `maps`,
    received memory files are mapped. That is fast, but the sender could truncate the file and so
    crash this process; an engine therefore reads them.

    `waits` is called several times a second while this end waits to send or to receive, with the
    seconds for which no byte has moved. Whatever it raises ends the wait and makes the connection
    unusable. The socket must be blocking; without `waits` its own timeout applies.
    """

    def __init__(
        self,
        connection: socket.socket,
        pixels: str = STREAM,
        maps: bool = False,
        waits: Callable[[float], None] | None = None,
    ) -> None:
        self.connection = connection
        self.pixels = pixels
        self._maps = maps
        self._waits = waits

    def send(self, message: Object, pixels: Pixels | None = None) -> None:
        """Send a message. Raises WireError if that is impossible."""
        descriptor = -1
        try:
            self._set_timeout(_POLL_S)
            if pixels is not None:
                size = memoryview(pixels).nbytes
                message = dict(message, payload={"bytes": size, "by": self.pixels})
                if self.pixels == MEMORY:
                    descriptor = _in_memory(pixels)
            self._send_parts(message, descriptor, pixels)
        except OSError as error:
            raise WireError(f"the connection is closed: {error}") from error
        finally:
            self._set_timeout(None)
            if descriptor >= 0:
                os.close(descriptor)

    def send_at_once(self, message: Object) -> bool:
        """Send a short message without waiting; drop it where the other end leaves many unread.
        On false the connection is unusable.
        """
        framed = _framed(message)
        try:
            if not is_ready(self.connection, selectors.EVENT_WRITE):
                return True
            return self.connection.send(framed) == len(framed)
        except (OSError, ValueError):
            return False

    def wait(self) -> bool:
        """Wait for the start of a message, however long that takes; False if the other end is
        closed.
        """
        try:
            return bool(self.connection.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def receive(self, most_pixel_bytes: int = MOST_PIXEL_BYTES) -> Message | None:
        """The next message; None if the other end is closed. Raises WireError if it is invalid.

        Socket timeouts are raised as such before the first byte of a message.
        """
        descriptors: list[int] = []
        try:
            self._set_timeout(_POLL_S)
            return self._receive(most_pixel_bytes, descriptors)
        except socket.timeout:
            raise
        except (OSError, ValueError, RecursionError) as error:
            raise WireError(f"what came is no message: {error}") from error
        finally:
            self._set_timeout(None)
            for descriptor in descriptors:
                os.close(descriptor)

    def _set_timeout(self, seconds: float | None) -> None:
        """Between messages a socket with `waits` has no timeout."""
        if self._waits is not None:
            with suppress(OSError):  # if it was closed, the next call finds out
                self.connection.settimeout(seconds)

    def _retrying(self, act: Callable[[], T]) -> T:
        began_s = time.monotonic()
        while True:
            try:
                return act()
            except socket.timeout:
                if self._waits is None:
                    raise
            self._waits(time.monotonic() - began_s)

    def _send_parts(self, message: Object, descriptor: int, pixels: Pixels | None) -> None:
        head = _framed(message)
        if sys.platform != "win32" and descriptor >= 0:
            rights = array.array("i", [descriptor])
            control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights.tobytes())]
            head = head[self._retrying(lambda: self.connection.sendmsg([head], control)) :]
        self._send_all(memoryview(head))
        if pixels is not None and descriptor < 0:
            self._send_all(memoryview(pixels).cast("B"))

    def _send_all(self, rest: memoryview) -> None:
        while rest:
            rest = rest[self._retrying(partial(self.connection.send, rest)) :]

    def _receive(self, most_pixel_bytes: int, descriptors: list[int]) -> Message | None:
        head = self._first(descriptors)
        if not head:
            return None
        head += self._exactly(_HEAD.size - len(head))
        length = _length_in(head, MOST_JSON_BYTES)
        message = _object_in(self._exactly(length))
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
        if sys.platform == "win32" or self.connection.family != socket.AF_UNIX:
            return self._retrying(lambda: self.connection.recv(_HEAD.size))
        space = socket.CMSG_SPACE(array.array("i").itemsize)
        head, controls, flags, _address = self._retrying(
            lambda: self.connection.recvmsg(_HEAD.size, space)
        )
        for level, kind, data in controls:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                found = array.array("i")
                found.frombytes(data[: len(data) - len(data) % found.itemsize])
                descriptors.extend(found)
        if flags & socket.MSG_CTRUNC:
            raise ValueError("more files than one, or one where too many are open already")
        return head

    def _exactly(self, size: int) -> bytearray:
        """Receive that many bytes; memory grows as they arrive."""
        found = bytearray()
        while len(found) < size:
            most = min(size - len(found), _PIECE_BYTES)
            try:
                piece = self._retrying(partial(self.connection.recv, most))
            except socket.timeout as error:
                raise OSError("the rest of it did not come in time") from error
            if not piece:
                raise OSError("the rest of it did not come")
            found += piece
        return found

    def _of_file(self, descriptor: int, size: int) -> Pixels:
        if sys.platform == "win32":  # has no Unix sockets, over which alone files come
            raise OSError("files cannot be sent along")
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


def _framed(message: Object) -> bytes:
    text = json.dumps(message).encode("utf-8")
    if len(text) > MOST_JSON_BYTES:
        raise WireError(
            f"a message of {len(text):,} bytes, where {MOST_JSON_BYTES:,} is the most: use fewer "
            "keyframes, or shorter paths of masks"
        )
    return _HEAD.pack(_MAGIC, len(text)) + text


def _length_in(head: bytes, most_bytes: int) -> int:
    magic, length = _HEAD.unpack(head)
    if magic[:3] != _MAGIC[:3]:
        raise ValueError(f"it begins with {magic!r}")
    if length > most_bytes:
        raise ValueError(f"an object of {length} bytes")
    return int(length)


def _object_in(text: bytes | bytearray) -> Object:
    found = json.loads(text.decode("utf-8"))
    if not isinstance(found, dict):
        raise ValueError("expected an object")
    return found


def _in_memory(pixels: Pixels) -> int:
    """The descriptor of an unnamed file that holds the pixels."""
    if sys.platform == "linux" and hasattr(os, "memfd_create"):
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
