"""Presets: the settings of a roto run.

`documents.preset_files` finds and reads the files that presets are kept in.
"""

from __future__ import annotations

import textwrap
from typing import Any

from pydantic import Field

from rde_roto.values.preset_sections import (
    LEAST_LINES,
    Compression,
    Finish,
    Input,
    Output,
    OutputFormat,
    Precision,
    Running,
    Tracking,
)
from rde_roto.values.settings import Settings, sections_of
from rde_roto.values.yaml_format import yaml_pair

__all__ = [
    "LEAST_LINES",
    "Compression",
    "Finish",
    "Input",
    "Output",
    "OutputFormat",
    "Precision",
    "Preset",
    "Running",
    "Tracking",
    "preset_schema",
]


class Preset(Settings):
    """All settings of a run, by name. Values out of range raise pydantic.ValidationError."""

    name: str = Field(description="The preset's name: its file's name without .yaml.")
    description: str = Field(default="", description="What the preset is for, one sentence.")
    input: Input = Field(default=Input(), description="How the plate is read.")
    tracking: Tracking = Field(default=Tracking(), description="How the elements are followed.")
    finish: Finish = Field(default=Finish(), description="What is done to the tracked matte.")
    output: Output = Field(default=Output(), description="How mattes are written to files.")
    running: Running = Field(default=Running(), description="How a run uses time and disk.")

    def smaller(self) -> Preset | None:
        """Return the same with three quarters of the working lines; None if that is not allowed."""
        lines = self.tracking.lines * 3 // 4
        if self.running.when_memory_runs_out == "stop" or lines < LEAST_LINES:
            return None
        tracking = self.tracking.model_copy(update={"lines": lines})
        return self.model_copy(update={"tracking": tracking})

    def to_yaml(self) -> str:
        """Write a preset file with all values and their meanings as comments; loads as an equal
        preset.
        """
        lines = [f"# preset {self.name}", yaml_pair("description", self.description)]
        for section in sections_of(type(self)):
            settings: Settings = getattr(self, section)
            lines += ["", f"# {type(self).model_fields[section].description}", f"{section}:"]
            values = settings.model_dump(mode="json")
            for key, field in type(settings).model_fields.items():
                comment = textwrap.wrap(field.description or "", width=94)
                lines += [f"  # {line}" for line in comment]
                lines.append(f"  {yaml_pair(key, values[key])}")
        return "\n".join(lines) + "\n"


def preset_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a preset file, for editors that validate YAML."""
    schema = Preset.model_json_schema()
    properties = {
        "extends": {
            "type": "string",
            "description": "Name of the preset whose values this one starts from.",
        },
        **schema["properties"],
    }
    del schema["required"], properties["name"]
    return {
        **schema,
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "rde-roto preset",
        "description": "Settings of a roto run; every key may be left out.",
        "properties": properties,
    }
