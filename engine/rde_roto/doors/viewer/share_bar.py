"""A bar that shows how much of some work is done."""

from __future__ import annotations

from PySide6.QtWidgets import QProgressBar

_STEPS = 1000


class ShareBar(QProgressBar):
    """Show a share of some work. Without a text, until one is set."""

    def __init__(self) -> None:
        super().__init__()
        self.setMaximum(_STEPS)
        self.setTextVisible(False)

    def show_share(self, share: float) -> None:
        """Show a share, 0..1."""
        self.setValue(round(_STEPS * share))
