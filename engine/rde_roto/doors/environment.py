"""Find wrong environment variables, for ``rde-roto doctor``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final

from rde_roto.documents.preset_files import studio_preset_folders
from rde_roto.doors.progress import ProgressOptions
from rde_roto.values.cache_settings import CacheSettings
from rde_roto.values.errors import UsageError

_NUMBERS: Final = {
    "RDE_ROTO_SILENT_S": (r"[0-9]+(\.[0-9]*)?", "a number of seconds"),
    "OMP_NUM_THREADS": (r"[1-9][0-9]*(,[1-9][0-9]*)*", "a number of threads, 1 or more"),
}
"""Variables whose readers ignore what is no number, and what is expected there."""


def wrong_variables() -> Iterator[str]:
    """Yield a sentence for each variable that cannot be meant as it is.

    `$OCIO` and `$RDE_ROTO_RUN` are not among them: what they name has to be opened.
    """
    for read in (CacheSettings.from_environment, ProgressOptions.usual):
        try:
            read()
        except UsageError as error:
            yield str(error)
    for folder in studio_preset_folders():
        if not folder.is_dir():
            yield f"RDE_ROTO_PRESETS names {folder}, which is not a folder: correct it or unset it"
    for name, (pattern, expected) in _NUMBERS.items():
        text = os.environ.get(name)
        if text and not re.fullmatch(pattern, text):
            yield f"{name}={text}: expected {expected}"
