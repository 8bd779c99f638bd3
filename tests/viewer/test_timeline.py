"""The time line of a long shot."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from PySide6.QtWidgets import QApplication

from rde_roto.doors.viewer.style import STATE_COLOURS
from rde_roto.doors.viewer.timeline import TimeLine
from rde_roto.session.frame_states import FrameState
from rde_roto.values.frames import FrameRange

pytest_plugins = ("viewer_fixtures",)

MARGIN, ROW = 16, 27


class Counting:
    """A session of ten thousand frames, half of them made, that counts what is asked of it."""

    suggested = None
    frame = 1001
    draft = SimpleNamespace(drawings={})
    navigation = SimpleNamespace(range=FrameRange.parse("1001-11000"), bounds=(1001, 11000))

    def __init__(self) -> None:
        self.states = self.confidences = 0

    def state(self, frame: int) -> FrameState:
        self.states += 1
        return FrameState.MADE if frame < 6001 else FrameState.EMPTY

    def confidence(self, _frame: int) -> float:
        self.confidences += 1
        return 0.9


@pytest.mark.parametrize("width", [832, 1600])
def test_no_more_frames_are_asked_about_than_there_are_pixels(
    app: QApplication, width: int
) -> None:
    line, session = TimeLine(), Counting()
    line.resize(width, line.height())
    line.session = cast("Any", session)
    picture = line.grab().toImage()
    pixels = width - 2 * MARGIN
    for asked in (session.states, session.confidences):
        assert pixels // 2 <= asked <= pixels
    colours = [picture.pixelColor(x, ROW).name() for x in range(MARGIN + 4, width - MARGIN - 4)]
    made, empty = (STATE_COLOURS[state].name() for state in (FrameState.MADE, FrameState.EMPTY))
    half = pixels // 2 - 8
    assert colours[:half] == [made] * half  # no gap between the columns
    assert colours[-half:] == [empty] * half
