"""A host of OpenFX 1.4 image effects in ctypes: as much of one as a test can ask questions.

It loads a bundle's binary, keeps property sets in dictionaries, hands out images as numpy arrays
whose row 0 is the lowest, and writes down what a plug-in must not do (`trespasses`): set a
parameter while it renders, keep an image, ask for what was never defined.

The suites' functions with variable arguments are taken as functions with a fixed number of them.
That holds where both are passed alike: x86-64 and ARM64 on Linux, not ARM64 on macOS.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

OK, FAILED, REPLY_DEFAULT = 0, 1, 14
_UNKNOWN, _BAD_HANDLE, _BAD_INDEX = 3, 9, 10

FILTER = "OfxImageEffectContextFilter"
GENERAL = "OfxImageEffectContextGeneral"
DEPTHS: dict[str, Any] = {
    "OfxBitDepthByte": np.uint8,
    "OfxBitDepthShort": np.uint16,
    "OfxBitDepthHalf": np.float16,
    "OfxBitDepthFloat": np.float32,
}
COMPONENTS = {"OfxImageComponentRGBA": 4, "OfxImageComponentAlpha": 1}
PREMULTIPLIED, STRAIGHT, OPAQUE = (
    "OfxImageAlphaPremultiplied",
    "OfxImageAlphaUnPremultiplied",
    "OfxImageOpaque",
)
UNTOUCHED = 77  # what an output image holds before it is drawn in

Array = NDArray[Any]
Pixels = Callable[[float], "Image | None"]

_P, _S, _I, _D = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_double
_TO_P, _TO_I, _TO_D = map(ctypes.POINTER, (ctypes.c_void_p, ctypes.c_int, ctypes.c_double))


def _function(*arguments: Any) -> Any:
    return ctypes.CFUNCTYPE(ctypes.c_int, *arguments)


class _Host(ctypes.Structure):
    _fields_ = [
        ("properties", _P),
        ("fetch_suite", ctypes.CFUNCTYPE(_P, _P, _S, _I)),
    ]


class _Plugin(ctypes.Structure):
    _fields_ = [
        ("api", _S),
        ("api_version", _I),
        ("identifier", _S),
        ("major", ctypes.c_uint),
        ("minor", ctypes.c_uint),
        ("set_host", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Host))),
        ("entry", ctypes.CFUNCTYPE(_I, _S, _P, _P, _P)),
    ]


class Properties(dict[str, list[Any]]):
    """A property set: a name's values, in their order."""

    def first(self, name: str) -> Any:
        """Its first value; raises KeyError where there is none."""
        return self[name][0]


@dataclass
class Image:
    """Pixels [height, width, channels], row 0 the lowest, with its corner at x, y."""

    pixels: Array
    x: int = 0
    y: int = 0
    premultiplication: str = PREMULTIPLIED
    scale: float = 1.0
    top_first: bool = False  # in memory, which makes the bytes of a row negative
    padding_bytes: int = 0  # behind each row

    def __post_init__(self) -> None:
        height, width, channels = self.pixels.shape
        row = width * channels * self.pixels.itemsize
        self.pitch = row + self.padding_bytes
        self._memory = np.full((height, self.pitch), UNTOUCHED, np.uint8)
        rows = self._memory[:, :row].reshape(height, row)
        self._rows = rows[::-1] if self.top_first else rows
        self._rows[:] = np.ascontiguousarray(self.pixels).view(np.uint8).reshape(height, row)

    def read(self) -> Array:
        """The pixels as they are now."""
        return np.ascontiguousarray(self._rows).view(self.pixels.dtype).reshape(self.pixels.shape)

    def padding_is_whole(self) -> bool:
        """Whether nobody wrote behind a row."""
        width = self.pitch - self.padding_bytes
        return bool((self._memory[:, width:] == UNTOUCHED).all())

    def properties(self) -> Properties:
        height, width, channels = self.pixels.shape
        depth = next(n for n, kind in DEPTHS.items() if np.dtype(kind) == self.pixels.dtype)
        first = (height - 1) * self.pitch if self.top_first else 0
        return Properties(
            OfxPropType=["OfxTypeImage"],
            OfxImagePropData=[self._memory.ctypes.data + first],
            OfxImagePropBounds=[self.x, self.y, self.x + width, self.y + height],
            OfxImagePropRowBytes=[-self.pitch if self.top_first else self.pitch],
            OfxImageEffectPropPixelDepth=[depth],
            OfxImageEffectPropComponents=[next(n for n, c in COMPONENTS.items() if c == channels)],
            OfxImageEffectPropPreMultiplication=[self.premultiplication],
            OfxImageEffectPropRenderScale=[self.scale, self.scale],
        )


