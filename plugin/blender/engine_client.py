"""The engine's client, which install.py puts into this package: nothing of ours can be imported by
others under a name of its own, as Blender asks of extensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import rde_roto_client
else:
    from . import rde_roto_client

__all__ = ["rde_roto_client"]
