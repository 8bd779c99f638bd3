"""Whether the window can be tested here at all."""

from __future__ import annotations

import pytest


def test_qt_can_be_loaded() -> None:
    """Its wheels need a few libraries of the system; without them the other tests are left out."""
    pytest.importorskip("PySide6.QtWidgets", reason="Qt cannot be loaded", exc_type=ImportError)
