"""A frame as a small inline picture."""

from __future__ import annotations

import base64
import io

from rde_roto.images.pictures.panels import tinted, to_image
from rde_roto.values.report import Still

_QUALITY = 82
_OUTSIDE = 0.6
"""The plate's brightness outside the matte: missing parts must be visible too."""


def thumbnail_uri(still: Still) -> str:
    """Draw a matte over its plate with outlined edges: a JPEG as a ``data:`` URI."""
    packed = io.BytesIO()
    picture = to_image(tinted(still.plate, still.alpha, _OUTSIDE))
    picture.save(packed, "JPEG", quality=_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(packed.getvalue()).decode('ascii')}"
