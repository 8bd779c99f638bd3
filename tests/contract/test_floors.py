"""Who may import whom, where import-linter does not look: the adapters are no package.

An adapter in plugin/HOST runs inside its host, so it imports its host, rde_roto_client and the
standard library, nothing else; the engine in turn imports no host. Both are read from the source,
without running it: the hosts are not here.
"""

from __future__ import annotations

import ast
import re
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# What a host's own Python brings along, by the name of its folder below plugin/.
HOSTS = {
    "nuke": {"nuke", "nukescripts", "PySide2", "PySide6"},
    "blender": {"bpy", "bmesh", "gpu", "mathutils", "numpy"},
    "natron": {"NatronEngine", "NatronGui"},
    "houdini": {"hou"},
    "openfx": set[str](),
}
HOST_MODULES = {"nuke", "nukescripts", "bpy", "NatronEngine", "NatronGui", "hou"}


def imported(source: str) -> set[str]:
    """The top-level names that Python source imports anywhere, in functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names


def imports_below(folder: Path) -> list[tuple[str, str]]:
    """(file, imported name) for every import of the Python files below `folder`."""
    return [
        (path.relative_to(folder).as_posix(), name)
        for path in sorted(folder.rglob("*.py"))
        for name in sorted(imported(path.read_text(encoding="utf-8")))
    ]


def engine_trespasses(engine: Path) -> list[str]:
    return [f"{path}: {name}" for path, name in imports_below(engine) if name in HOST_MODULES]


def adapter_trespasses(plugin: Path) -> list[str]:
    """The trespasses of every adapter below `plugin`; a host that is not listed here is one too."""
    found: list[str] = []
    for folder in sorted(path for path in plugin.iterdir() if path.is_dir()):
        if folder.name not in HOSTS:
            found.append(f"{folder.name}: say in HOSTS what this host brings along")
            continue
        own = {path.stem if path.is_file() else path.name for path in folder.rglob("*")}
        allowed = own | HOSTS[folder.name] | sys.stdlib_module_names | {"rde_roto_client"}
        found += [
            f"{folder.name}/{path}: {name}"
            for path, name in imports_below(folder)
            if name not in allowed
        ]
    return found


def test_adapters_import_their_host_and_the_client_alone() -> None:
    plugin = ROOT / "plugin"
    for host in ("nuke/rde_roto_nuke", "blender"):  # they are read
        assert "rde_roto_client" in {name for _, name in imports_below(plugin / host)}
    assert adapter_trespasses(plugin) == []


def test_an_adapter_that_trespasses_is_found(tmp_path: Path) -> None:
    nuke = tmp_path / "nuke"
    nuke.mkdir()
    (tmp_path / "maya").mkdir()
    (nuke / "menu.py").write_text("import nuke, rde_roto_client.wire, json, panel\n")
    (nuke / "panel.py").write_text(
        "from . import menu\ndef show():\n    import numpy\n    from bpy.types import Image\n"
        "    from rde_roto.values import frames\n"
    )
    assert adapter_trespasses(tmp_path) == [
        "maya: say in HOSTS what this host brings along",
        "nuke/panel.py: bpy",
        "nuke/panel.py: numpy",
        "nuke/panel.py: rde_roto",
    ]


def test_the_client_imports_the_standard_library_alone() -> None:
    found = imports_below(ROOT / "engine" / "rde_roto_client")
    assert {"wire.py", "client.py", "places.py"} <= {path for path, _ in found}
    allowed = sys.stdlib_module_names | {"rde_roto_client"}
    assert [(path, name) for path, name in found if name not in allowed] == []


def test_the_engine_imports_no_host() -> None:
    engine = ROOT / "engine" / "rde_roto"
    assert ("values/matte.py", "numpy") in imports_below(engine)  # it does read the engine
    assert engine_trespasses(engine) == []


def test_an_engine_module_that_imports_a_host_is_found(tmp_path: Path) -> None:
    (tmp_path / "door.py").write_text("def show():\n    import nuke\n")
    assert engine_trespasses(tmp_path) == ["door.py: nuke"]


def texts_with_options(source: str) -> list[str]:
    """The texts of Python source that name an option, other than in a whole command, or alone, as
    words of one."""
    found, tree = [], ast.parse(source)
    explained = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in explained or not isinstance(node, ast.Constant):
            continue
        if isinstance(node.value, str) and " " in node.value:
            without_commands = re.sub(r"rde-roto( [\w…]+)+ --", "", node.value)
            if re.search(r"(^|[\s(])--[a-z]", without_commands):
                found.append(node.value)
    return found


def test_only_the_command_line_words_options() -> None:
    """A sentence from below may reach the window, a panel, a hot folder or a script, where there
    are none: errors name keys instead (`RotoError.keys`)."""
    engine = ROOT / "engine" / "rde_roto"
    assert texts_with_options((engine / "doors/console.py").read_text(encoding="utf-8"))
    named = {
        path.relative_to(engine).as_posix(): texts
        for path in engine.rglob("*.py")
        if path.relative_to(engine).parts[0] not in ("training", "evaluation")
        if path.parent.name not in ("doors", "commands", "farm", "report")
        if (texts := texts_with_options(path.read_text(encoding="utf-8")))
    }
    assert named.keys() == {"documents/library.py", "model/weights.py"}  # of commands alone


def c_includes(folder: Path) -> dict[str, set[str]]:
    """Which modules (a .c and its .h are one) each C module of a folder includes."""
    graph: dict[str, set[str]] = {}
    for path in sorted(folder.glob("*.[ch]")):
        included = re.findall(r'^#include "(\w+)\.h"', path.read_text(encoding="utf-8"), re.M)
        graph.setdefault(path.stem, set()).update(name for name in included if name != path.stem)
    return graph


def test_the_c_modules_include_each_other_in_one_direction() -> None:
    graph = c_includes(ROOT / "plugin" / "openfx")
    assert {"source", "host", "trouble"} <= graph.keys()
    assert "host" in graph["source"]
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_a_circle_of_c_modules_is_found(tmp_path: Path) -> None:
    (tmp_path / "host.c").write_text('#include "host.h"\n#include "source.h"\n')
    (tmp_path / "source.h").write_text('#include "host.h"\n')
    with pytest.raises(CycleError):
        TopologicalSorter(c_includes(tmp_path)).prepare()
