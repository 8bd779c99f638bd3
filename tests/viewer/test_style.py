"""The colours of the window: what is written can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QTreeView

from rde_roto.doors.viewer.style import (
    ACCENT,
    GROUND,
    INK,
    PANEL,
    QUIET,
    STATE_COLOURS,
    STYLE_SHEET,
    TEXT,
)
from rde_roto.session.document.frame_states import FrameState

pytest_plugins = ("command_line_fixtures", "viewer_fixtures")

TEXT_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3, level AA. What is switched off is exempt there, and here."""
SHAPE_CONTRAST = 3.0
"""WCAG 2.2, 1.4.11."""
WORDLESS = re.compile(r"::handle|::groove|::separator|::add-line|QScrollBar")


def luminance(colour: QColor) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (colour.redF(), colour.greenF(), colour.blueF())
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: QColor, other: QColor) -> float:
    """From 1, the same, to 21, black on white."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def written() -> Iterator[tuple[str, str, str]]:
    """(where, text, ground) of every rule of the sheet that gives text or its ground a colour."""
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", STYLE_SHEET):
        said = dict(re.findall(r"([\w-]+): (#[0-9a-f]{6})", body))
        if WORDLESS.search(selector) or ":disabled" in selector:
            continue
        where = " ".join(selector.split())
        if "background" in said:
            yield where, said.get("color", TEXT.name()), said["background"]
        elif "color" in said:
            for ground in (PANEL, GROUND):
                yield where, said["color"], ground.name()


def test_contrast_is_what_the_standard_says() -> None:
    assert contrast(QColor("white"), QColor("black")) == pytest.approx(21)
    assert contrast(QColor("#767676"), QColor("white")) == pytest.approx(4.54, abs=0.005)


def test_all_text_of_the_sheet_stands_out_from_its_ground() -> None:
    pairs = list(written())
    assert len(pairs) > 10
    poor = [pair for pair in pairs if contrast(QColor(pair[1]), QColor(pair[2])) < TEXT_CONTRAST]
    assert poor == []


def test_text_that_is_painted_stands_out() -> None:
    for text, ground in ((QUIET, GROUND), (INK, ACCENT)):
        assert contrast(text, ground) >= TEXT_CONTRAST


def test_states_of_the_time_line_stand_out() -> None:
    for state, colour in STATE_COLOURS.items():
        if state is not FrameState.EMPTY:  # there is nothing to see
            assert contrast(colour, GROUND) >= SHAPE_CONTRAST, state


@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("WindowText", "Window"),
        ("Text", "Base"),
        ("Text", "AlternateBase"),
        ("ButtonText", "Button"),
        ("HighlightedText", "Highlight"),
        ("ToolTipText", "ToolTipBase"),
        ("PlaceholderText", "Base"),
        ("Link", "Window"),
    ],
)
def test_what_the_style_draws_by_itself_stands_out(
    app: QApplication, text: str, ground: str
) -> None:
    palette = app.palette()
    roles = [palette.color(QPalette.ColorRole[name]) for name in (text, ground)]
    assert contrast(*roles) >= TEXT_CONTRAST


def test_a_list_of_files_is_dark(app: QApplication) -> None:
    """Qt's own file dialog, which no rule of the sheet speaks of."""
    files = QTreeView()
    files.resize(100, 100)
    assert files.grab().toImage().pixelColor(50, 80) == GROUND
