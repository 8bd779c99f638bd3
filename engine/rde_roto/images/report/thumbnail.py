"""A frame as a small picture that lies in the page itself."""

from __future__ import annotations

import base64
import io

from rde_roto.images.panels import tinted, to_image
from rde_roto.values.report import Still

_QUALITY = 82
_OUTSIDE = 0.6
"""How bright the plate stays: what is missing in the matte must be seen too."""


def thumbnail_uri(still: Still) -> str:
    """Its matte over its plate, edges outlined: a JPEG as a ``data:`` URI."""
    packed = io.BytesIO()
    picture = to_image(tinted(still.plate, still.alpha, _OUTSIDE))
    picture.save(packed, "JPEG", quality=_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(packed.getvalue()).decode('ascii')}"
