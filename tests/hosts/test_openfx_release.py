"""The archive of a release: its bytes, and the plug-in installed from it without a compiler.

Cross-compiling takes minutes and a compiler of its own, so the binary for this machine is gcc's
here, and those of other systems have nothing but headers.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from fake_engine import FakeEngine
from ofx_host import GENERAL, OK, Host, instance
from openfx_plugin import SHOT, empty
from other_binaries import ARM64, X86_64, elf, mach_o, pe
from tools import cross_build, release

pytest_plugins = ("openfx_fixtures",)

ROOT = Path(__file__).parents[2]
FOLDERS = {"x86_64": "Linux-x86-64", "aarch64": "Linux-aarch64"}
INSTALL = "import installing; print(installing.install('openfx', False, False))"

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the plug-in is built on Linux"),
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed"),
    pytest.mark.skipif(platform.machine() not in FOLDERS, reason="releases have no such machine"),
]


def git(root: Path, *arguments: str) -> None:
    author = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", *author, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def checkout(binary: Path, tmp_path: Path) -> Path:
    """A commit of what the plug-in is installed from, and all that a release compiles."""
    root, binaries = tmp_path / "checkout", "rde_roto.ofx.bundle/Contents"
    leave_out = shutil.ignore_patterns("Linux-*", "MacOS", "Win64", "prebuilt.json")
    shutil.copytree(ROOT / "plugin/openfx", root / "plugin/openfx", ignore=leave_out)
    shutil.copy(ROOT / "plugin/installing.py", root / "plugin")
    (root / "run").write_text("#!/bin/sh\n")
    (root / "run").chmod(0o755)
    (root / ".gitignore").write_text("**/*.ofx.bundle/Contents/*/\nprebuilt.json\n")
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "all")
    others = {
        "Linux-x86-64": elf(62),
        "Linux-aarch64": elf(183),
        "MacOS": cross_build.universal([mach_o(ARM64, 99), mach_o(X86_64, 99)]),
        "Win64": pe(0x8664),
    }
    others[FOLDERS[platform.machine()]] = binary.read_bytes()
    note = {}
    for folder, data in others.items():
        place = root / "plugin/openfx" / binaries / folder / "rde_roto.ofx"
        place.parent.mkdir()
        place.write_bytes(data)
        note[f"{binaries}/{folder}/rde_roto.ofx"] = digest_of(root)
    (root / "plugin/openfx/prebuilt.json").write_text(json.dumps(note))
    return root


def digest_of(root: Path) -> str:
    return str(cross_build.installing().sources_digest(root / "plugin/openfx"))


def packed(root: Path, out: Path) -> Path:
    release.pack(root, [*release.committed(root), *release.compiled(root)], out)
    return out


def test_from_an_archive_it_is_installed_without_a_compiler(
    checkout: Path, engine: FakeEngine, tmp_path: Path
) -> None:
    archive = packed(checkout, tmp_path / "rde-roto-1.2.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(tmp_path / "unpacked")
    plugin = tmp_path / "unpacked/rde-roto-1.2/plugin"
    own = {"HOME": str(tmp_path), "PATH": "", "CC": "/no/compiler"}
    own["OFX_PLUGIN_PATH"] = str(tmp_path / "ofx")
    done = subprocess.run([sys.executable, "-c", INSTALL], cwd=plugin, env=own, text=True)
    assert done.returncode == 0
    bundle = tmp_path / "ofx/rde_roto.ofx.bundle/Contents"
    assert {path.name for path in bundle.iterdir()} == {"Info.plist", FOLDERS[platform.machine()]}
    host = Host(bundle / FOLDERS[platform.machine()] / "rde_roto.ofx")
    assert host.load() == OK
    with instance(host, GENERAL, SHOT) as effect:
        assert host.render(effect, 1001, empty()) == OK, host.messages


def test_it_has_the_same_bytes_twice(checkout: Path, tmp_path: Path) -> None:
    one = packed(checkout, tmp_path / "one" / "rde-roto-1.2.tar.gz")
    for path in checkout.rglob("*.c"):
        os.utime(path, (1, 1))
    other = packed(checkout, tmp_path / "other" / "rde-roto-1.2.tar.gz")
    assert one.read_bytes() == other.read_bytes()
    digest = hashlib.sha256(one.read_bytes()).hexdigest()
    said = one.with_name("rde-roto-1.2.tar.gz.sha256").read_text()
    assert said == f"{digest}  rde-roto-1.2.tar.gz\n"
    with tarfile.open(one) as file:
        entries = {entry.name: entry for entry in file}
    assert len(entries) == len(list(filter(Path.is_file, checkout.rglob("plugin/**/*")))) + 2
    assert {entry.mode for name, entry in entries.items() if name.endswith("/run")} == {0o755}
    assert {(entry.uid, entry.uname) for entry in entries.values()} == {(0, "")}


def test_what_is_not_committed_is_refused(checkout: Path) -> None:
    with (checkout / "plugin/openfx/host.c").open("a") as file:
        file.write("/* more */\n")
    with pytest.raises(cross_build.BuildError, match=r"commit these first.*\n.*host\.c"):
        release.committed(checkout)
    with pytest.raises(cross_build.BuildError, match="not compiled from these sources"):
        release.compiled(checkout)


def test_a_binary_that_is_missing_or_wrong_is_refused(checkout: Path) -> None:
    place = checkout / release.CONTENTS / "Win64/rde_roto.ofx"
    place.write_bytes(elf(62))
    with pytest.raises(cross_build.BuildError, match="not for"):
        release.compiled(checkout)
    place.unlink()
    with pytest.raises(cross_build.BuildError, match=r"Win64.*tools\.cross_build"):
        release.compiled(checkout)


def test_the_version_is_that_of_the_engine() -> None:
    code = "import rde_roto; print(rde_roto.__version__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert release.version_of(ROOT) == done.stdout.strip()
