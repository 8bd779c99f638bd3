"""Knobs of the stand-in for the module `nuke`, and which of them each class of node has."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from fake_nuke import Nuke

DO_NOT_WRITE, INVISIBLE, STARTLINE, NO_UNDO = 512, 1024, 4096, 524288


class Knob:
    kind: ClassVar[int] = 0
    default: ClassVar[Any] = ""

    def __init__(self, name: str, label: str = "", value: Any = None) -> None:
        self._name, self.label, self.flags = name, label, 0
        self.tooltip, self.expression, self.pressed = "", "", 0
        self._value: Any = self.default if value is None else value
        self.nuke: Nuke | None = None

    def name(self) -> str:
        return self._name

    def setFlag(self, flag: int) -> None:  # noqa: N802 (Nuke's name, as all below)
        self.flags |= flag

    def setTooltip(self, text: str) -> None:  # noqa: N802
        self.tooltip = text

    def setExpression(self, text: str) -> None:  # noqa: N802
        self._touched()
        self.expression = text

    def value(self) -> Any:
        self._touched()
        return self._value

    def setValue(self, value: Any) -> None:  # noqa: N802
        self._touched()
        if type(value) is not type(self.default):
            raise TypeError(f"{self._name} takes a {type(self.default).__name__}: {value!r}")
        self._value = value

    def execute(self) -> None:
        self._touched()
        self.pressed += 1

    def _touched(self) -> None:
        assert threading.current_thread() is threading.main_thread(), f"{self._name}, in a thread"


class String(Knob):
    kind = 1


class File(Knob):
    kind = 2

    def evaluate(self, frame: int = 1) -> str:
        """With the frame's number and, of all expressions, those that name the script."""
        self._touched()
        assert self.nuke is not None
        script = self.nuke.root().name()
        said = self._value.replace("[value root.name]", script)
        said = re.sub(r"\[file dirname ([^]]+)\]", lambda m: m[1].rpartition("/")[0], said)
        token = re.compile(r"%0(\d+)d|(#+)")
        return str(token.sub(lambda m: f"{frame:0{int(m[1] or len(m[2]))}}", said))


class Integer(Knob):
    kind, default = 3, 0


class Enumeration(Knob):
    kind = 4

    def __init__(self, name: str, label: str, values: list[str]) -> None:
        super().__init__(name, label, values[0])
        self.offered = list(values)

    def values(self) -> list[str]:
        return list(self.offered)

    def setValues(self, values: list[str]) -> None:  # noqa: N802
        self._touched()
        self.offered = list(values)

    def setValue(self, value: str) -> None:  # noqa: N802
        if value not in self.offered:
            raise ValueError(f"{self._name} has {self.offered}, not {value!r}")
        super().setValue(value)


class Boolean(Knob):
    kind, default = 6, False


class Tab(Knob):
    kind = 20


class PyScript(Knob):
    kind = 22


class Text(Knob):
    kind = 26


class AnimControlPoint:
    """A point of a stroke, with the times of its keys."""

    def __init__(self, *times: float) -> None:
        self._times = list(times)

    def getControlPointKeyTimes(self) -> list[float]:  # noqa: N802
        return self._times


class ShapeControlPoint:
    """A point of a shape."""

    def __init__(self, *times: float) -> None:
        self.center = AnimControlPoint(*times)


class AnimCTransform:
    def __init__(self, *times: float) -> None:
        self._times = list(times)

    def isDefault(self) -> bool:  # noqa: N802
        return not self._times

    def getTransformKeyTimes(self) -> list[float]:  # noqa: N802
        return self._times or [0.0]


class Layer(list[Any]):
    """A layer of shapes and strokes, or one of these with its points; `moved` by its transform."""

    def __init__(self, *parts: Any, moved: tuple[float, ...] = ()) -> None:
        super().__init__(parts)
        self._transform = AnimCTransform(*moved)

    def getTransform(self) -> AnimCTransform:  # noqa: N802
        return self._transform


class Curves(Knob):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.rootLayer = Layer()  # Nuke's name


def _before_and_after(name: str) -> Knob:
    return Enumeration(name, "", ["hold", "loop", "bounce", "black"])


CLASSES: dict[str, dict[str, Callable[[str], Knob]]] = {
    "Group": {"knobChanged": String},
    "Input": {"number": Integer},
    "Output": {},
    "Dot": {},
    "Grade": {},
    "Roto": {"curves": Curves},
    "Copy": {"from0": String, "to0": String},
    "Switch": {"which": Integer},
    "Read": {
        **{"file": File, "frame": String, "raw": Boolean, "reload": Knob},
        **dict.fromkeys(("first", "last", "origfirst", "origlast"), Integer),
        **dict.fromkeys(("before", "after"), _before_and_after),
    },
    "Write": {
        **{"file": File, "channels": String, "raw": Boolean},
        "file_type": lambda name: Enumeration(name, "", [" ", "exr", "png"]),
    },
}
