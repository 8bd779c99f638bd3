"""``rde-roto cache``: show, prune and verify the cache of memory states and raw mattes."""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone
from typing import Annotated

import typer

from rde_roto.doors.console import print_line
from rde_roto.doors.options import JsonOption
from rde_roto.images.plates.plate_memo import MEMO_FILE
from rde_roto.stores import CacheFolder
from rde_roto.stores.layout import bytes_of
from rde_roto.values.cache_settings import CacheSettings
from rde_roto.values.errors import OutputError, UsageError
from rde_roto.values.plain_text import counted

app = typer.Typer(
    no_args_is_help=True,
    help="Manage the cache of memory states and raw mattes: info, prune, verify.",
)


@app.command()
def info(
    as_json: JsonOption = False,
) -> None:
    """Show the cache's folder, size, budget and last use."""
    settings, folder = _opened()
    scan = folder.scan()
    used_ns = [entry.used_ns for entry in scan.entries]
    oldest, newest = (_time(min(used_ns)), _time(max(used_ns))) if used_ns else (None, None)
    snapshots = sum(len(span.snapshots) for span in scan.spans.values())
    facts = {
        "folder": str(settings.folder),
        "budget_bytes": settings.disk_bytes,
        "ram_budget_bytes": settings.ram_bytes,
        "bytes": scan.bytes,
        "states_bytes": bytes_of(scan.states),
        "spans": len(scan.spans),
        "snapshots": snapshots,
        "raw_mattes_bytes": bytes_of(scan.raws),
        "raw_mattes": len(scan.raws),
        "pushed_frames_bytes": bytes_of(scan.pushed),
        "pushed_frames": len(scan.pushed),
        "plate_memo_bytes": _memo_bytes(settings),
        "oldest_use": oldest,
        "newest_use": newest,
    }
    if as_json:
        print_line(json.dumps(facts))
        return
    print_line(f"folder        {settings.folder}")
    print_line(f"on disk       {_size(scan.bytes)} of {_size(settings.disk_bytes)}")
    states = f"{counted(snapshots, 'snapshot')} of {counted(len(scan.spans), 'span')}"
    print_line(f"  states      {_size(bytes_of(scan.states))}: {states}")
    print_line(f"  raw mattes  {_size(bytes_of(scan.raws))}: {len(scan.raws)}")
    pushed = counted(len(scan.pushed), "plate frame")
    print_line(f"  pushed      {_size(bytes_of(scan.pushed))}: {pushed}")
    print_line(f"plate memo    {_size(_memo_bytes(settings))}")
    print_line(f"in memory     up to {_size(settings.ram_bytes)}")
    print_line(f"used          {f'{oldest} to {newest}' if used_ns else 'never'}")


@app.command()
def prune(
    to: Annotated[
        float | None,
        typer.Option(
            metavar="GB", help="Prune to this size in gigabytes (default: the cache's budget)."
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Remove everything.")] = False,
) -> None:
    """Remove the least recently used entries, and what killed processes left behind."""
    settings, folder = _opened()
    if to is not None and (all_ or not 0 <= to < math.inf):
        raise UsageError("--to takes a number of gigabytes, 0 or more, and goes without --all")
    target_bytes = settings.disk_bytes if to is None else round(to * 1e9)
    pruned = folder.prune(0 if all_ else target_bytes)
    files, freed_bytes, refused = len(pruned.removed), bytes_of(pruned.removed), pruned.refused
    if all_ and (memo_bytes := _memo_bytes(settings)):
        if folder.discard(MEMO_FILE):
            files, freed_bytes = files + 1, freed_bytes + memo_bytes
        else:
            refused += 1
    freed = f"freed {_size(freed_bytes)} ({counted(files, 'file')}) in {settings.folder}"
    print_line(f"{freed}; {_size(folder.scan().bytes)} kept")
    if refused:
        raise OutputError(
            f"{counted(refused, 'file')} in {settings.folder} could not be removed: see whose they "
            "are and whether you may write there"
        )


@app.command()
def verify() -> None:
    """Read every entry and remove damaged ones; they are computed again when needed."""
    settings, folder = _opened()
    checked, damaged = folder.verify()
    for name in damaged:
        print_line(f"damaged, removed: {name}")
    print_line(f"{counted(checked, 'file')} in {settings.folder}: {len(damaged)} damaged")


def _opened() -> tuple[CacheSettings, CacheFolder]:
    settings = CacheSettings.from_environment()
    return settings, CacheFolder(settings.folder, settings.disk_bytes)


def _memo_bytes(settings: CacheSettings) -> int:
    memo = settings.folder / MEMO_FILE
    return memo.stat().st_size if memo.is_file() else 0


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def _time(used_ns: int) -> str:
    """Format as local time with its offset from UTC, to the second."""
    used = datetime.fromtimestamp(used_ns // 10**9, tz=timezone.utc)
    return used.astimezone().isoformat()