@dataclass
class Param:
    """A parameter: how it was defined, and what it is now."""

    name: str
    kind: str
    properties: Properties
    value: Any = None


@dataclass
class Clip:
    """A clip; `pixels` gives its image at a time, None where there is none."""

    name: str
    properties: Properties
    pixels: Pixels | None = None


@dataclass
class Effect:
    """A plug-in as described, or an instance of one."""

    properties: Properties = field(default_factory=Properties)
    clips: dict[str, Clip] = field(default_factory=dict)
    params: dict[str, Param] = field(default_factory=dict)
    handle: int = 0


@dataclass
class Message:
    kind: str
    text: str
    persistent: bool


class Host:
    """Loads a binary. `status` of an action that is not OK raises only where a method says so."""

    def __init__(
        self,
        binary: Path,
        depths: Sequence[str] = tuple(DEPTHS),
        message_version: int = 2,
        without: str = "",
        temporal: bool = True,
    ) -> None:
        self.properties = Properties(
            OfxImageEffectPropSupportedPixelDepths=list(depths),
            OfxImageEffectPropTemporalClipAccess=[int(temporal)],
        )
        self.fetched: list[tuple[str, float]] = []
        self.messages: list[Message] = []
        self.trespasses: list[str] = []
        self.aborts: Callable[[], bool] = lambda: False
        self._message_version = message_version
        self._without = without
        self._handles: dict[int, Any] = {}
        self._strings: dict[bytes, Any] = {}
        self._lock = threading.Lock()
        self._here = threading.local()
        self._suites = _suites(self)
        self._fetch = _Host._fields_[1][1](self._fetch_suite)
        self._given = _Host(self.handle_of(self.properties), self._fetch)
        library = ctypes.CDLL(str(binary))
        library.OfxGetPlugin.restype = ctypes.POINTER(_Plugin)
        self.count = int(library.OfxGetNumberOfPlugins())
        self.plugin = library.OfxGetPlugin(0).contents
        self.beyond = bool(library.OfxGetPlugin(1))
        self.plugin.set_host(ctypes.byref(self._given))

    # What a test asks.

    def act(self, action: str, effect: Effect | None, into: Any = None, out: Any = None) -> int:
        """Calls the plug-in's entry; its status."""
        handles = [None if one is None else self.handle_of(one) for one in (into, out)]
        return int(self.plugin.entry(action.encode(), effect and effect.handle, *handles))

    def load(self) -> int:
        return self.act("OfxActionLoad", None)

    def describe(self) -> Effect:
        """The plug-in's description. Raises AssertionError when it fails."""
        effect = self._new(Effect())
        assert self.act("OfxActionDescribe", effect) == OK
        return effect

    def describe_in(self, context: str) -> Effect:
        """Its description in a context. Raises AssertionError when it fails."""
        effect = self._new(Effect())
        into = Properties(OfxImageEffectPropContext=[context])
        assert self.act("OfxImageEffectActionDescribeInContext", effect, into) == OK
        return effect

    def create(self, context: str, values: dict[str, Any] | None = None) -> Effect:
        """An instance; `values` are parameters as a saved script has them."""
        described = self.describe_in(context)
        effect = self._new(Effect(Properties(OfxImageEffectPropContext=[context])))
        for name, clip in described.clips.items():
            kept = Properties(OfxImageClipPropConnected=[0])
            temporal = "OfxImageEffectPropTemporalClipAccess"
            kept[temporal] = clip.properties[temporal]
            effect.clips[name] = Clip(name, kept)
        for name, param in described.params.items():
            default = param.properties.get("OfxParamPropDefault", [None])[0]
            value = (values or {}).get(name, default)
            effect.params[name] = Param(name, param.kind, Properties(param.properties), value)
        assert self.act("OfxActionCreateInstance", effect) == OK
        return effect

    def copy(self, effect: Effect) -> Effect:
        """What copy and paste makes: another instance with the same parameters and clips."""
        context = effect.properties.first("OfxImageEffectPropContext")
        kept = {n: p.value for n, p in effect.params.items() if n != "status"}
        other = self.create(context, kept)
        for name, clip in effect.clips.items():
            other.clips[name] = clip
        return other

    def destroy(self, effect: Effect) -> int:
        return self.act("OfxActionDestroyInstance", effect)

    def connect(
        self, effect: Effect, clip: str, pixels: Pixels, frames: tuple[float, float] | None = None
    ) -> None:
        """Gives a clip its images; ``frames`` are the first and last time that it says it has."""
        properties = effect.clips[clip].properties
        effect.clips[clip].pixels = pixels
        properties["OfxImageClipPropConnected"] = [1]
        if frames is not None:
            properties["OfxImageEffectPropFrameRange"] = list(frames)
            first = pixels(frames[0])
            assert first is not None
            properties["OfxImageEffectPropPixelDepth"] = first.properties()[
                "OfxImageEffectPropPixelDepth"
            ]

    def change(
        self, effect: Effect, name: str, time: float = 0, reason: str = "OfxChangeUserEdited"
    ) -> int:
        """Tells the plug-in that a parameter was changed, or a button pressed."""
        into = Properties(
            OfxPropType=["OfxTypeParameter"],
            OfxPropName=[name],
            OfxPropChangeReason=[reason],
            OfxPropTime=[time],
            OfxImageEffectPropRenderScale=[1.0, 1.0],
        )
        return self.act("OfxActionInstanceChanged", effect, into)

    def change_clip(self, effect: Effect, clip: str, reason: str = "OfxChangeUserEdited") -> int:
        """Tells the plug-in that what comes through a clip is another thing now."""
        into = Properties(
            OfxPropType=["OfxTypeClip"],
            OfxPropName=[clip],
            OfxPropChangeReason=[reason],
            OfxPropTime=[0.0],
            OfxImageEffectPropRenderScale=[1.0, 1.0],
        )
        return self.act("OfxActionInstanceChanged", effect, into)

    def frames_needed(self, effect: Effect, time: float) -> list[float]:
        """The times of Source that the plug-in says it needs; this one where it says nothing."""
        out = Properties()
        into = Properties(OfxPropTime=[time])
        status = self.act("OfxImageEffectActionGetFramesNeeded", effect, into, out)
        if status == REPLY_DEFAULT:
            return [time]
        assert status == OK
        ranges = out["OfxImageClipPropFrameRange_Source"]
        assert ranges[::2] == ranges[1::2], "ranges of one time each"
        return ranges[::2]

    def render(
        self,
        effect: Effect,
        time: float,
        target: Image,
        window: tuple[int, int, int, int] | None = None,
        scale: float = 1.0,
    ) -> int:
        """Has a window of an image drawn, all of it without one. Threads may call it at once."""
        height, width = target.pixels.shape[:2]
        whole = (target.x, target.y, target.x + width, target.y + height)
        into = Properties(
            OfxPropTime=[time],
            OfxImageEffectPropFieldToRender=["OfxFieldNone"],
            OfxImageEffectPropRenderWindow=list(window or whole),
            OfxImageEffectPropRenderScale=[scale, scale],
        )
        self._here.target, self._here.images, self._here.time = target, 0, time
        try:
            status = self.act("OfxImageEffectActionRender", effect, into)
            if self._here.images:
                self.trespasses.append("render kept an image")
        finally:
            self._here.target = None
        return status

    # What the suites do.

    def handle_of(self, thing: Any) -> int:
        """A number by which the plug-in names it."""
        with self._lock:
            handle = id(thing)
            self._handles[handle] = thing
            return handle

    def thing(self, handle: int | None) -> Any:
        """What a number names, None for nothing of this host's."""
        with self._lock:
            found = self._handles.get(handle or 0)
        if found is None:
            self.trespasses.append(f"there is no handle {handle}")
        return found

    def string(self, text: str) -> int:
        """The address of a zero-ended string that lives as long as the host."""
        data = text.encode()
        with self._lock:
            if data not in self._strings:
                self._strings[data] = ctypes.create_string_buffer(data)
            return ctypes.addressof(self._strings[data])

    def image_at(self, clip: Clip, time: float) -> Image | None:
        """What a clip gives; the image to draw in for the output clip."""
        if clip.name == "Output":
            target: Image | None = getattr(self._here, "target", None)
            return target
        if self.is_rendering and time != self._here.time and not self._is_temporal(clip):
            self.trespasses.append(f"another time of {clip.name} than was said")
        self.fetched.append((clip.name, time))
        return clip.pixels(time) if clip.pixels is not None else None

    def _is_temporal(self, clip: Clip) -> bool:
        return clip.properties.get("OfxImageEffectPropTemporalClipAccess") == [1]

    def count_image(self, step: int) -> None:
        self._here.images = getattr(self._here, "images", 0) + step

    @property
    def held_images(self) -> int:
        """How many images this thread's actions have not given back."""
        return int(getattr(self._here, "images", 0))

    @property
    def is_rendering(self) -> bool:
        """Whether this thread is in a render action."""
        return getattr(self._here, "target", None) is not None

    def _new(self, effect: Effect) -> Effect:
        effect.handle = self.handle_of(effect)
        return effect

    def _fetch_suite(self, _host: int | None, name: bytes, version: int) -> int | None:
        text = name.decode()
        if text == self._without or (text == "OfxMessageSuite" and version > self._message_version):
            return None
        suite = self._suites.get((text, min(version, 1)))
        return None if suite is None else ctypes.addressof(suite[0])


