"""Installs and removes the adapters: the code behind `install.py nuke`, `openfx`, `blender` and
`hosts`. Standard library only.

`plugin/HOST/host.json` describes the adapter of a host:

    name      of the host, for messages
    files     to copy, from that folder
    build     what to compile from its *.c and copy: output, flags and libraries by system;
              {machine} in an output is what `machines` calls this one, else `uname -m`
    client    whether `rde_roto_client` is copied too
    targets   the target folder by system (linux, darwin, win32); ~ is the user's home
    versions  for a target with {version}: every version from `oldest` on that has a folder there
              gets the adapter; if none has, `usual` does
    variable  an environment variable whose first folder takes precedence over the target
    lines     lines to add to files of the host, by file

The files written are recorded with their digests in the user's configuration folder. Removing an
adapter removes exactly these, except those that were changed since.

A target of the whole machine (/usr/OFX/Plugins) may belong to root. Then sudo runs the commands
that write there, and nothing else: what is built, recorded and registered stays the user's.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import secrets
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

PLUGIN = Path(__file__).resolve().parent
CLIENT = PLUGIN.parent / "engine" / "rde_roto_client"
ALIASES = {"natron": "openfx"}
PREBUILT = "prebuilt.json"  # beside the sources
_LEFT_OUT = {"__pycache__", "host.json", "README.md"}


class HostError(Exception):
    """An adapter cannot be installed or removed: str() is one sentence."""


@dataclass(frozen=True)
class Host:
    """An adapter and its targets. Raises HostError on a system it does not support."""

    key: str
    spec: dict[str, Any]

    @classmethod
    def find(cls, name: str) -> Host:
        """The host of that name or alias. Raises HostError if there is none."""
        key = ALIASES.get(name, name)
        path = PLUGIN / key / "host.json"
        if not path.is_file():
            known = ", ".join(host.key for host in all_hosts())
            raise HostError(f"there is no adapter for {name}; there are {known}")
        return cls(key, json.loads(path.read_text(encoding="utf-8")))

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def targets(self) -> list[Path]:
        """The target folders: one, or one per version of the host."""
        variable = self.spec.get("variable")
        first = os.environ.get(variable, "").split(os.pathsep)[0] if variable else ""
        target = first or self.spec["targets"].get(sys.platform)
        if not target:
            raise HostError(f"{self.name}: it is not known where adapters go on {sys.platform}")
        path = str(Path(os.path.expandvars(target)).expanduser())
        before, place, behind = path.partition("{version}")
        if not place:
            return [Path(path)]
        oldest, usual = (_numbers(self.spec["versions"][key]) for key in ("oldest", "usual"))
        there = {_numbers(folder.name) for folder in Path(before).glob("*.*")}
        found = sorted(version for version in there if version >= oldest) or [usual]
        return [Path(f"{before}{'.'.join(map(str, version))}{behind}") for version in found]

    @property
    def output(self) -> Path | None:
        """The compiled file, relative to the adapter's folder; None if nothing is compiled."""
        outputs = self.spec.get("build", {}).get("output")
        if outputs is None:
            return None
        if sys.platform not in outputs:
            raise HostError(f"{self.name}: it is not known how to build it on {sys.platform}")
        machine = platform.machine()
        machine = self.spec["build"].get("machines", {}).get(machine, machine)
        return Path(outputs[sys.platform].replace("{machine}", machine))

    def sources(self) -> Iterator[tuple[Path, Path]]:
        """Every file to install: its source, and its path in the target."""
        folder = PLUGIN / self.key
        if self.output is not None:  # a dry run has not built it
            yield folder / self.output, self.output
        for entry in self.spec.get("files", []):
            yield from _files_of(folder / entry, Path(entry))
        if self.spec.get("client"):
            yield from _files_of(CLIENT, Path(self.spec.get("client_in", ""), CLIENT.name))


def all_hosts() -> list[Host]:
    """Every host with an adapter."""
    found = sorted(path.parent.name for path in PLUGIN.glob("*/host.json"))
    return [Host.find(key) for key in found]


