"""A strict host of OpenFX 1.4 image effects in ctypes.

It loads a bundle's binary, keeps property sets in dictionaries, hands out images as numpy arrays
whose row 0 is the lowest, and obeys the standard to the letter: a clip gives exactly the region
that was asked for, cut to what the plug-in has said it is interested in; a suite has exactly the
versions of the standard; messages are formatted without arguments, as Natron 2.5 does. It writes
down what a plug-in must not do (`trespasses`): set a parameter while it renders, keep an image, ask
for what was never defined or for a property that the standard does not know, read a clip that it
has said it does not read.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ofx_suites import suites
from ofx_values import (
    DEPTHS,
    Image,
    Properties,
    Region,
    common,
    is_in,
    is_property,
)

OK, FAILED, REPLY_DEFAULT = 0, 1, 14

FILTER = "OfxImageEffectContextFilter"
GENERAL = "OfxImageEffectContextGeneral"
BACKGROUND = "OfxImageEffectHostPropIsBackground"
VERSIONS = {
    "OfxPropertySuite": (1,),
    "OfxImageEffectSuite": (1,),
    "OfxParameterSuite": (1,),
    "OfxMessageSuite": (1, 2),
}
_EVERYWHERE = (-1e9, -1e9, 1e9, 1e9)
_RENDER = "OfxImageEffectActionRender"
_CHANGED = "OfxActionInstanceChanged"
_INTEREST = "OfxImageEffectActionGetRegionsOfInterest"
_DEFINITION = "OfxImageEffectActionGetRegionOfDefinition"
_NEEDED = "OfxImageEffectActionGetFramesNeeded"

Pixels = Callable[[float], "Image | None"]

_P, _S, _I = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int


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

    properties: Properties
    clips: dict[str, Clip] = field(default_factory=dict)
    params: dict[str, Param] = field(default_factory=dict)
    handle: int = 0


@dataclass
class Rendering:
    """A render action under way, of which a thread has one."""

    target: Image
    time: float
    scale: float
    interests: dict[str, Region]  # by clip


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
            "Host",
            OfxImageEffectPropSupportedPixelDepths=list(depths),
            OfxImageEffectPropTemporalClipAccess=[int(temporal)],
            **{BACKGROUND: [0]},
        )
        self.fetched: list[tuple[str, float]] = []
        self.messages: list[Message] = []
        self.trespasses: list[str] = []
        self.aborts: Callable[[], bool] = lambda: False
        self.gives_only: Region = _EVERYWHERE  # in render, whatever was asked for
        self._message_version = message_version
        self._without = without
        self._changed_by_plugin: list[Param] = []
        self._given_images: dict[int, Image] = {}
        self._handles: dict[int, Any] = {}
        self._strings: dict[bytes, Any] = {}
        self._lock = threading.Lock()
        self._here = threading.local()
        self._suites = suites(self)
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
        effect = self._new(Effect(Properties("EffectDescriptor")))
        assert self.act("OfxActionDescribe", effect) == OK
        return effect

    def describe_in(self, context: str) -> Effect:
        """Its description in a context. Raises AssertionError when it fails."""
        effect = self._new(Effect(Properties("EffectDescriptor")))
        action = "OfxImageEffectActionDescribeInContext"
        into = Properties(action, OfxImageEffectPropContext=[context])
        assert self.act(action, effect, into) == OK
        return effect

    def create(self, context: str, values: dict[str, Any] | None = None) -> Effect:
        """An instance; `values` are parameters as a saved script has them."""
        described = self.describe_in(context)
        kept = Properties("EffectInstance", OfxImageEffectPropContext=[context])
        effect = self._new(Effect(kept))
        for name, clip in described.clips.items():
            kept = Properties("ClipInstance", OfxImageClipPropConnected=[0])
            temporal = "OfxImageEffectPropTemporalClipAccess"
            kept[temporal] = clip.properties[temporal]
            effect.clips[name] = Clip(name, kept)
        for name, param in described.params.items():
            default = param.properties.get("OfxParamPropDefault", [None])[0]
            value = (values or {}).get(name, default)
            effect.params[name] = Param(
                name, param.kind, Properties(param.kind, **param.properties), value
            )
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
            for name in ("OfxImageEffectPropPixelDepth", "OfxImagePropPixelAspectRatio"):
                properties[name] = first.properties()[name]

    def change(
        self,
        effect: Effect,
        name: str,
        time: float = 0,
        reason: str = "OfxChangeUserEdited",
    ) -> int:
        """Tells the plug-in that a parameter was changed, or a button pressed."""
        return self._change(effect, "OfxTypeParameter", [name], time, reason)

    def change_clip(self, effect: Effect, clip: str, reason: str = "OfxChangeUserEdited") -> int:
        """Tells the plug-in that what comes through a clip is another thing now."""
        return self._change(effect, "OfxTypeClip", [clip], 0, reason)

    def change_all(self, effect: Effect, names: Sequence[str], time: float = 0) -> int:
        """Tells it of several parameters in one batch, as after undo."""
        return self._change(effect, "OfxTypeParameter", names, time, "OfxChangeUserEdited")

    def _change(
        self, effect: Effect, kind: str, names: Sequence[str], time: float, reason: str
    ) -> int:
        """A batch of changes; then one of those that the plug-in has made meanwhile."""
        begin, end = "OfxActionBeginInstanceChanged", "OfxActionEndInstanceChanged"
        batch = {"OfxPropChangeReason": [reason]}
        self._ignored(effect, begin, Properties(begin, **batch))
        status = OK
        for name in names:
            into = Properties(
                _CHANGED,
                OfxPropType=[kind],
                OfxPropName=[name],
                OfxPropTime=[time],
                OfxImageEffectPropRenderScale=[1.0, 1.0],
                **batch,
            )
            status = self.act(_CHANGED, effect, into)
        self._ignored(effect, end, Properties(end, **batch))
        by_plugin, self._changed_by_plugin = self._changed_by_plugin, []
        names = list(dict.fromkeys(param.name for param in by_plugin))
        if names:
            self._change(effect, "OfxTypeParameter", names, time, "OfxChangePluginEdited")
        return status

    def _ignored(self, effect: Effect, action: str, into: Properties) -> None:
        assert self.act(action, effect, into) in (OK, REPLY_DEFAULT)

    def frames_needed(self, effect: Effect, time: float) -> list[float]:
        """The times of Source that the plug-in says it needs; this one where it says nothing."""
        out = Properties(f"{_NEEDED} out")
        status = self.act(_NEEDED, effect, Properties(_NEEDED, OfxPropTime=[time]), out)
        if status == REPLY_DEFAULT:
            return [time]
        assert status == OK
        ranges = out["OfxImageClipPropFrameRange_Source"]
        assert ranges[::2] == ranges[1::2], "ranges of one time each"
        return ranges[::2]

    def region_of_definition(self, effect: Effect, time: float, scale: float = 1.0) -> Region:
        """Where the plug-in has pixels; where Source has them, if it says nothing. Raises
        AssertionError when it fails.
        """
        status, found = self.try_region_of_definition(effect, time, scale)
        assert status == OK, self.messages
        assert found is not None, "nothing says how large it is"
        return found

    def try_region_of_definition(
        self, effect: Effect, time: float, scale: float = 1.0
    ) -> tuple[int, Region | None]:
        """The same with its status; None where it fails, or where Source has no pixels either."""
        out = Properties(f"{_DEFINITION} out")
        into = Properties(
            _DEFINITION, OfxPropTime=[time], OfxImageEffectPropRenderScale=[scale, scale]
        )
        status = self.act(_DEFINITION, effect, into, out)
        if status == OK:
            x1, y1, x2, y2 = out["OfxImageEffectPropRegionOfDefinition"]
            return status, (x1, y1, x2, y2)
        if status == REPLY_DEFAULT:
            return OK, self.region_of(effect.clips["Source"], time)
        return status, None

    def interests(
        self, effect: Effect, time: float, region: Region, scale: float = 1.0
    ) -> dict[str, Region]:
        """The region of each clip that the plug-in wants for a region of its output."""
        out = Properties(f"{_INTEREST} out")
        into = Properties(
            _INTEREST,
            OfxPropTime=[time],
            OfxImageEffectPropRenderScale=[scale, scale],
            OfxImageEffectPropRegionOfInterest=list(region),
        )
        status = self.act(_INTEREST, effect, into, out)
        assert status in (OK, REPLY_DEFAULT)
        found = dict.fromkeys(effect.clips, region)
        for name, (x1, y1, x2, y2) in out.items():
            found[name.removeprefix("OfxImageClipPropRoI_")] = (x1, y1, x2, y2)
        assert set(found) == set(effect.clips), "of clips that it has"
        return found

    def render(
        self,
        effect: Effect,
        time: float,
        target: Image,
        window: tuple[int, int, int, int] | None = None,
        scale: float = 1.0,
    ) -> int:
        """Has a window of an image drawn, all of it without one. Threads may call it at once."""
        x1, y1, x2, y2 = window or target.bounds
        interests = dict.fromkeys(effect.clips, _EVERYWHERE)
        if 0 < scale < 1e9:  # else no region has coordinates
            across, upwards = target.aspect / scale, 1 / scale
            region = (x1 * across, y1 * upwards, x2 * across, y2 * upwards)
            interests = self.interests(effect, time, region, scale)
        into = Properties(
            _RENDER,
            OfxPropTime=[time],
            OfxImageEffectPropFieldToRender=["OfxFieldNone"],
            OfxImageEffectPropRenderWindow=[x1, y1, x2, y2],
            OfxImageEffectPropRenderScale=[scale, scale],
        )
        self._here.images = 0
        self._here.rendering = Rendering(target, time, scale, interests)
        try:
            status = self.act(_RENDER, effect, into)
            if self._here.images:
                self.trespasses.append("render kept an image")
        finally:
            self._here.rendering = None
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

    def check_name(self, found: Any, name: str) -> bool:
        """Whether a set may have a property; it is written down if not."""
        if isinstance(found, Properties) and is_property(found.kind, name):
            return True
        kind = found.kind if isinstance(found, Properties) else type(found).__name__
        self.trespasses.append(f"the standard has no property {name} of a {kind}")
        return False

    def region_of(self, clip: Clip, time: float) -> Region | None:
        """Where a clip has pixels."""
        found = clip.pixels(time) if clip.pixels is not None else None
        return None if found is None else found.region

    def image_at(self, clip: Clip, time: float, region: Region | None) -> Image | None:
        """What a clip gives: what was asked for, of what the plug-in was interested in, and no
        pixel more. The output clip gives the image to draw in.
        """
        rendering: Rendering | None = getattr(self._here, "rendering", None)
        if clip.name == "Output":
            return None if rendering is None else rendering.target
        self.fetched.append((clip.name, time))
        found = clip.pixels(time) if clip.pixels is not None else None
        if rendering is None:
            return found if region is None or found is None else found.within(region)
        if time != rendering.time and not self._is_temporal(clip):
            self.trespasses.append(f"another time of {clip.name} than was said")
        interest = rendering.interests[clip.name]
        if found is None:
            return None
        if region is not None and not is_in(common(region, found.region), interest):
            self.trespasses.append(f"{region} of {clip.name}, where {interest} was said")
        asked = common(region or interest, interest)
        return found.at_scale(rendering.scale).within(common(asked, self.gives_only))

    def set_by_plugin(self, param: Param) -> None:
        """A parameter was set by the plug-in: it is told of that after the action."""
        if self.is_rendering:
            self.trespasses.append(f"render set {param.name}")
        self._changed_by_plugin.append(param)

    def _is_temporal(self, clip: Clip) -> bool:
        return clip.properties.get("OfxImageEffectPropTemporalClipAccess") == [1]

    def give_image(self, properties: Properties, image: Image) -> int:
        """The handle of an image, which lives until it is taken back."""
        handle = self.handle_of(properties)
        with self._lock:
            self._given_images[handle] = image
        self._here.images = getattr(self._here, "images", 0) + 1
        return handle

    def take_back_image(self, handle: int) -> bool:
        """Whether it was given; its pixels are gone then."""
        with self._lock:
            there = self._given_images.pop(handle, None) is not None
            self._handles.pop(handle, None)
        if there:
            self._here.images -= 1
        else:
            self.trespasses.append(f"an image {handle} was given back that was not given")
        return there

    def define_clip(self, effect: Effect, name: str) -> Properties:
        clip = effect.clips[name] = Clip(name, Properties("ClipDescriptor"))
        return clip.properties

    def define_param(self, params: dict[str, Param], kind: str, name: str) -> Properties:
        param = params[name] = Param(name, kind, Properties(kind))
        return param.properties

    def say(self, kind: str, text: str, persistent: bool) -> None:
        self.messages.append(Message(kind, text, persistent))

    @property
    def held_images(self) -> int:
        """How many images this thread's actions have not given back."""
        return int(getattr(self._here, "images", 0))

    @property
    def is_rendering(self) -> bool:
        """Whether this thread is in a render action."""
        return getattr(self._here, "rendering", None) is not None

    def _new(self, effect: Effect) -> Effect:
        effect.handle = self.handle_of(effect)
        return effect

    def _fetch_suite(self, _host: int | None, name: bytes, version: int) -> int | None:
        text = name.decode()
        if version not in VERSIONS.get(text, ()) or text == self._without:
            return None
        if text == "OfxMessageSuite" and version > self._message_version:
            return None
        return ctypes.addressof(self._suites[text, version][0])


@contextmanager
def instance(host: Host, context: str, values: dict[str, Any]) -> Iterator[Effect]:
    """An instance that is destroyed in the end."""
    effect = host.create(context, values)
    try:
        yield effect
    finally:
        assert host.destroy(effect) == OK