def _suites(host: Host) -> dict[tuple[str, int], tuple[Any, dict[int, Any]]]:
    return {
        ("OfxPropertySuite", 1): _table(_property_functions(host), 18),
        ("OfxImageEffectSuite", 1): _table(_effect_functions(host), 13),
        ("OfxParameterSuite", 1): _table(_parameter_functions(host), 18),
        ("OfxMessageSuite", 1): _table(_message_functions(host), 3),
    }


def _table(functions: dict[int, Any], count: int) -> tuple[Any, dict[int, Any]]:
    """A suite: pointers to functions, null where no test needs one; and what they point to."""
    table = (_P * count)()
    for place, function in functions.items():
        table[place] = ctypes.cast(function, _P).value
    return table, functions


def _property_functions(host: Host) -> dict[int, Any]:
    def put(handle: int, name: bytes, index: int, value: Any) -> int:
        found = host.thing(handle)
        if found is None:
            return _BAD_HANDLE
        values = found.setdefault(name.decode(), [])
        if index > len(values):
            return _BAD_INDEX
        values[index : index + 1] = [value.decode() if isinstance(value, bytes) else value]
        return OK

    def take(handle: int, name: bytes, index: int, out: Any) -> int:
        found = host.thing(handle)
        if found is None:
            return _BAD_HANDLE
        values = found.get(name.decode())
        if values is None or index >= len(values):
            return _UNKNOWN if values is None else _BAD_INDEX
        value = values[index]
        out[0] = host.string(value) if isinstance(value, str) else value
        return OK

    def put_many(handle: int, name: bytes, count: int, values: Any) -> int:
        return max(put(handle, name, index, values[index]) for index in range(count))

    def take_many(handle: int, name: bytes, count: int, out: Any) -> int:
        found = host.thing(handle)
        if found is None or len(found.get(name.decode(), ())) < count:
            return _UNKNOWN
        for index in range(count):
            out[index] = found[name.decode()][index]
        return OK

    def dimension(handle: int, name: bytes, out: Any) -> int:
        found = host.thing(handle)
        out[0] = 0 if found is None else len(found.get(name.decode(), ()))
        return OK

    return {
        0: _function(_P, _S, _I, _P)(put),
        1: _function(_P, _S, _I, _S)(put),
        2: _function(_P, _S, _I, _D)(put),
        3: _function(_P, _S, _I, _I)(put),
        6: _function(_P, _S, _I, _TO_D)(put_many),
        8: _function(_P, _S, _I, _TO_P)(take),
        9: _function(_P, _S, _I, _TO_P)(take),
        10: _function(_P, _S, _I, _TO_D)(take),
        11: _function(_P, _S, _I, _TO_I)(take),
        14: _function(_P, _S, _I, _TO_D)(take_many),
        15: _function(_P, _S, _I, _TO_I)(take_many),
        17: _function(_P, _S, _TO_I)(dimension),
    }


