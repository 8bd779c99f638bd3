"""An entry of the cache: a safetensors file that can tell whether it is whole.

Its metadata holds its key, which is where it lies in the cache folder, and a checksum of all the
rest. Cut short, with a bit turned or under another name, it is no entry.
"""

from __future__ import annotations

import json
from typing import Any

from rde_roto.values.digest import digest_of

_LENGTH_BYTES = 8  # a safetensors file: the header's length, the header in JSON, the tensors' bytes
_ALIGNMENT_BYTES = 8


def sealed(data: bytes, key: str) -> bytes:
    """The safetensors file ``data``, which has no metadata, with its key and checksum."""
    header, payload = _parts(data)
    header["__metadata__"] = {"key": key, "checksum": _checksum(header, payload)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT_BYTES)
    return b"".join((len(text).to_bytes(_LENGTH_BYTES, "little"), text, payload))


def is_whole(data: bytes, key: str) -> bool:
    """Whether these are the very bytes that were sealed under this key."""
    try:
        header, payload = _parts(data)
    except ValueError:
        return False
    said = header.pop("__metadata__", None)
    return bool(said == {"key": key, "checksum": _checksum(header, payload)})


def _parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Names, dtypes, shapes and places of the tensors; and their bytes. Raises ValueError."""
    end = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")
    header = json.loads(data[_LENGTH_BYTES:end])
    if not isinstance(header, dict):
        raise ValueError("a safetensors header is a JSON object")
    return header, data[end:]


def _checksum(header: dict[str, Any], payload: bytes) -> str:
    return digest_of(json.dumps(header, sort_keys=True), payload)
