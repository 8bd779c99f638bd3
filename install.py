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
import platform
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
USER_EXTRAS = ("farm", "movie", "ui")
BUILD_TOOLS = ("hatchling", "editables")  # with which pip makes the editable install
BUNDLE = "rde-roto-bundle.json"
BLENDERS = ROOT / "tests" / "hosts" / "blenders.txt"
BLENDER_NOTE = "rde-roto-bpy.txt"
MOST_TEST_PROCESSES = 8  # each takes about 1 GB
BLENDER_PYTHON = (3, 11)  # for which bpy 4.2 to 5.0 are made


class InstallError(Exception):
    """Ends the run: str() is the sentence for the user, `code` the exit code."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code


def say(text: str) -> None:
    try:
        print(text, flush=True)
    except OSError:  # nobody reads it, or the log's disk is full: that stops no installation
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
    return str(venv / "Scripts" / f"{name}.exe" if sys.platform == "win32" else venv / "bin" / name)


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


def pip(action: str, *arguments: str, venv: Path = VENV) -> None:
    """Run pip quietly: print large downloads only, and its last lines if it fails."""
    last: deque[str] = deque(maxlen=20)

    def hear(line: str) -> None:
        last.append(f"  pip: {line}")
        if line.startswith("Downloading ") and line.endswith(" MB)"):
            say(f"  {line}")

    command = [tool("python", venv), "-m", "pip", action, "--disable-pip-version-check"]
    code = run([*command, *arguments], hear)
    if code:
        tail = "\n".join(last)
        doing = {"install": "install", "wheel": "fetch"}[action]
        raise InstallError(f"pip could not {doing} the packages; its last lines:\n{tail}", code)


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


def choose_python(paths: Iterable[str], bundle: Bundle | None = None) -> Python:
    """The first interpreter fit for .venv; raises InstallError that says what to install."""
    refused: list[str] = []
    for python in filter(None, map(probe, paths)):
        fits = OLDEST <= python.version[:2] <= NEWEST
        if not fits or (bundle is not None and not bundle.fits(python)):
            refused.append(str(python))
        elif python.makes_venvs:
            return python
        else:
            package = f"python3.{python.version[1]}-venv"
            refused.append(
                f"{python}, which lacks ensurepip (Debian, Ubuntu: apt install {package})"
            )
    wanted = f"3.{OLDEST[1]} to 3.{NEWEST[1]}" if bundle is None else bundle.python
    raise InstallError(
        f"rde-roto needs Python {wanted}, able to make virtual environments. "
        f"Found: {'; '.join(refused) or 'none'}. Install one and run the same command again."
    )


# --- bundles ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bundle:
    """A folder of packages, made by `install.py bundle` for machines without network."""

    folder: Path
    python: str  # "3.11"
    system: str  # "linux x86_64"

    @classmethod
    def read(cls, folder: Path) -> Bundle:
        """Raises InstallError if the folder holds none, or one for another system."""
        try:
            said = json.loads((folder / BUNDLE).read_text(encoding="utf-8"))
            bundle = cls(folder, str(said["python"]), str(said["system"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InstallError(
                f"{folder} holds no packages of install.py: make them with "
                "`install.py bundle DIR`, on a machine like this one that has a network",
                2,
            ) from error
        if bundle.system != this_system():
            raise InstallError(f"{folder} is for {bundle.system}, this is {this_system()}", 2)
        return bundle

    def fits(self, python: Python) -> bool:
        return self.python == ".".join(map(str, python.version[:2]))


def this_system() -> str:
    return f"{sys.platform} {platform.machine().lower()}"


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


def make_venv(python: Python, unfinished: dict[str, Any]) -> None:
    """Make a new .venv. The stamp is written first: it tells our folder from someone else's."""
    VENV.mkdir(exist_ok=True)
    write_stamp(unfinished)
    for entry in VENV.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry != STAMP:
            entry.unlink()
    code = run([python.path, "-m", "venv", str(VENV)])
    if code:
        raise InstallError(f"{python.path} could not make {VENV}, see above.", code)