def _effect_functions(host: Host) -> dict[int, Any]:
    def properties(handle: int, out: Any) -> int:
        effect = host.thing(handle)
        out[0] = None if effect is None else host.handle_of(effect.properties)
        return _BAD_HANDLE if effect is None else OK

    def params(handle: int, out: Any) -> int:
        effect = host.thing(handle)
        out[0] = None if effect is None else host.handle_of(effect.params)
        return _BAD_HANDLE if effect is None else OK

    def define(handle: int, name: bytes, out: Any) -> int:
        clip = Clip(name.decode(), Properties())
        host.thing(handle).clips[clip.name] = clip
        out[0] = host.handle_of(clip.properties)
        return OK

    def get(handle: int, name: bytes, out: Any, out_properties: Any) -> int:
        clip = host.thing(handle).clips.get(name.decode())
        if clip is None:
            host.trespasses.append(f"there is no clip {name.decode()}")
            return _UNKNOWN
        out[0] = host.handle_of(clip)
        if out_properties:
            out_properties[0] = host.handle_of(clip.properties)
        return OK

    def image(handle: int, time: float, _region: int, out: Any) -> int:
        found = host.image_at(host.thing(handle), time)
        if found is None:
            return FAILED
        host.count_image(1)
        given = found.properties()
        given["image"] = [found]  # which lives as long as its handle
        out[0] = host.handle_of(given)
        return OK

    def release(handle: int) -> int:
        if host.thing(handle) is None:
            return _BAD_HANDLE
        host.count_image(-1)
        return OK

    def region(handle: int, time: float, out: Any) -> int:
        clip = host.thing(handle)
        found = clip.pixels(time) if clip.pixels is not None else None
        if found is None:
            return FAILED
        sides = found.properties()["OfxImagePropBounds"]
        for place in range(4):
            out[place] = sides[place] / found.scale
        return OK

    def abort(_handle: int) -> int:
        return int(host.aborts())

    return {
        0: _function(_P, _TO_P)(properties),
        1: _function(_P, _TO_P)(params),
        2: _function(_P, _S, _TO_P)(define),
        3: _function(_P, _S, _TO_P, _TO_P)(get),
        5: _function(_P, _D, _P, _TO_P)(image),
        6: _function(_P)(release),
        7: _function(_P, _D, _TO_D)(region),
        8: _function(_P)(abort),
    }


