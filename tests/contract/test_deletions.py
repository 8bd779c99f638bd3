"""Every place where a file is removed, renamed or replaced, and why nothing of a person's goes.

A new one fails this test until its reason stands here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("engine", "plugin", "tools", "install.py")

_ALWAYS = {"unlink", "rmdir", "rmtree", "removedirs", "copyfile", "copytree", "copy2"}
_WITH_ONE_ARGUMENT = {"rename", "replace"}
"""Of a path; with two they are methods of texts, or of our own."""

REASONS: dict[str, dict[str, str]] = {
    "engine/rde_roto/atomic.py": {
        "_renamed replace": "the file that somebody asked to have written",
        "_renamed unlink": "a hidden name of this very write, never had before",
        "clear_leftovers unlink": (
            "a hidden name that only this module gives, of a file that this run writes, of a "
            "process that is dead"
        ),
    },
    "engine/rde_roto/doors/commands/presets.py": {
        "new unlink": "the file that this very command has written, where none was before",
    },
    "engine/rde_roto/doors/commands/serve.py": {
        "serve unlink": "what --register wrote, because --forget asks",
    },
    "engine/rde_roto/doors/server/endpoint.py": {
        "forget_ended unlink": "the endpoint file of an engine that does not run, under the lock",
        "_bound unlink": "the socket of an engine that was killed, under the lock",
        "listen unlink": ("the engine's own socket and its place, in its own folder, under a lock"),
    },
    "engine/rde_roto/doors/watchfolder/hot_folder.py": {
        "_give_unique_name rename": "a job back to the worker's own hidden name",
        "_try_rename rename": "a job's folder, to a name that nobody has",
        "claim rename": "what was dropped, into a new folder of the worker's own",
        "claim unlink": "reason.txt of a job's folder",
        "finish unlink": "owner.json of a job's folder",
    },
    "engine/rde_roto/doors/watchfolder/job_folder.py": {
        "remove_empty rmdir": "folders that are empty",
        "remove_leftovers unlink": (
            "hidden names that only `write_atomically` gives, of a job of this worker or of none"
        ),
        "remove_status_files unlink": (
            "the five files in which workers tell of a job, in the folder of one that was taken "
            "away or is cleared"
        ),
        "write_atomically replace": (
            "a file in which this worker tells of its job; a link of that name is not followed"
        ),
        "write_atomically unlink": "its own hidden name",
    },
    "engine/rde_roto/doors/watchfolder/job_run.py": {
        "_deliver rmdir": "the folder that it made for the mattes, empty, as they go to another",
    },
    "engine/rde_roto/doors/watchfolder/retention.py": {
        "_remove unlink": (
            "the document of a job that is done, with nothing beside it, because --keep-days asks"
        ),
        "clear rename": "the same job's folder, to a hidden name",
        "clear unlink": "the digest of a job that is gone, because --keep-days asks",
    },
    "engine/rde_roto/images/plates/plate_memo.py": {
        "_or_none unlink": "the cache's memo, when it is damaged",
    },
    "engine/rde_roto/output_claims.py": {
        "_remove unlink": "this run's claim, or that of a run that lives no more, under its lock",
    },
    "engine/rde_roto/stores/folder.py": {
        "_prune rmdir": "folders of the cache that are empty",
        "discard unlink": "entries of the cache, by the names it gives",
    },
    "engine/rde_roto/training/start.py": {
        "begin unlink": "hidden names that only `atomic` gives, of an earlier process of this run",
    },
    "engine/rde_roto_client/jobfile.py": {
        "drop replace": "an empty file that this call has just made",
        "drop unlink": "its own hidden name",
    },
    "engine/rde_roto_client/wire.py": {
        "_in_memory unlink": "a file without a name that mkstemp made",
    },
    "install.py": {
        "remove_venv rmtree": "environments with the stamp or note of install.py, as asked for",
        "remove_venv unlink": "a link to such an environment, whose folder stays",
        "uninstall unlink": "the registration of an engine in this .venv, as asked for",
        "make_venv rmtree": "what lies in .venv, if it bears the stamp of install.py",
        "make_venv unlink": "what lies in .venv, if it bears the stamp of install.py",
        "set_up_blenders rmtree": "an environment that bears the note of install.py",
        "write_stamp replace": "the stamp in .venv",
    },
    "plugin/installing.py": {
        "_put copyfile": "into a new hidden name",
        "_put replace": "a file that is not there, or that we put there",
        "_rewrite replace": "a host's start file, with all its lines; or our note",
        "_tidy rmdir": "folders that are empty",
        "_without_compiled rmdir": "a folder that is empty",
        "_without_compiled unlink": "what Python compiled of modules that are gone",
        "_without_line unlink": "a start file in which nothing but our line stood",
        "_unlink unlink": "files that we put there and nobody changed",
        "remove unlink": "our note",
    },
    "plugin/nuke/rde_roto_nuke/masks.py": {
        "keep copyfile": "into a file that mkstemp made",
        "keep replace": "a mask of this name, which says its bytes",
        "keep unlink": "a file that mkstemp made",
    },
    "tools/blender/render.py": {
        "rewrite replace": "a picture that was not there",
        "rewrite unlink": "the render from which it was made a moment ago",
    },
}


def sources() -> Iterator[Path]:
    for name in FOLDERS:
        place = ROOT / name
        yield from [place] if place.is_file() else sorted(place.rglob("*.py"))


def deletions(path: Path) -> Iterator[str]:
    """`function call`, of each call in a file."""

    def visit(node: ast.AST, function: str) -> Iterator[str]:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            function = node.name
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name, owner = node.func.attr, node.func.value
            is_os = isinstance(owner, ast.Name) and owner.id in ("os", "shutil")
            found = name in _ALWAYS or (is_os and name in ("remove", "move", "rename", "replace"))
            is_alone = len(node.args) == 1 and not node.keywords
            if found or (name in _WITH_ONE_ARGUMENT and is_alone):
                yield f"{function} {name}"
        for child in ast.iter_child_nodes(node):
            yield from visit(child, function)

    return visit(ast.parse(path.read_text(encoding="utf-8")), "")


def test_every_deletion_has_its_reason() -> None:
    found = {str(path.relative_to(ROOT)): sorted({*deletions(path)}) for path in sources()}
    expected = {name: sorted(reasons) for name, reasons in REASONS.items()}
    assert {name: calls for name, calls in found.items() if calls} == expected