def set_up(extras: Iterable[str], torch_index: str | None, bundle: Bundle | None) -> None:
    """Bring .venv up to date with pyproject.toml and constraints.txt, with `extras` added.

    Extras and torch index of earlier runs are kept. While packages are installed the stamp has
    these two only, so that an interrupted set-up is recognised and .venv is made again.
    """
    if VENV.exists() and not STAMP.exists() and any(VENV.iterdir()):
        raise InstallError(f"{VENV} was not made by install.py: move it away and run this again.")
    old = read_stamp()
    place = Path(old.get("place", VENV))
    if VENV.is_symlink() and place != VENV and place.exists():
        raise InstallError(f"{VENV} leads to {place}, another clone's: remove the link.")
    torch_index = torch_index or old.get("torch_index")
    extras = sorted({*extras, *old.get("extras", ())})
    python = probe(tool("python"))
    if python and bundle and not bundle.fits(python):
        python = None
    if python and old == finished_stamp(python, extras, torch_index):
        say(".venv is up to date")
        return

    kept = ("place", "python", "torch_index")  # if one of these changes, .venv is made again
    new = finished_stamp(python, extras, torch_index) if python else {}
    unfinished = {"torch_index": torch_index, "extras": extras}
    if python is None or any(key not in old or old[key] != new[key] for key in kept):
        python, old = choose_python(candidates(), bundle), {}
        with step(f"making .venv with Python {python}"):
            make_venv(python, unfinished)
    write_stamp(unfinished)
    try:
        install_packages(extras, torch_index, bundle)
    except InstallError:
        if old:  # pip resolves and downloads before it changes .venv: it still works
            write_stamp(old)
        raise
    write_stamp(finished_stamp(python, extras, torch_index))


def install_packages(extras: list[str], torch_index: str | None, bundle: Bundle | None) -> None:
    source = ["--no-index", "--find-links", str(bundle.folder)] if bundle else []
    if torch_index and not bundle:
        with step(f"installing {pinned_torch()} from {torch_index}"):
            pip("install", "--index-url", torch_index, pinned_torch())
    names = f"[{','.join(extras)}]" if extras else ""
    with step(f"installing rde-roto{names} and what it needs, as pinned in constraints.txt"):
        pip("install", "-c", "constraints.txt", *source, "-e", f".{names}")


def pinned_torch() -> str:
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    return str(re.findall(r"^torch==\S+", pins, re.MULTILINE)[0])


# --- Blenders for the tests ---------------------------------------------------------------------


def set_up_blenders() -> None:
    """Install the Blenders of tests/hosts/blenders.txt, each in an environment of its own.

    A Blender that cannot be installed is no failure. The note in its environment has its pin, or a
    sentence why it is missing, with which its tests are skipped.
    """
    pins = BLENDERS.read_text(encoding="utf-8")
    for pin, version in re.findall(r"^(bpy==(\d+\.\d+)\S*)", pins, re.MULTILINE):
        venv = ROOT / f".venv-bpy-{version}"
        note = venv / BLENDER_NOTE
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
    pip("install", "--timeout", "30", "--retries", "1", pin, venv=venv)


# --- verbs --------------------------------------------------------------------------------------


def demo(options: argparse.Namespace) -> int:
    return run([tool("rde-roto"), "demo", "--out", "demo-out"])


def view(options: argparse.Namespace) -> int:
    plate = [str(Path(options.plate).absolute())] if options.plate else []  # run() is elsewhere
    return run([tool("rde-roto"), "view", *plate])


def add(options: argparse.Namespace) -> int:
    say(f"rde-roto is installed with: {', '.join(read_stamp()['extras'])}")
    return 0


