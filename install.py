#!/usr/bin/env python3
"""Set up rde-roto in .venv beside this file, then do what the verb says: `install.py --help`.

Needs Python 3.9 or newer and nothing else. Everything is installed into .venv: delete that folder
and nothing is left. Run it again at any time: it does nothing if nothing has changed, and repairs a
set-up that was interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "rde-roto-install.json"
OLDEST, NEWEST = (3, 10), (3, 14)  # the Pythons for which every pinned package has a wheel
BLENDERS = ROOT / "tests" / "hosts" / "blenders.txt"
MOST_TEST_PROCESSES = 8  # each takes about 1 GB
BLENDER_PYTHON = (3, 11)  # for which bpy 4.2 to 5.0 are made


class InstallError(Exception):
    """Ends the run: str() is the sentence for the user, `code` the exit code."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code


def say(text: str) -> None:
    print(text, flush=True)


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """Print a step, then how long it took."""
    say(f"{text} ...")
    start = time.monotonic()
    yield
    say(f"  {time.monotonic() - start:.1f} s")


# --- programs -----------------------------------------------------------------------------------


def tool(name: str, venv: Path = VENV) -> str:
    """The path of a command of .venv, or of another virtual environment."""
    return str(venv / "Scripts" / f"{name}.exe" if os.name == "nt" else venv / "bin" / name)


def run(command: list[str], hear: Callable[[str], None] | None = None) -> int:
    """Run `command` in the repository; return its exit code as a shell would.

    Its output is passed through, or line by line to `hear`. It never outlives this process: if
    this one is stopped, it gets ten seconds to end by itself.
    """
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        text=True,
        errors="replace",
        stdout=subprocess.PIPE if hear else None,
        stderr=subprocess.STDOUT if hear else None,
    )
    try:
        if hear and process.stdout:
            with process.stdout:
                for line in process.stdout:
                    hear(line.strip())
        code = process.wait()
    except BaseException:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
        raise
    return code if code >= 0 else 128 - code


def pip_install(*arguments: str, venv: Path = VENV) -> None:
    """Run pip quietly: print large downloads only, and its last lines if it fails."""
    last: deque[str] = deque(maxlen=20)

    def hear(line: str) -> None:
        last.append(f"  pip: {line}")
        if line.startswith("Downloading ") and line.endswith(" MB)"):
            say(f"  {line}")

    command = [tool("python", venv), "-m", "pip", "install", "--disable-pip-version-check"]
    code = run([*command, *arguments], hear)
    if code:
        tail = "\n".join(last)
        raise InstallError(f"pip could not install the packages; its last lines:\n{tail}", code)


# --- which Python -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Python:
    path: str
    version: tuple[int, ...]  # (major, minor, patch)
    makes_venvs: bool  # Debian and Ubuntu ship a Python without ensurepip

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.version))} ({self.path})"


PROBE = """
import importlib.util, json, sys
print(json.dumps([sys.version_info[:3], importlib.util.find_spec("ensurepip") is not None]))
"""


def probe(path: str) -> Python | None:
    """Ask an interpreter for its version; None if it does not run."""
    try:
        answer = subprocess.run(
            [path, "-c", PROBE], capture_output=True, text=True, timeout=60, check=True
        )
        version, makes_venvs = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Python(path, tuple(version), makes_venvs)


def candidates() -> Iterator[str]:
    """The interpreter that runs this file, then those on PATH, tested versions first.

    Always the base interpreter of a virtual environment, which may be the .venv to be replaced.
    """
    yield getattr(sys, "_base_executable", None) or sys.executable
    for minor in (13, 12, 11, 10, 14):
        found = shutil.which(f"python3.{minor}")
        if found:
            yield str(Path(found).resolve())


def choose_python(paths: Iterable[str]) -> Python:
    """The first interpreter fit for .venv; raises InstallError that says what to install."""
    refused: list[str] = []
    for python in filter(None, map(probe, paths)):
        if not OLDEST <= python.version[:2] <= NEWEST:
            refused.append(str(python))
        elif python.makes_venvs:
            return python
        else:
            package = f"python3.{python.version[1]}-venv"
            refused.append(
                f"{python}, which lacks ensurepip (Debian, Ubuntu: apt install {package})"
            )
    raise InstallError(
        f"rde-roto needs Python 3.{OLDEST[1]} to 3.{NEWEST[1]}, able to make virtual environments. "
        f"Found: {'; '.join(refused) or 'none'}. Install one and run the same command again."
    )


# --- .venv --------------------------------------------------------------------------------------


