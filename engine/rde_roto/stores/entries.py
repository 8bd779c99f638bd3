"""An entry of the cache: a safetensors file that carries its own checksum.

Its metadata holds its key, which is its path in the cache folder, and a checksum of the rest. A
file that is cut short, has a flipped bit or lies under another name is not an entry.
"""

from __future__ import annotations

import json
from typing import Any

from rde_roto.values.digest import digest_of

_LENGTH_BYTES = 8  # a safetensors file: the header's length, the header in JSON, the tensors' bytes
_ALIGNMENT_BYTES = 8


def seal(data: bytes, key: str) -> bytes:
    """Add key and checksum to the safetensors file ``data``, which has no metadata yet."""
    header, payload = _parts(data)
    header["__metadata__"] = {"key": key, "checksum": _checksum(header, payload)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT_BYTES)
    return b"".join((len(text).to_bytes(_LENGTH_BYTES, "little"), text, payload))


def is_whole(data: bytes, key: str) -> bool:
    """Return whether these are exactly the bytes that were sealed under this key."""
    try:
        header, payload = _parts(data)
    except ValueError:
        return False
    metadata = header.pop("__metadata__", None)
    return bool(metadata == {"key": key, "checksum": _checksum(header, payload)})


def _parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The header (names, dtypes, shapes, offsets) and the tensors' bytes. Raises ValueError."""
    end = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")
    header = json.loads(data[_LENGTH_BYTES:end])
    if not isinstance(header, dict):
        raise ValueError("a safetensors header is a JSON object")
    return header, data[end:]


def _checksum(header: dict[str, Any], payload: bytes) -> str:
    return digest_of(json.dumps(header, sort_keys=True), payload)
