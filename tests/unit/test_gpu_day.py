"""The day on a GPU: its pieces are run once each, whatever ends it, and summed up."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.gpu_day.pieces import Piece, pieces_of, run_pieces
from tools.gpu_day.table import table_of


def piece(name: str, code: str) -> Piece:
    return Piece(name, (sys.executable, "-c", code), {"RDE_ROTO_DAY": "today"})


def test_a_day_that_is_interrupted_goes_on(tmp_path: Path) -> None:
    counted = f"open({str(tmp_path / 'runs')!r}, 'a').write('x')"
    pieces = [
        piece("network-a", f"{counted}; print('words'); print('{{\"model\": \"m\"}}')"),
        piece("network-b", "raise SystemExit(3)"),
    ]
    endless = piece("endless", "import threading; threading.Event().wait()")
    first = run_pieces(pieces, tmp_path / "out", limit_s=60)
    assert [result.status for result in first] == [0, 3]
    assert [result.status for result in run_pieces([endless], tmp_path / "out", 1)] == [None]
    assert first[0].figures == [{"model": "m"}]
    assert (tmp_path / "out/network-a.log").read_text().splitlines()[0] == "words"
    mended = [pieces[0], piece("network-b", "import os; assert os.environ['RDE_ROTO_DAY']")]
    again = run_pieces(mended, tmp_path / "out", limit_s=60)
    assert [result.status for result in again] == [0, 0]
    assert again[0] == first[0]
    assert (tmp_path / "runs").read_text() == "x"


def test_a_piece_whose_command_has_changed_is_run_again(tmp_path: Path) -> None:
    (one,) = run_pieces([piece("a", "print('{\"n\": 1}')")], tmp_path, 60)
    (other,) = run_pieces([piece("a", "print('{\"n\": 2}')")], tmp_path, 60)
    assert [one.figures, other.figures] == [[{"n": 1}], [{"n": 2}]]


def test_the_table_has_every_piece_and_its_figures(tmp_path: Path) -> None:
    pieces = [
        piece("network-a", 'print(\'{"model": "m", "frame_ms": 12.3456}\')'),
        piece("tests", "raise SystemExit(1)"),
    ]
    lines = table_of(run_pieces(pieces, tmp_path, 60)).splitlines()
    assert any(line.startswith("| network-a | ok |") for line in lines)
    assert any(line.startswith("| tests | failed: 1 |") for line in lines)
    assert "| network-a | m |  |  |  |  |  | 12.35 |  |" in lines


def test_the_pieces_of_a_day_have_names_of_their_own(tmp_path: Path) -> None:
    """And the rehearsal has one of each kind."""
    day, tiny = (pieces_of("cuda", is_tiny, tmp_path) for is_tiny in (False, True))
    names = [one.name for one in day]
    assert len(set(names)) == len(names) > 20
    kinds = [{one.name.partition("-")[0] for one in pieces} for pieces in (day, tiny)]
    assert kinds[0] == kinds[1]