def read_stamp() -> dict[str, Any]:
    """The stamp of the last set-up; {} if there is none or it cannot be read."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(stamp: dict[str, Any]) -> None:
    temporary = STAMP.with_suffix(".tmp")
    temporary.write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8")
    temporary.replace(STAMP)


def finished_stamp(python: Python, extras: list[str], torch_index: str | None) -> dict[str, Any]:
    """Everything that decides the content of .venv: with an equal stamp nothing is installed."""
    files = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return {
        "place": str(VENV),  # a copied or moved .venv still points to its old place
        "python": list(python.version),
        "torch_index": torch_index,
        "extras": extras,
        "files": [hashlib.sha256(data).hexdigest() for data in files],
    }


def make_venv(python: Python, torch_index: str | None) -> None:
    """Make a new .venv. The stamp is written first: it tells our folder from someone else's."""
    VENV.mkdir(exist_ok=True)
    write_stamp({"torch_index": torch_index})
    for entry in VENV.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry != STAMP:
            entry.unlink()
    code = run([python.path, "-m", "venv", str(VENV)])
    if code:
        raise InstallError(f"{python.path} could not make {VENV}, see above.", code)


def set_up(extras: Iterable[str], torch_index: str | None) -> None:
    """Bring .venv up to date with pyproject.toml and constraints.txt, with `extras` added.

    Extras and torch index of earlier runs are kept. While packages are installed the stamp has
    the torch index only, so that an interrupted set-up is recognised and .venv is made again.
    """
    if VENV.exists() and not STAMP.exists() and any(VENV.iterdir()):
        raise InstallError(f"{VENV} was not made by install.py: move it away and run this again.")
    old = read_stamp()
    torch_index = torch_index or old.get("torch_index")
    extras = sorted({*extras, *old.get("extras", ())})
    python = probe(tool("python"))
    if python and old == finished_stamp(python, extras, torch_index):
        say(".venv is up to date")
        return

    kept = ("place", "python", "torch_index")  # if one of these changes, .venv is made again
    new = finished_stamp(python, extras, torch_index) if python else {}
    if python is None or any(key not in old or old[key] != new[key] for key in kept):
        python, old = choose_python(candidates()), {}
        with step(f"making .venv with Python {python}"):
            make_venv(python, torch_index)
    write_stamp({"torch_index": torch_index})
    try:
        install_packages(extras, torch_index)
    except InstallError:
        if old:  # pip resolves and downloads before it changes .venv: it still works
            write_stamp(old)
        raise
    write_stamp(finished_stamp(python, extras, torch_index))


def install_packages(extras: list[str], torch_index: str | None) -> None:
    if torch_index:
        pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
        torch = re.findall(r"^torch==\S+", pins, re.MULTILINE)
        with step(f"installing {torch[0]} from {torch_index}"):
            pip_install("--index-url", torch_index, *torch)
    names = f"[{','.join(extras)}]" if extras else ""
    with step(f"installing rde-roto{names} and what it needs, as pinned in constraints.txt"):
        pip_install("-c", "constraints.txt", "-e", f".{names}")


# --- Blenders for the tests ---------------------------------------------------------------------


def set_up_blenders() -> None:
    """Install the Blenders of tests/hosts/blenders.txt, each in an environment of its own.

    A Blender that cannot be installed is no failure. The note in its environment has its pin, or a
    sentence why it is missing, with which its tests are skipped.
    """
    pins = BLENDERS.read_text(encoding="utf-8")
    for pin, version in re.findall(r"^(bpy==(\d+\.\d+)\S*)", pins, re.MULTILINE):
        venv = ROOT / f".venv-bpy-{version}"
        note = venv / "rde-roto-bpy.txt"
        if note.exists():
            if note.read_text(encoding="utf-8") == pin and probe(tool("python", venv)):
                continue
            shutil.rmtree(venv)
        elif venv.exists():
            raise InstallError(f"{venv} was not made by install.py: move it away.")
        venv.mkdir()
        note.write_text("its installation was interrupted", encoding="utf-8")
        said = pin
        try:
            with step(f"making {venv.name} with {pin}"):
                set_up_blender(venv, pin)
        except InstallError as error:
            say(f"  {error}\n  the tests in this Blender are skipped")
            said = str(error).splitlines()[-1].strip()
        note.write_text(said, encoding="utf-8")


def set_up_blender(venv: Path, pin: str) -> None:
    """Make an environment with `pin`; raises InstallError if that is impossible."""
    pythons = (python for python in map(probe, candidates()) if python and python.makes_venvs)
    python = next((found for found in pythons if found.version[:2] == BLENDER_PYTHON), None)
    if python is None:
        wanted = ".".join(map(str, BLENDER_PYTHON))
        raise InstallError(f"there is no Python {wanted} that can make virtual environments")
    if run([python.path, "-m", "venv", str(venv)]):
        raise InstallError(f"{python.path} could not make {venv}")
    # fail soon without a network
    pip_install("--timeout", "30", "--retries", "1", pin, venv=venv)


# --- verbs --------------------------------------------------------------------------------------


def demo(options: argparse.Namespace) -> int:
    return run([tool("rde-roto"), "demo", "--out", "demo-out"])


def engine(options: argparse.Namespace) -> int:
    return run([tool("rde-roto"), "serve", "--forget" if options.remove else "--register"])