def _parameter_functions(host: Host) -> dict[int, Any]:
    def define(handle: int, kind: bytes, name: bytes, out: Any) -> int:
        param = Param(name.decode(), kind.decode(), Properties())
        host.thing(handle)[param.name] = param
        out[0] = host.handle_of(param.properties)
        return OK

    def get(handle: int, name: bytes, out: Any, _out_properties: Any) -> int:
        param = host.thing(handle).get(name.decode())
        if param is None:
            host.trespasses.append(f"there is no parameter {name.decode()}")
            return _UNKNOWN
        out[0] = host.handle_of(param)
        return OK

    def value(handle: int, out: int) -> int:
        param = host.thing(handle)
        if param.kind == "OfxParamTypeString":
            ctypes.cast(out, _TO_P)[0] = host.string(param.value or "")
        else:
            ctypes.cast(out, _TO_I)[0] = param.value or 0
        return OK

    def set_value(handle: int, given: int) -> int:
        param = host.thing(handle)
        if host.is_rendering:
            host.trespasses.append(f"render set {param.name}")
        if param.kind == "OfxParamTypeString":
            param.value = ctypes.string_at(given).decode()
        else:
            param.value = ctypes.c_int(given).value
        return OK

    return {
        0: _function(_P, _S, _S, _TO_P)(define),
        1: _function(_P, _S, _TO_P, _TO_P)(get),
        4: _function(_P, _P)(value),
        8: _function(_P, _P)(set_value),
    }


def _message_functions(host: Host) -> dict[int, Any]:
    def said(persistent: bool) -> Any:
        def say(_handle: int, kind: bytes, _id: bytes, form: bytes, text: bytes) -> int:
            if form != b"%s":
                host.trespasses.append(f"a message of the form {form!r}")
            host.messages.append(Message(kind.decode(), text.decode(), persistent))
            return OK

        return _function(_P, _S, _S, _S, _S)(say)

    def clear(_handle: int) -> int:
        host.messages.append(Message("clear", "", True))
        return OK

    return {0: said(False), 1: said(True), 2: _function(_P)(clear)}


@contextmanager
def instance(host: Host, context: str, values: dict[str, Any]) -> Iterator[Effect]:
    """An instance that is destroyed in the end."""
    effect = host.create(context, values)
    try:
        yield effect
    finally:
        assert host.destroy(effect) == OK
