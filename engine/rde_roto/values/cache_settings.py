"""Where the cache is and how large it may grow, from environment variables."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from rde_roto.values.errors import UsageError


@dataclass(frozen=True)
class CacheSettings:
    """The cache folder, which need not exist, and the budgets on disk and in RAM, in bytes."""

    folder: Path
    disk_bytes: int
    ram_bytes: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))

    @classmethod
    def from_environment(cls) -> CacheSettings:
        """Read $RDE_ROTO_CACHE (default: the user's cache folder), $RDE_ROTO_CACHE_GB (default 20)
        and $RDE_ROTO_RAM_GB (default 1).

        Raises UsageError for a size that is not a number of 0 or more.
        """
        folder = os.environ.get("RDE_ROTO_CACHE")
        path = Path(folder) if folder else platformdirs.user_cache_path("rde-roto", appauthor=False)
        return cls(
            path.expanduser().absolute(),
            _bytes_of("RDE_ROTO_CACHE_GB", 20),
            _bytes_of("RDE_ROTO_RAM_GB", 1),
        )


def make_cache_folder(folder: Path) -> None:
    """Create the folder if missing, accessible to this user only. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _bytes_of(variable: str, default_gb: float) -> int:
    text = os.environ.get(variable) or str(default_gb)
    try:
        gigabytes = float(text)
    except ValueError:
        gigabytes = math.nan
    if not 0 <= gigabytes < math.inf:
        raise UsageError(f"{variable} must be a number of gigabytes, 0 or more; it is '{text}'")
    return round(gigabytes * 1e9)