def install(name: str, link: bool, dry_run: bool) -> list[str]:
    """Install an adapter, replacing an earlier one; return lines that say what was done.

    With `link` its files are links to these sources, for development. Raises HostError if a file
    in the way is not ours, and OSError.
    """
    host = Host.find(name)
    _build(host, dry_run)
    note = {**_read_note(host), "from": str(PLUGIN.parent)}
    try:
        lines = [*_put_files(host, note, link, dry_run), *_put_lines(host, note, dry_run)]
        return [*lines, *_take_stale(host, note, dry_run)]
    finally:
        if not dry_run:  # also after a failure: what was written so far is ours
            _write_note(host, note)


def remove(name: str, dry_run: bool) -> list[str]:
    """Remove exactly what `install` wrote; return lines that say what was done.

    Raises HostError for files that cannot be removed, after all others are.
    """
    host = Host.find(name)
    note = _read_note(host)
    lines, left = _take_files(host, note, list(note["files"]), dry_run)
    for text, line in note["lines"]:
        path = Path(text)
        if _has_line(path, line):
            lines.append(f"{'would take' if dry_run else 'took'} out of {path}: {line}")
            if not dry_run:
                _without_line(path, line)
    if not dry_run and not left:
        _note_file(host).unlink(missing_ok=True)
    if left:
        raise HostError("; ".join(left))
    return lines or [f"{host.name}: nothing of ours is there"]


def other_clone(name: str) -> Path | None:
    """The folder of the rde-roto that has installed an adapter, if it is another one and still
    there.
    """
    text = _read_note(Host.find(name))["from"]
    return Path(text) if text and text != str(PLUGIN.parent) and Path(text).is_dir() else None


def status_lines() -> list[str]:
    """A line per host: whether its adapter is installed, and where it goes."""
    lines = []
    for host in all_hosts():
        there = [path for path in _read_note(host)["files"] if Path(path).exists()]
        state = f"installed, files: {len(there)}" if there else "not installed"
        try:
            targets = ", ".join(map(str, host.targets))
        except HostError as error:
            targets = str(error)
        lines.append(f"{host.key:10} {host.name}: {state}; {targets}")
    return lines


def _numbers(version: str) -> tuple[int, ...]:
    """5.0 as (5, 0); () if the text is not a version."""
    return tuple(map(int, version.split("."))) if re.fullmatch(r"\d+(\.\d+)+", version) else ()


def _how_else(host: Host, path: Path, error: OSError) -> str:
    variable = host.spec.get("variable")
    own = f", or name a folder of your own in {variable}" if variable else ""
    return f"cannot write {path}: {error.strerror}; run this as somebody who may{own}"


def _put_files(host: Host, note: dict[str, Any], link: bool, dry_run: bool) -> list[str]:
    lines = []
    for target, (source, place) in product(host.targets, host.sources()):
        path = target / place
        if _is_foreign(path, note):
            raise HostError(f"{path} is not ours: move it away and run this again")
        lines.append(f"{'would write' if dry_run else 'wrote'} {path}")
        if not dry_run:
            try:
                _put(source, path, link)
            except OSError as error:
                raise HostError(_how_else(host, path, error)) from error
            note["files"][str(path)] = _digest(path)
    return lines


def _take_files(
    host: Host, note: dict[str, Any], paths: list[str], dry_run: bool
) -> tuple[list[str], list[str]]:
    """Remove some of the files that were written; lines that say so, and those for what is left."""
    lines, left = [], []
    folders: set[Path] = set()
    for text in paths:
        path = Path(text)
        if not path.exists() and not path.is_symlink():
            continue
        try:
            if _digest(path) != note["files"][text]:
                lines.append(f"kept {path}: it was changed since")
                continue
            if not dry_run:
                _unlink(path)
                folders.update(path.parents)
            lines.append(f"{'would remove' if dry_run else 'removed'} {path}")
        except OSError as error:
            left.append(_how_else(host, path, error))
        except HostError as error:
            left.append(str(error))
            break  # sudo was refused: it would ask again for each file
    if folders:
        _tidy(folders, host.targets)
    return lines, left