def bundle(options: argparse.Namespace) -> int:
    """Collect the wheels of the core and of every extra for users; also those of what pip builds.

    They are for the Python of .venv and this system alone.
    """
    folder = Path(options.folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    torch_index = read_stamp().get("torch_index")
    if torch_index:
        with step(f"fetching {pinned_torch()} from {torch_index}"):
            pip("wheel", "--wheel-dir", str(folder), "--index-url", torch_index, pinned_torch())
    with step(f"fetching every package into {folder}"):
        pins = ["-c", "constraints.txt", "--find-links", str(folder)]
        names = f".[{','.join(USER_EXTRAS)}]"
        pip("wheel", "--wheel-dir", str(folder), *pins, names, *BUILD_TOOLS)
    python = ".".join(map(str, read_stamp()["python"][:2]))
    text = json.dumps({"python": python, "system": this_system()})
    (folder / BUNDLE).write_text(text + "\n", encoding="utf-8")
    say(
        f"copy {folder} and this folder to a machine with {this_system()} and Python {python}, "
        f"then run there: python3 install.py VERB --from {folder.name}"
    )
    return 0


def remove_venv(venv: Path) -> None:
    """Remove a virtual environment, or only the link that leads to it: its folder may be shared."""
    if venv.is_symlink():
        venv.unlink()
    else:
        shutil.rmtree(venv)


def uninstall(options: argparse.Namespace) -> int:
    """Remove adapters, the registration and .venv. What the user has made or fetched stays, and
    what another clone has installed, as after an update into another folder.

    What cannot be removed is named at the end, and does not keep the rest from being removed.
    """
    files, left = host_files(), []
    for adapter in files.all_hosts():
        other = files.other_clone(adapter.key)
        if other is not None:
            say(f"{adapter.name}: kept, {other} has installed it")
            continue
        try:
            for line in changed_by(files, files.remove, adapter.key, options.dry_run):
                say(line)
        except (InstallError, OSError) as error:
            left.append(f"{adapter.name}: {error}")
    would = "would remove" if options.dry_run else "removed"
    launch_file = importlib.import_module("rde_roto_client.places").launch_file()
    if is_of_this_folder(launch_file):
        say(f"{would} {launch_file}")
        if not options.dry_run:
            if probe(tool("python")):
                run([tool("rde-roto"), "serve", "--stop"])
            launch_file.unlink()
    kept = user_folders()
    notes = {VENV: STAMP.name, **dict.fromkeys(ROOT.glob(".venv-bpy-*"), BLENDER_NOTE)}
    for venv in (venv for venv, note in notes.items() if (venv / note).exists()):
        linked = f", a link; {venv.resolve()} stays: delete it too" if venv.is_symlink() else ""
        say(f"{would} {venv}{linked}")
        if not options.dry_run:
            remove_venv(venv)
    say(
        "\n  ".join(["models, masks, presets and the cache stay; to lose them too, delete:", *kept])
    )
    if left:
        raise InstallError("\n  ".join(["this could not be removed; run it again:", *left]))
    return 0


FOLDERS = """
import platformdirs
for kind in ("data", "config", "cache"):
    print(getattr(platformdirs, f"user_{kind}_dir")("rde-roto", appauthor=False))
"""


def user_folders() -> list[str]:
    """The user's folders of models, masks, presets and the cache, by .venv as long as it works."""
    try:
        command = [tool("python"), "-c", FOLDERS]
        said = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.SubprocessError):
        return ["the folders in docs/install.md"]
    return said.stdout.splitlines()


def is_of_this_folder(launch_file: Path) -> bool:
    """Whether hosts start the engine of this .venv, rather than that of another clone."""
    try:
        command = json.loads(launch_file.read_text(encoding="utf-8"))["command"]
        return VENV in Path(command[0]).parents
    except (OSError, ValueError, LookupError, TypeError):
        return False


def engine(options: argparse.Namespace) -> int:
    return run([tool("rde-roto"), "serve", "--forget" if options.remove else "--register"])


def hosts(options: argparse.Namespace) -> int:
    for line in host_files().status_lines():
        say(line)
    return 0


def host(options: argparse.Namespace) -> int:
    """Install or remove an adapter; after installing, register the engine for hosts."""
    files = host_files()
    if options.remove:
        lines = changed_by(files, files.remove, options.verb, options.dry_run)
    else:
        lines = changed_by(files, files.install, options.verb, options.link, options.dry_run)
    for line in lines:
        say(line)
    if options.dry_run and not options.remove:
        say("would set up .venv before, if it is not up to date, and register the engine after")
    if options.remove or options.dry_run:
        return 0
    return run([tool("rde-roto"), "serve", "--register"])


def changed_by(files: Any, action: Callable[..., list[str]], *arguments: object) -> list[str]:
    """What a function of plugin/installing.py has done; raises InstallError for its errors."""
    try:
        return action(*arguments)
    except files.HostError as error:
        raise InstallError(str(error)) from error


def host_files() -> Any:
    """The module plugin/installing.py, which is in no package."""
    sys.dont_write_bytecode = True  # a dry run leaves no file at all
    sys.path[:0] = [str(ROOT / "plugin"), str(ROOT / "engine")]
    return importlib.import_module("installing")


def doctor(options: argparse.Namespace) -> int:
    return run([tool("rde-roto"), "doctor"])


