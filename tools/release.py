"""Make the archive of a release: this commit, with the OpenFX plug-in compiled for every system.

`python -m tools.release`, after `pip install ziglang` (see tools/cross_build.py), writes
`dist/rde-roto-VERSION.tar.gz` and its SHA-256 beside it. Unpacked, `install.py openfx` needs no
compiler on any of the systems. The same commit makes the same bytes, with the same Python and
compiler.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import re
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.cross_build import ROOT, TARGETS, BuildError, Target, build_all, inspect, installing

OPENFX = Path("plugin", "openfx")
CONTENTS = OPENFX / "rde_roto.ofx.bundle" / "Contents"


@dataclass(frozen=True)
class Packed:
    """A file of the archive: its path below the root, and whether it can be run."""

    path: Path
    is_program: bool = False


def committed(root: Path) -> list[Packed]:
    """The files of the commit. Raises BuildError where the checkout differs from it."""
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    if changed:
        raise BuildError(f"commit these first, or undo them:\n{changed.rstrip()}")
    entries = _git(root, "ls-files", "--stage", "-z").split("\0")
    modes_and_paths = (entry.split("\t", 1) for entry in entries if entry)
    return [Packed(Path(path), mode.startswith("100755")) for mode, path in modes_and_paths]


def compiled(root: Path, targets: Sequence[Target] = TARGETS) -> list[Packed]:
    """The plug-in's binaries, and the note by which install.py takes them for good. Raises
    BuildError if one is missing, is made from other sources, or is not what it has to be.
    """
    files, folder = installing(), root / OPENFX
    note, digest = files.read_prebuilt(folder), files.sources_digest(folder)
    found = [Packed(OPENFX / files.PREBUILT)]
    for target in targets:
        path = CONTENTS / target.folder / "rde_roto.ofx"
        if note.get(path.relative_to(OPENFX).as_posix()) != digest or not (root / path).is_file():
            raise BuildError(f"{path} is not compiled from these sources: run tools.cross_build")
        inspect(target, root / path)
        found.append(Packed(path))
    return found


def pack(root: Path, files: Sequence[Packed], out: Path) -> str:
    """Write the archive and its SHA-256 beside it, which is returned.

    Its names begin with that of the archive. Times are the commit's, owners are nobody's.
    """
    seconds = int(_git(root, "show", "--no-patch", "--format=%ct", "HEAD"))
    top = out.name.removesuffix(".tar.gz")
    unpacked = io.BytesIO()
    with tarfile.open(fileobj=unpacked, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in sorted(files, key=lambda file: file.path.as_posix()):
            data = (root / file.path).read_bytes()
            entry = tarfile.TarInfo(f"{top}/{file.path.as_posix()}")
            entry.size, entry.mtime = len(data), seconds
            entry.mode = 0o755 if file.is_program else 0o644
            archive.addfile(entry, io.BytesIO(data))
    whole = gzip.compress(unpacked.getvalue(), mtime=seconds)
    digest = hashlib.sha256(whole).hexdigest()
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(whole)
    out.with_name(f"{out.name}.sha256").write_text(f"{digest}  {out.name}\n", encoding="ascii")
    return digest


def version_of(root: Path) -> str:
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    return str(re.findall(r'^version = "(.+)"$', text, re.MULTILINE)[0])


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, encoding="utf-8"
    )
    if done.returncode:
        raise BuildError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", metavar="FOLDER", type=Path, default=ROOT / "dist")
    folder = parser.parse_args().out
    files = committed(ROOT)
    build_all()
    out = folder / f"rde-roto-{version_of(ROOT)}.tar.gz"
    digest = pack(ROOT, [*files, *compiled(ROOT)], out)
    print(f"{out}: {out.stat().st_size} bytes, sha256 {digest}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BuildError, OSError) as error:
        sys.exit(f"release: {error}")
