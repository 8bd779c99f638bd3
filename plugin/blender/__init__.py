"""rde-roto in Blender: keyframes from masks or images, mattes from the engine.

The engine is a separate process. The extension talks to it through `rde_roto_client`, which is in
this folder once the extension is installed.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path

_CLIENT = "rde_roto_client"


def _load_client() -> None:
    """Make `import rde_roto_client` find the copy beside this file, and only that.

    The folder itself does not go on sys.path: anybody would then find its modules as `panel` or
    `masks`. A copy that an earlier version of the extension has loaded is replaced.
    """
    spec = PathFinder.find_spec(_CLIENT, [str(Path(__file__).parent)])
    if spec is None or spec.loader is None:
        return  # run from the sources: the one on sys.path
    for name in [name for name in sys.modules if name.partition(".")[0] == _CLIENT]:
        del sys.modules[name]
    module = importlib.util.module_from_spec(spec)
    sys.modules[_CLIENT] = module
    spec.loader.exec_module(module)


_load_client()

from . import operators, panel, properties  # noqa: E402


def register() -> None:
    for module in (properties, operators, panel):
        module.register()


def unregister() -> None:
    for module in (panel, operators, properties):
        module.unregister()