def test(options: argparse.Namespace) -> int:
    """Run every check even if one fails; pytest is last, so that its summary ends the output.

    The Blenders are installed first. A test that needs a program other than a Python package looks
    for it and skips with the name of the system package; pytest lists the skips.
    """
    set_up_blenders()
    checks: dict[str, list[str]] = {
        "ruff check": [tool("ruff"), "check", "."],
        "ruff format": [tool("ruff"), "format", "--check", "."],
        "mypy": [tool("mypy")],
        "mypy, Windows": [tool("mypy"), "--platform", "win32", *OTHER_SYSTEM],
        "mypy, macOS": [tool("mypy"), "--platform", "darwin", *OTHER_SYSTEM],
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


# What our own code may use on another system, in a few seconds: without the types of packages.
# Left out is what makes sense with these alone.
OTHER_SYSTEM = [
    *("--config-file", "", "--python-version", "3.10", "--no-incremental"),
    *("--follow-imports", "skip", "--ignore-missing-imports"),
    *("--disable-error-code", "var-annotated", "--exclude", "viewer|training|images"),
    *("install.py", "plugin/installing.py", "plugin/nuke", "engine"),
]


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
    argument: str = ""  # its name; "?" at the end if it may be left out
    sets_up: bool = True


HOST_FLAGS = {
    "--link": "install links to these files, for development",
    "--dry-run": "print what would be done, and do nothing",
    "--remove": "remove exactly what was installed",
}

VERBS = {
    "demo": Verb(demo, "make mattes of the shot that comes with rde-roto, into demo-out/"),
    "view": Verb(
        view, "open the window, on PLATE or a shot document if given", ("ui",), argument="plate?"
    ),
    "movie": Verb(add, "add what reads plates from mov and mp4", ("movie",)),
    "farm": Verb(add, "add what sends shots to farms: Dask and Open Job Description", ("farm",)),
    "all": Verb(add, "add the window, movies and farms", USER_EXTRAS),
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
    "bundle": Verb(
        bundle, "collect all packages in FOLDER, for machines without network", argument="folder"
    ),
    "uninstall": Verb(
        uninstall,
        "remove adapters, the engine's registration and .venv; your masks and models stay",
        flags={"--dry-run": HOST_FLAGS["--dry-run"]},
        sets_up=False,
    ),
}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Set up rde-roto in .venv beside this file, then do what VERB says.",
        epilog="The set-up is done once and kept; delete .venv to start over.",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        one = verbs.add_parser(name, help=verb.help, description=verb.help)
        if verb.argument:
            optional = verb.argument[-1] == "?"
            name = verb.argument.rstrip("?")
            one.add_argument(name, metavar=name.upper(), nargs="?" if optional else None)
        for flag, text in verb.flags.items():
            one.add_argument(flag, action="store_true", help=text)
        if not verb.sets_up:
            continue
        one.add_argument(
            "--from",
            dest="bundle",
            metavar="FOLDER",
            type=Path,
            help="install from the packages of `install.py bundle`, without network",
        )
        one.add_argument(
            "--torch-index",
            metavar="URL",
            help="package index for another build of torch (CUDA on Windows, ROCm, CPU only); "
            "remembered until .venv is deleted",
        )
    return parser.parse_args(arguments)


def check_not_sudo(user: int, called_by: str | None, arguments: list[str]) -> None:
    """Refuse to run under sudo: .venv and the engine's registration would belong to root.

    Args:
        user: the effective user id; 0 is root.
        called_by: SUDO_USER, which sudo sets. Somebody who logged in as root has none.
        arguments: of this program, for the sentence.
    """
    if user == 0 and called_by not in (None, "", "root"):
        raise InstallError(
            "not with sudo: .venv and the engine's registration would be root's, not yours. "
            f"Run as {called_by}: python3 install.py {' '.join(arguments)}; where a file needs "
            "root, the copying alone asks for your password",
            2,
        )


def check_home() -> None:
    """Refuse to run where no home folder is known: HOME is not set, and the user id has no name."""
    try:
        Path.home()
    except RuntimeError as error:
        raise InstallError("no home folder is known: set HOME and run this again", 2) from error


def stop(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    options = parse()
    verb = VERBS[options.verb]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        if sys.platform != "win32":
            check_not_sudo(os.geteuid(), os.environ.get("SUDO_USER"), sys.argv[1:])
        check_home()
        removes = verb.action is host and options.remove  # which needs no package
        if verb.sets_up and not removes and not getattr(options, "dry_run", False):
            packages = Bundle.read(options.bundle.resolve()) if options.bundle else None
            set_up(verb.extras, options.torch_index, packages)
        return verb.action(options)
    except SystemExit:
        say("\nstopped: run the same command again to continue.")
        raise
    except (InstallError, OSError) as error:  # OSError: disk full, no permission, a file in use
        print(f"install.py: {error}", file=sys.stderr, flush=True)
        return error.code if isinstance(error, InstallError) else 1


if __name__ == "__main__":
    sys.exit(main())
