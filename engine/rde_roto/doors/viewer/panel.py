"""The panel beside the picture: elements, brush, view, track."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from rde_roto.doors.viewer.element_list import ElementList
from rde_roto.doors.viewer.fix_list import FixList
from rde_roto.doors.viewer.scene import MatteMode
from rde_roto.doors.viewer.share_bar import ShareBar
from rde_roto.doors.viewer.shot_window import ShotWindow
from rde_roto.session.document.frame_states import BACKWARD, BOTH, FORWARD, TO_KEYFRAME, FrameState
from rde_roto.session.drawing.painting import Brush
from rde_roto.session.mattes.comparison import Against
from rde_roto.session.pictures.display_pixels import ViewExposure
from rde_roto.session.session import Session
from rde_roto.session.unlearned import learn_label

_WIDTH = 260
_LARGEST_BRUSH_PX = 600
_COUNTS_A_LINE = 2

_FINER = 100
"""Slider steps per unit of the value."""


class Panel(QWidget):
    """Show and change what is chosen in a window's session."""

    def __init__(self, window: ShotWindow) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setFixedWidth(_WIDTH)
        self._window = window
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(10, 4, 0, 8)
        self._layout.setSpacing(3)
        self._fill_elements()
        self._fill_brush()
        self._fill_view()
        self._fill_track()
        self._layout.addStretch(1)
        self.refresh()

    def clear(self) -> None:
        """Forget the shot."""
        self.to_fix.show_session(None)
        self.elements.forget()

    def show_session(self, session: Session) -> None:
        """Show another session."""
        self.to_fix.show_session(session)

    def refresh(self) -> None:
        """Update after a change of the shot or of what is chosen."""
        session = self._window.session
        self.setEnabled(session is not None)
        brush = Brush() if session is None else session.paint.brush
        light = ViewExposure() if session is None else session.navigation.exposure
        for slider, value in (
            (self.brush_size, 2 * brush.radius_px),
            (self.hardness, brush.hardness * _FINER),
            (self.exposure, light.exposure * _FINER),
            (self.gamma, light.gamma * _FINER),
            (self.opacity, self._window.canvas.scene.opacity * _FINER),
        ):
            slider.blockSignals(True)
            slider.setValue(round(value))
            slider.blockSignals(False)
        self._size_label.setText(f"Size {2 * brush.radius_px:.0f} px")
        self._hardness_label.setText(f"Hardness {brush.hardness:.1f}")
        self._exposure_label.setText(f"Exposure {light.exposure:+.1f}")
        self._gamma_label.setText(f"Gamma {light.gamma:.2f}")
        self.mode.setCurrentText(self._window.canvas.scene.mode.value)
        if session is not None:
            is_wiped = self._window.canvas.scene.wipe is not None
            against = list(Against).index(session.comparison.against)
            self.wipe.setCurrentIndex(1 + against if is_wiped else 0)
            self.elements.refresh()
            self._refresh_track()

    def _heading(self, text: str) -> None:
        label = QLabel(text)
        label.setObjectName("heading")
        self._layout.addWidget(label)

    def _button(self, text: str, does: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda: self._window.run_command(does))
        return button

    def _slider(self, grid: QGridLayout, low: float, high: float) -> tuple[QLabel, QSlider]:
        row, label, slider = grid.rowCount(), QLabel(), QSlider(Qt.Orientation.Horizontal)
        slider.setRange(round(low), round(high))
        slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        label.setMinimumWidth(106)
        grid.addWidget(label, row, 0)
        grid.addWidget(slider, row, 1)
        return label, slider

    def _fill_elements(self) -> None:
        self._heading("ELEMENTS")
        self.elements = ElementList(self._window)
        self._layout.addWidget(self.elements)
        row = QHBoxLayout()
        row.addWidget(self._button("New", "New element", "Add an element (Ctrl+N)"))
        row.addWidget(self._button("Colour", "Element colour…", "Display colour of the element"))
        tip = "Delete the chosen element with all its keyframes (Ctrl+Del)"
        row.addWidget(self._button("Delete", "Delete element", tip))
        self._layout.addLayout(row)

    def _fill_brush(self) -> None:
        self._heading("BRUSH")
        grid = QGridLayout()
        self._size_label, self.brush_size = self._slider(grid, 1, _LARGEST_BRUSH_PX)
        self.brush_size.setToolTip("Diameter in pixels of the plate ([ and ], Ctrl and the wheel)")
        self._hardness_label, self.hardness = self._slider(grid, 0, _FINER)
        self.brush_size.valueChanged.connect(self._set_size)
        self.hardness.valueChanged.connect(self._set_hardness)
        self._layout.addLayout(grid)

    def _fill_view(self) -> None:
        self._heading("VIEW")
        self.mode = QComboBox()
        self.mode.addItems([mode.value for mode in MatteMode])
        self.mode.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.mode.setToolTip("How the matte is shown (M)")
        self.mode.textActivated.connect(self._set_mode)
        self._layout.addWidget(self.mode)
        self.wipe = QComboBox()
        self.wipe.addItem("no wipe")
        self.wipe.addItems([f"wipe: {against.value}" for against in Against])
        self.wipe.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.wipe.setToolTip("What the right side shows (W, Alt+1 to Alt+4)")
        self.wipe.activated.connect(self._set_wipe)
        self._layout.addWidget(self.wipe)
        grid = QGridLayout()
        label, self.opacity = self._slider(grid, 0, _FINER)
        label.setText("Overlay")
        self._exposure_label, self.exposure = self._slider(grid, -6 * _FINER, 6 * _FINER)
        self._gamma_label, self.gamma = self._slider(grid, 0.4 * _FINER, 3 * _FINER)
        self.opacity.valueChanged.connect(self._set_opacity)
        self.exposure.valueChanged.connect(self._set_exposure)
        self.gamma.valueChanged.connect(self._set_gamma)
        self._layout.addLayout(grid)

    def _fill_track(self) -> None:
        self._heading("TRACK")
        grid = QGridLayout()
        directions = {
            "◀ Backward": (BACKWARD, "Propagate backward"),
            "Forward ▶": (FORWARD, "Propagate forward"),
            "◀ Both ▶": (BOTH, "Propagate both ways"),
            "To keyframe ▶◆": (TO_KEYFRAME, "Propagate to keyframe"),
        }
        for place, (text, (_, does)) in enumerate(directions.items()):
            grid.addWidget(self._button(text, does, does), place // 2, place % 2)
        self._layout.addLayout(grid)
        row = QHBoxLayout()
        self.progress = ShareBar()
        self.cancel = self._button("Stop", "Stop propagating", "Stops at once (Esc)")
        row.addWidget(self.progress, 1)
        row.addWidget(self.cancel)
        self._layout.addLayout(row)
        row = QHBoxLayout()
        self.fix = self._button(
            "Next to fix", "Next frame to fix", "Where a correction helps most (N)"
        )
        self.fine = self._button("Fine, next", "Fine, next", "Take it off the list (Shift+N)")
        row.addWidget(self.fix, 1)
        row.addWidget(self.fine)
        self._layout.addLayout(row)
        self.learn = self._button(
            "Learn the shot…", "Learn the shot…", "The network learns from your keyframes (Ctrl+L)"
        )
        self._layout.addWidget(self.learn)
        row = QHBoxLayout()
        for text, does, keys in (
            ("Lock frame", "Lock or unlock this frame", "Shift+X"),
            ("Lock in to out", "Lock from in to out", "Ctrl+Shift+X"),
        ):
            row.addWidget(self._button(text, does, f"Approved ({keys})"))
        self._layout.addLayout(row)
        self.counts = QLabel()
        self.counts.setObjectName("quiet")
        self._layout.addWidget(self.counts)
        self.to_fix = FixList(self._window.ui_queue.post)
        self._layout.addWidget(self.to_fix)

    def _refresh_track(self) -> None:
        session = self._window.the_session
        left, total = session.live.remaining, session.live.total
        share = session.live.passes_done.share if left else 0.0
        self.progress.show_share(share)
        self.progress.setFormat(f"{total - left} of {total}")
        self.progress.setTextVisible(left > 0)
        self.cancel.setEnabled(left > 0)
        self._refresh_suggestions()
        self.learn.setText(learn_label(session.draft, self._window.unlearned.of(session)))
        states = list(session.states().values())
        words = {
            FrameState.KEYFRAME: "keyframes",
            FrameState.MADE: "tracked",
            FrameState.STALE: "stale",
            FrameState.LOCKED: "locked",
            FrameState.EMPTY: "empty",
        }
        found = [
            f"{word} {states.count(state)}" for state, word in words.items() if state in states
        ]
        lines = found[:_COUNTS_A_LINE], found[_COUNTS_A_LINE:]
        self.counts.setText("\n".join(" · ".join(line) for line in lines))

    def _refresh_suggestions(self) -> None:
        found = self._window.the_session.quality.suggestions
        self.fix.setText(f"Next to fix: {found[0].frame}" if found else "Next to fix")
        self.fine.setEnabled(bool(found))
        self.to_fix.refresh()

    # each changes its own value alone: the others may lie beyond what their sliders show

    def _set_size(self, diameter: int) -> None:
        paint = self._window.the_session.paint
        paint.set_brush(paint.brush.sized(diameter / 2))

    def _set_hardness(self, value: int) -> None:
        paint = self._window.the_session.paint
        paint.set_brush(replace(paint.brush, hardness=value / _FINER))

    def _set_wipe(self, row: int) -> None:
        if row:
            against = list(Against)[row - 1]
            self._window.run_command(f"Wipe against {against.value}")
        else:
            self._window.canvas.scene.wipe = None
        self._window.view_changed()

    def _set_mode(self, text: str) -> None:
        self._window.canvas.scene.mode = MatteMode(text)
        self._window.view_changed()

    def _set_opacity(self, value: int) -> None:
        self._window.canvas.scene.opacity = value / _FINER
        self._window.canvas.update()

    def _set_exposure(self, value: int) -> None:
        session = self._window.the_session
        session.set_exposure(replace(session.navigation.exposure, exposure=value / _FINER))

    def _set_gamma(self, value: int) -> None:
        session = self._window.the_session
        session.set_exposure(replace(session.navigation.exposure, gamma=value / _FINER))