def _take_stale(host: Host, note: dict[str, Any], dry_run: bool) -> list[str]:
    """Remove what an earlier version put into the targets, and this one does not.

    In a bundle, other binaries are those of other systems, which may share the folder.
    """
    if host.output is not None:
        return []
    put = {str(target / place) for target, (_, place) in product(host.targets, host.sources())}
    inside = (
        text for text in note["files"] if not set(Path(text).parents).isdisjoint(host.targets)
    )
    stale = [text for text in inside if text not in put]
    lines, left = _take_files(host, note, stale, dry_run)
    if left:
        raise HostError("; ".join(left))
    if not dry_run:
        note["files"] = {text: note["files"][text] for text in note["files"] if text not in stale}
    return lines


def _put_lines(host: Host, note: dict[str, Any], dry_run: bool) -> list[str]:
    lines = []
    for file, line in host.spec.get("lines", {}).items():
        path = Path(os.path.expandvars(file)).expanduser()
        if not _has_line(path, line):
            lines.append(f"{'would add' if dry_run else 'added'} to {path}: {line}")
            if not dry_run:
                _with_line(path, line)
                note["lines"].append([str(path), line])
    return lines


def _build(host: Host, dry_run: bool) -> None:
    """Compile the adapter's C sources, if it has any and no release has, with `CC` or the system's
    compiler.
    """
    if host.output is None or dry_run or _is_prebuilt(host):
        return
    build = host.spec["build"]
    given = os.environ.get("CC", "").split()  # perhaps with arguments: python -m ziglang cc
    compiler = given or [found for name in ("cc", "gcc") if (found := shutil.which(name))][:1]
    if not compiler:
        raise HostError(
            f"{host.name} needs a C compiler: install one (Debian, Ubuntu: apt install gcc; "
            "macOS: xcode-select --install)"
        )
    folder = PLUGIN / host.key
    output = folder / host.output
    output.parent.mkdir(parents=True, exist_ok=True)
    sources = sorted(map(str, folder.glob("*.c")))
    flags = build["flags"][sys.platform]
    libraries = build.get("libraries", {}).get(sys.platform, [])
    command = [*compiler, *flags, *sources, "-o", str(output), *libraries]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise HostError(f"{' '.join(compiler)} could not build {host.name}:\n{done.stderr.strip()}")


def _is_prebuilt(host: Host) -> bool:
    """Whether the output is a release's, made from these very sources (tools/cross_build.py)."""
    folder, output = PLUGIN / host.key, host.output
    if output is None or not (folder / output).is_file():
        return False
    return read_prebuilt(folder).get(output.as_posix()) == sources_digest(folder)


