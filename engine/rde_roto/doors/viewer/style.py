"""The look of the window: dark, high contrast, no text below eleven pixels."""

from __future__ import annotations

from typing import Final

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from rde_roto.session.document.frame_states import FrameState

GROUND: Final = QColor("#16181c")
PANEL: Final = QColor("#22252b")
LINE: Final = QColor("#3a3f49")
TEXT: Final = QColor("#e8eaee")
QUIET: Final = QColor("#a7aebb")
ACCENT: Final = QColor("#4fa8ff")
WARNING: Final = QColor("#ffb43a")
ADDS: Final = QColor("#6dff9c")
SUBTRACTS: Final = QColor("#ff5f57")
"""Guide lines of tools, by what they do."""
BUTTON: Final = QColor("#2e323a")
CHOSEN: Final = QColor("#24507d")
OFF: Final = QColor("#6c7380")
INK: Final = QColor("#0b1420")
"""Text on light colours."""

STATE_COLOURS: Final = {
    FrameState.EMPTY: QColor("#31353d"),
    FrameState.STALE: QColor("#8f6a1e"),
    FrameState.MADE: QColor("#2f9e5b"),
    FrameState.WAITING: QColor("#3873b4"),
    FrameState.KEYFRAME: QColor("#49c6ff"),
    FrameState.LOCKED: QColor("#9a6ee0"),
}

SMALLEST_TEXT_PX: Final = 11
TEXT_PX: Final = 13

STYLE_SHEET: Final = f"""
* {{ font-size: {TEXT_PX}px; color: {TEXT.name()}; }}
QMainWindow, QDialog, QWidget#panel {{ background: {PANEL.name()}; }}
QMenuBar, QMenu, QStatusBar, QToolBar {{ background: {PANEL.name()}; border: none; }}
QMenuBar::item:selected, QMenu::item:selected {{ background: #35506e; }}
QMenu::item:disabled {{ color: {OFF.name()}; }}
QToolBar {{ spacing: 3px; padding: 4px; }}
QToolBar::separator {{ background: {LINE.name()}; width: 1px; margin: 4px 5px; }}
QToolButton, QPushButton {{
    background: {BUTTON.name()}; border: 1px solid {LINE.name()}; border-radius: 4px;
    padding: 5px 8px;
}}
QToolBarExtension {{ padding: 0; }}
QToolButton:hover, QPushButton:hover {{ background: #3a404b; }}
QToolButton:checked {{ background: {CHOSEN.name()}; border-color: {ACCENT.name()}; }}
QPushButton:disabled, QToolButton:disabled {{ color: {OFF.name()}; }}
QPushButton:focus, QToolButton:focus {{ border-color: {ACCENT.name()}; }}
QLineEdit, QListWidget, QPlainTextEdit {{
    background: {GROUND.name()}; border: 1px solid {LINE.name()}; border-radius: 3px; padding: 3px;
    selection-background-color: {CHOSEN.name()};
}}
QSpinBox, QDoubleSpinBox, QComboBox {{ min-height: 24px; }}
QListWidget::item {{ padding: 4px; }}
QListWidget::item:selected {{ background: {CHOSEN.name()}; color: {TEXT.name()}; }}
QLabel#heading {{ color: {QUIET.name()}; font-weight: bold; padding-top: 6px; }}
QLabel#quiet {{ color: {QUIET.name()}; }}
QProgressBar {{
    background: {GROUND.name()}; border: 1px solid {LINE.name()}; border-radius: 3px;
    text-align: center; min-height: 18px;
}}
QProgressBar::chunk {{ background: #2d5f96; }}
QSlider::groove:horizontal {{ height: 4px; background: {LINE.name()}; border-radius: 2px; }}
QSlider::handle:horizontal {{
    width: 12px; margin: -5px 0; background: {TEXT.name()}; border-radius: 6px;
}}
QScrollArea {{ border: none; }}
QScrollBar {{ background: {GROUND.name()}; width: 12px; height: 12px; }}
QScrollBar::handle {{ background: #4a505c; border-radius: 5px; min-width: 24px; min-height: 24px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QTabWidget::pane {{ border: 1px solid {LINE.name()}; }}
QTabBar::tab {{ background: {GROUND.name()}; padding: 6px 12px; }}
QTabBar::tab:selected {{ background: {CHOSEN.name()}; }}
QToolTip {{ background: {GROUND.name()}; border: 1px solid {LINE.name()}; padding: 4px; }}
"""


def dress(app: QApplication) -> None:
    """Apply the window's colours to an application: a style sheet, and a palette for everything
    that the sheet leaves to the style, such as file dialogs.
    """
    app.setStyle("Fusion")
    palette = QPalette()
    for role, colour in (
        (QPalette.ColorRole.Window, PANEL),
        (QPalette.ColorRole.Base, GROUND),
        (QPalette.ColorRole.AlternateBase, PANEL),
        (QPalette.ColorRole.Button, BUTTON),
        (QPalette.ColorRole.ToolTipBase, GROUND),
        (QPalette.ColorRole.Highlight, CHOSEN),
        (QPalette.ColorRole.Link, ACCENT),
        (QPalette.ColorRole.PlaceholderText, QUIET),
        (QPalette.ColorRole.WindowText, TEXT),
        (QPalette.ColorRole.Text, TEXT),
        (QPalette.ColorRole.ButtonText, TEXT),
        (QPalette.ColorRole.BrightText, TEXT),
        (QPalette.ColorRole.ToolTipText, TEXT),
        (QPalette.ColorRole.HighlightedText, TEXT),
    ):
        palette.setColor(role, colour)
        if colour is TEXT:
            palette.setColor(QPalette.ColorGroup.Disabled, role, OFF)
    app.setPalette(palette)
    app.setStyleSheet(STYLE_SHEET)
