"""The suites of the OpenFX test host: tables of C functions, in the standard's order.

Functions with variable arguments are taken as functions with a fixed number of them. That holds
where both are passed alike: x86-64 and ARM64 on Linux, not ARM64 on macOS.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ofx_host import Host

OK, FAILED = 0, 1
_UNKNOWN, _BAD_HANDLE, _BAD_INDEX = 3, 9, 10

_P, _S, _I, _D = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_double
_TO_P, _TO_I, _TO_D = map(ctypes.POINTER, (ctypes.c_void_p, ctypes.c_int, ctypes.c_double))

Table = tuple[Any, dict[int, Any]]


def _function(*arguments: Any) -> Any:
    return ctypes.CFUNCTYPE(ctypes.c_int, *arguments)


def suites(host: Host) -> dict[tuple[str, int], Table]:
    """Each suite by name and version: its table, and the functions that it points to."""
    message = _message_functions(host)
    return {
        ("OfxPropertySuite", 1): _table(_property_functions(host), 18),
        ("OfxImageEffectSuite", 1): _table(_effect_functions(host), 13),
        ("OfxParameterSuite", 1): _table(_parameter_functions(host), 18),
        ("OfxMessageSuite", 1): _table({0: message[0]}, 1),
        ("OfxMessageSuite", 2): _table(message, 3),
    }


def _table(functions: dict[int, Any], count: int) -> Table:
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
        if not host.check_name(found, name.decode()):
            return _UNKNOWN
        values = found.setdefault(name.decode(), [])
        if index > len(values):
            return _BAD_INDEX
        values[index : index + 1] = [value.decode() if isinstance(value, bytes) else value]
        return OK

    def take(handle: int, name: bytes, index: int, out: Any) -> int:
        found = host.thing(handle)
        if found is None:
            return _BAD_HANDLE
        if not host.check_name(found, name.decode()):
            return _UNKNOWN
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
        if found is None:
            return _BAD_HANDLE
        if not host.check_name(found, name.decode()) or len(found.get(name.decode(), ())) < count:
            return _UNKNOWN
        for index in range(count):
            out[index] = found[name.decode()][index]
        return OK

    def dimension(handle: int, name: bytes, out: Any) -> int:
        found = host.thing(handle)
        if found is None:
            return _BAD_HANDLE
        host.check_name(found, name.decode())
        out[0] = len(found.get(name.decode(), ()))
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
        out[0] = host.handle_of(host.define_clip(host.thing(handle), name.decode()))
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

    def image(handle: int, time: float, region: Any, out: Any) -> int:
        asked = (region[0], region[1], region[2], region[3]) if region else None
        found = host.image_at(host.thing(handle), time, asked)
        if found is None:
            return FAILED
        given = found.properties()
        out[0] = host.give_image(given, found)
        return OK

    def release(handle: int) -> int:
        return OK if host.take_back_image(handle) else _BAD_HANDLE

    def region(handle: int, time: float, out: Any) -> int:
        found = host.region_of(host.thing(handle), time)
        if found is None:
            return FAILED
        for place, side in enumerate(found):
            out[place] = side
        return OK

    def abort(_handle: int) -> int:
        return int(host.aborts())

    return {
        0: _function(_P, _TO_P)(properties),
        1: _function(_P, _TO_P)(params),
        2: _function(_P, _S, _TO_P)(define),
        3: _function(_P, _S, _TO_P, _TO_P)(get),
        5: _function(_P, _D, _TO_D, _TO_P)(image),
        6: _function(_P)(release),
        7: _function(_P, _D, _TO_D)(region),
        8: _function(_P)(abort),
    }


def _parameter_functions(host: Host) -> dict[int, Any]:
    def define(handle: int, kind: bytes, name: bytes, out: Any) -> int:
        found = host.define_param(host.thing(handle), kind.decode(), name.decode())
        out[0] = host.handle_of(found)
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
        host.set_by_plugin(param)
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
    """Hosts format a message's text; this one, like Natron 2.5, has no arguments for that."""

    def said(persistent: bool) -> Any:
        def say(_handle: int, kind: bytes, _id: bytes, form: bytes) -> int:
            if b"%" in form.replace(b"%%", b""):
                host.trespasses.append(f"a message that needs arguments: {form!r}")
            host.say(kind.decode(), form.replace(b"%%", b"%").decode(), persistent)
            return OK

        return _function(_P, _S, _S, _S)(say)

    def clear(_handle: int) -> int:
        host.say("clear", "", True)
        return OK

    return {0: said(False), 1: said(True), 2: _function(_P)(clear)}
