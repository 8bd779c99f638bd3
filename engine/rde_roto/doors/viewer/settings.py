"""The settings dialog: a preset, and one field for each of its keys, made from the schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from rde_roto.documents.preset_files import load_preset, preset_library
from rde_roto.session.error_words import sentence
from rde_roto.values.errors import RotoError
from rde_roto.values.preset import Preset
from rde_roto.values.settings import first_fault, sections_of

_WRAP = 60
_WORDS: Final = {
    "input.color_space": "Colour space, if nothing else says",
    "tracking.lines": "Working height in lines",
    "tracking.memory_every": "Update the memory every … frames",
    "tracking.top_k": "Best matches read from memory",
    "tracking.bank": "Memories that are read",
    "tracking.crop": "See the elements in a box that follows them",
    "tracking.state_dtype": "Precision of the memory",
    "tracking.precision": "Precision of the network",
    "finish.edges": "Edges follow",
    "finish.dechatter": "De-chatter",
    "finish.clip_black": "Clip black below",
    "finish.clip_white": "Clip white above",
    "finish.erode_px": "Erode, in pixels",
    "finish.feather_px": "Feather, in pixels",
    "output.layer_prefix": "Prefix of layer names",
    "output.compression": "Compression of EXRs",
    "output.data_window": "Data window of EXRs",
    "running.learn": "Learn the shot first, on the command line and the farm",
    "running.snapshot_every": "Save the memory every … updates",
    "running.when_memory_runs_out": "When memory runs out",
}
"""Labels of keys whose own name says too little."""


@dataclass(frozen=True, eq=False)
class Field:
    """A widget for one key of a section, and what returns its value as JSON has it."""

    widget: QWidget
    value: Callable[[], object]


class SettingsDialog(QDialog):
    """Edit a preset. ``chosen`` is called with each preset that is applied."""

    def __init__(self, parent: QWidget, preset: Preset, chosen: Callable[[Preset], None]) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Settings")
        self.setMinimumSize(560, 500)
        self._preset, self._chosen = preset, chosen
        self.fields: dict[str, Field] = {}
        self.presets = QComboBox()
        self._offer_presets()
        self.presets.activated.connect(self._choose_preset)
        self._tabs = QTabWidget()
        self._fill(preset)
        self._tabs.setCurrentIndex(list(sections_of(Preset)).index("finish"))
        self.message = QLabel()
        self.message.setWordWrap(True)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Apply
            | QDialogButtonBox.StandardButton.Ok
            | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.button(QDialogButtonBox.StandardButton.Apply).clicked.connect(self.apply)
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel("Preset: where the values below come from"))
        layout.addWidget(self.presets)
        layout.addWidget(self._tabs, 1)
        layout.addWidget(self.message)
        layout.addWidget(buttons)

    def apply(self) -> bool:
        """Pass on what the fields hold; whether that is a valid preset."""
        values = self._preset.model_dump(mode="json")
        for key, field in self.fields.items():
            section, _, name = key.partition(".")
            values[section][name] = field.value()
        try:
            preset = Preset.model_validate_json(json.dumps(values))
        except ValidationError as error:
            self.message.setText(first_fault(error))
            return False
        self.message.clear()
        self._chosen(preset)
        return True

    def _accept(self) -> None:
        if self.apply():
            self.accept()

    def _offer_presets(self) -> None:
        """List the presets that can be found, and the shot's own if it is none of them."""
        known = {entry.name: entry.description for entry in preset_library().names()}
        for name, description in ({self._preset.name: self._preset.description} | known).items():
            self.presets.addItem(f"{name}: {description}" if description else name, name)
        self.presets.setCurrentIndex(self.presets.findData(self._preset.name))

    def _choose_preset(self) -> None:
        """Show the values of another preset. They count once they are applied."""
        try:
            preset = load_preset(self.presets.currentData())
        except RotoError as error:
            self.message.setText(sentence(error))
            self.presets.setCurrentIndex(self.presets.findData(self._preset.name))
            return
        self._preset = preset
        shown = self._tabs.currentIndex()
        self._fill(preset)
        self._tabs.setCurrentIndex(shown)

    def _fill(self, preset: Preset) -> None:
        """Show the values of a preset."""
        self._tabs.clear()
        self.fields.clear()
        schema = Preset.model_json_schema()
        for section, model in sections_of(Preset).items():
            values = getattr(preset, section).model_dump(mode="json")
            properties = schema["$defs"][model.__name__]["properties"]
            self._tabs.addTab(self._tab(section, properties, values), section.capitalize())

    def _tab(
        self, section: str, properties: Mapping[str, Any], values: Mapping[str, Any]
    ) -> QWidget:
        inside = QWidget()
        inside.setObjectName("panel")
        form = QFormLayout(inside)
        for key, schema in properties.items():
            field = _field(schema, values[key])
            field.widget.setToolTip(_wrapped(schema.get("description", "")))
            label = QLabel(_WORDS.get(f"{section}.{key}", key.replace("_", " ").capitalize()))
            label.setToolTip(field.widget.toolTip())
            form.addRow(label, field.widget)
            self.fields[f"{section}.{key}"] = field
        scroll = QScrollArea()
        scroll.setWidget(inside)
        scroll.setWidgetResizable(True)
        return scroll


def _field(schema: Mapping[str, Any], value: Any) -> Field:
    """Return the widget that fits a property of the schema."""
    if "enum" in schema:
        choice = QComboBox()
        choice.addItems(schema["enum"])
        choice.setCurrentText(value)
        return Field(choice, choice.currentText)
    kind = schema.get("type")
    if kind == "boolean":
        check = QCheckBox()
        check.setChecked(value)
        return Field(check, check.isChecked)
    if kind == "integer":
        whole = QSpinBox()
        whole.setRange(schema["minimum"], schema["maximum"])
        whole.setValue(value)
        return Field(whole, whole.value)
    if kind == "number":
        number = QDoubleSpinBox()
        number.setRange(schema["minimum"], schema["maximum"])
        number.setDecimals(3)
        number.setSingleStep(0.05 if schema["maximum"] <= 1 else 0.5)
        number.setValue(value)
        shown = number.value()  # which may have fewer decimals
        return Field(number, lambda: value if number.value() == shown else number.value())
    text = QLineEdit("" if value is None else str(value))
    return Field(text, lambda: _typed(text.text(), schema))


def _typed(text: str, schema: Mapping[str, Any]) -> object:
    """Convert what was typed: empty text to null where that is allowed, digits to a number."""
    kinds = {choice.get("type") for choice in schema.get("anyOf", ())}
    if not text.strip() and "null" in kinds:
        return None
    if "integer" in kinds and text.strip().lstrip("-").isdigit():
        return int(text)
    return text


def _wrapped(text: str) -> str:
    words, lines = text.split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) > _WRAP:
            lines.append("")
        lines[-1] += f"{word} "
    return "\n".join(line.strip() for line in lines)
