"""Tensors on disk: safetensors under their final name only when whole, never pickle."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from rde_roto.values.errors import OutputError

if TYPE_CHECKING:
    from torch import Tensor


def save_tensors(
    tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str] | None = None
) -> None:
    """Writes tensors, and texts about them, by name. Raises OutputError; nothing partial stays."""
    from safetensors.torch import save_file

    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with replacing(path) as temporary:
        temporary.touch()
        mode = temporary.stat().st_mode  # that of any new file of this user,
        save_file(contiguous, temporary, dict(metadata) if metadata else None)
        temporary.chmod(mode)  # where safetensors would let nobody else read it


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden name to write a file under, renamed when the block ends well.

    The folder is made when it is missing. Raises OutputError when the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except (OSError, SafetensorError) as error:  # safetensors has its own class for a full disk
        raise OutputError(f"cannot write {path}: {error}") from error
    finally:
        with suppress(OSError):  # no such folder, say: the error on its way says more
            temporary.unlink()
