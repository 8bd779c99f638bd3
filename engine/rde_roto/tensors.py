"""Tensors on disk: safetensors under their final name only when whole, never pickle."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from rde_roto.values.errors import OutputError


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Writes tensors by name. Raises OutputError; nothing partial stays."""
    with replacing(path) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden name to write a file under, renamed when the block ends well.

    The folder is made when it is missing. Raises OutputError when the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except (OSError, SafetensorError) as error:  # safetensors has its own class for a full disk
        raise OutputError(f"cannot write {path}: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)