def hosts(options: argparse.Namespace) -> int:
    for line in host_files().status_lines():
        say(line)
    return 0


def host(options: argparse.Namespace) -> int:
    """Install or remove an adapter; after installing, register the engine for hosts."""
    files = host_files()
    try:
        if options.remove:
            lines = files.remove(options.verb, options.dry_run)
        else:
            lines = files.install(options.verb, options.link, options.dry_run)
    except files.HostError as error:
        raise InstallError(str(error)) from error
    for line in lines:
        say(line)
    if options.remove or options.dry_run:
        return 0
    return run([tool("rde-roto"), "serve", "--register"])


def host_files() -> Any:
    """The module plugin/installing.py, which is in no package."""
    sys.path.insert(0, str(ROOT / "plugin"))
    return importlib.import_module("installing")


def doctor(options: argparse.Namespace) -> int:
    return run([tool("rde-roto"), "doctor"])


def test(options: argparse.Namespace) -> int:
    """Run every check even if one fails; pytest is last, so that its summary ends the output.

    The Blenders are installed first. A test that needs a program other than a Python package looks
    for it and skips with the name of the system package; pytest lists the skips.
    """
    set_up_blenders()
    checks = {
        "ruff check": [tool("ruff"), "check", "."],
        "ruff format": [tool("ruff"), "format", "--check", "."],
        "mypy": [tool("mypy")],
        "import-linter": [tool("lint-imports")],
    }
    codes: dict[str, int] = {}
    for name, command in checks.items():
        with step(f"== {name}"):
            codes[name] = run(command)
    summary = [f"{name} {f'FAILED ({code})' if code else 'ok'}" for name, code in codes.items()]
    say(f"== {', '.join(summary)}\n== pytest")
    for command in pytest_commands(options.all, os.cpu_count() or 1):
        codes[" ".join(command)] = run(command)
    return next((code for code in codes.values() if code), 0)


def pytest_commands(slow_too: bool, cores: int) -> list[list[str]]:
    """The tests that measure time, by themselves, then all others side by side.

    Both say what took longest. Tests wait for other processes much of the time, so there is one
    process more than cores.
    """
    chosen = "" if slow_too else " and not slow"
    pytest = [tool("pytest"), "--durations=10", "--durations-min=5"]
    together = ["-n", str(min(cores + 1, MOST_TEST_PROCESSES)), "--dist", "worksteal"]
    return [
        [*pytest, "-m", f"alone{chosen}"],
        [*pytest, *together, "-m", f"not alone{chosen}"],
    ]


@dataclass(frozen=True)
class Verb:
    action: Callable[[argparse.Namespace], int]
    help: str
    extras: tuple[str, ...] = ()
    flags: dict[str, str] = field(default_factory=dict)  # flag -> its help


HOST_FLAGS = {
    "--link": "install links to these files, for development",
    "--dry-run": "print what would be done, and do nothing",
    "--remove": "remove exactly what was installed",
}

VERBS = {
    "demo": Verb(demo, "make mattes of the shot that comes with rde-roto, into demo-out/"),
    "test": Verb(
        test,
        "run ruff, mypy, import-linter and pytest",
        extras=("dev",),
        flags={"--all": "run the slow tests too"},
    ),
    "engine": Verb(
        engine,
        "register this engine, so that compositors and scripts can start it",
        flags={"--remove": "undo that"},
    ),
    "nuke": Verb(host, "install the node for Nuke", flags=HOST_FLAGS),
    "blender": Verb(host, "install the extension for Blender", flags=HOST_FLAGS),
    "openfx": Verb(host, "build the OpenFX plug-in and install it", flags=HOST_FLAGS),
    "natron": Verb(host, "same as openfx", flags=HOST_FLAGS),
    "hosts": Verb(hosts, "list the adapters, whether they are installed, and where they go"),
    "doctor": Verb(doctor, "print what rde-roto finds here: versions, devices, memory, models"),
}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Set up rde-roto in .venv beside this file, then do what VERB says.",
        epilog="The set-up is done once and kept; delete .venv to start over.",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        one = verbs.add_parser(name, help=verb.help, description=verb.help)
        one.add_argument(
            "--torch-index",
            metavar="URL",
            help="package index for another build of torch (CUDA on Windows, ROCm, CPU only); "
            "remembered until .venv is deleted",
        )
        for flag, text in verb.flags.items():
            one.add_argument(flag, action="store_true", help=text)
    return parser.parse_args(arguments)


def stop(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    options = parse()
    verb = VERBS[options.verb]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        set_up(verb.extras, options.torch_index)
        return verb.action(options)
    except SystemExit:
        say("\nstopped: run the same command again to continue.")
        raise
    except (InstallError, OSError) as error:  # OSError: disk full, no permission, a file in use
        print(f"install.py: {error}", file=sys.stderr, flush=True)
        return getattr(error, "code", 1)


if __name__ == "__main__":
    sys.exit(main())