def read_prebuilt(folder: Path) -> dict[str, str]:
    """What a release has compiled in an adapter's folder: the digest of its sources, by output."""
    try:
        return dict(json.loads((folder / PREBUILT).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def sources_digest(folder: Path) -> str:
    """The digest of an adapter's C sources."""
    found = hashlib.sha256()
    for path in sorted([*folder.glob("*.c"), *folder.glob("*.h")]):
        found.update(f"{path.name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return found.hexdigest()


def _files_of(path: Path, place: Path) -> Iterator[tuple[Path, Path]]:
    if path.is_file():
        yield path, place
        return
    if not path.is_dir():
        raise HostError(f"{path} is missing")
    for inner in sorted(path.iterdir()):
        if inner.name not in _LEFT_OUT and not inner.name.endswith(".pyc"):
            yield from _files_of(inner, place / inner.name)


def _put(source: Path, path: Path, link: bool) -> None:
    """Put a file in its place at once, with sudo where this user may not write."""
    temporary = _beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if link:
            temporary.symlink_to(source)
        else:
            shutil.copyfile(source, temporary)
        temporary.replace(path)
    except PermissionError:
        copy = ["ln", "-s"] if link else ["install", "-m", "0644"]
        _as_root("mkdir", "-p", str(path.parent))
        _as_root(*copy, str(source), str(temporary))
        _as_root("mv", "-f", str(temporary), str(path))


def _unlink(path: Path) -> None:
    try:
        path.unlink()
    except PermissionError:
        _as_root("rm", "-f", str(path))


def _as_root(*command: str) -> None:
    """Run a command of the system as root; sudo asks on the terminal for the user's password.

    Call it where a PermissionError is handled: that is raised again if there is no sudo, and for
    what is in the user's home, where nothing of root's belongs. Raises HostError if the command
    fails.
    """
    is_user = hasattr(os, "geteuid") and os.geteuid() != 0
    sudo = shutil.which("sudo") if is_user else None
    if sudo is None or Path.home() in Path(command[-1]).parents:
        raise
    prompt = f"password of %p, to write {command[-1]}: "
    if subprocess.run([sudo, "-p", prompt, "--", *command]).returncode:
        raise HostError(f"sudo could not run {shlex.join(command)}, see above")


def _is_foreign(path: Path, note: dict[str, Any]) -> bool:
    """Whether a file exists that we did not write, or that was changed since."""
    there = path.exists() or path.is_symlink()
    return there and note["files"].get(str(path)) != _digest(path)


def _digest(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _lines(path: Path) -> list[bytes]:
    """The lines of a person's file with their ends, whatever its encoding and line ends."""
    return path.read_bytes().splitlines(keepends=True) if path.is_file() else []


def _has_line(path: Path, line: str) -> bool:
    return line.encode() in [there.rstrip(b"\r\n") for there in _lines(path)]


def _with_line(path: Path, line: str) -> None:
    lines = _lines(path)
    end = b"\r\n" if any(there.endswith(b"\r\n") for there in lines) else b"\n"
    if lines and not lines[-1].endswith((b"\r", b"\n")):
        lines[-1] += end
    _rewrite(path, b"".join(lines) + line.encode() + end)


def _without_line(path: Path, line: str) -> None:
    kept = [there for there in _lines(path) if there.rstrip(b"\r\n") != line.encode()]
    if kept or path.is_symlink():  # the file a link leads to is not ours to delete
        _rewrite(path, b"".join(kept))
    else:
        path.unlink()


def _rewrite(path: Path, data: bytes) -> None:
    """Write a file atomically; a link stays a link, and permissions stay."""
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(target)
    temporary.write_bytes(data)
    if target.exists():
        shutil.copymode(target, temporary)
    temporary.replace(target)


def _beside(path: Path) -> Path:
    """An unused hidden name in the folder of a path."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def _tidy(folders: set[Path], targets: list[Path]) -> None:
    """Remove folders that are now empty, up to the targets themselves."""
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        if not {folder, *folder.parents}.isdisjoint(targets):
            _without_compiled(folder)
            if folder.is_dir() and not any(folder.iterdir()):
                try:
                    folder.rmdir()
                except PermissionError:
                    _as_root("rmdir", str(folder))


def _without_compiled(folder: Path) -> None:
    """Remove bytecode of modules that are gone."""
    compiled = folder / "__pycache__"
    for path in list(compiled.glob("*.pyc")):
        module = path.name.partition(".")[0]
        if not (folder / f"{module}.py").exists():
            path.unlink()
    if compiled.is_dir() and not any(compiled.iterdir()):
        compiled.rmdir()


def _note_file(host: Host) -> Path:
    variable = "APPDATA" if sys.platform == "win32" else "XDG_CONFIG_HOME"
    folder = os.environ.get(variable) or Path.home() / ".config"
    return Path(folder) / "rde-roto" / "hosts" / f"{host.key}.json"


def _read_note(host: Host) -> dict[str, Any]:
    try:
        note = json.loads(_note_file(host).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        note = {}
    return {"files": {}, "lines": [], "from": "", **(note if isinstance(note, dict) else {})}


def _write_note(host: Host, note: dict[str, Any]) -> None:
    _rewrite(_note_file(host), json.dumps(note, indent=1).encode() + b"\n")
