"""Measure and test everything that needs a GPU, on a machine that has one for a day.

    python -m tools.gpu_day --out DIR [--device cuda] [--only tests,profile] [--minutes 9]
    python -m tools.gpu_day --out DIR --device cpu --tiny         # a rehearsal, in a few minutes

It needs rde-roto with the extras dev and train, and no network. Each piece is a process of its own
that may take nine minutes. Its result is DIR/NAME.json, with all that it printed in DIR/NAME.log,
and DIR/table.md sums up. Run the same command again to go on: what has succeeded is not repeated.
Exits with 1 if a piece failed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rde_roto.atomic import write_text

from .pieces import pieces_of, run_pieces
from .table import table_of


def main() -> int:
    """Run the pieces that are missing, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--device", default="cuda", help="as of rde-roto; default: %(default)s")
    parser.add_argument("--tiny", action="store_true", help="the least of everything")
    parser.add_argument("--only", help="names of pieces, joined by commas")
    parser.add_argument("--minutes", type=float, default=9, help="the most a piece may take")
    options = parser.parse_args()
    out = options.out.resolve()
    pieces = pieces_of(options.device, options.tiny, out)
    if options.only:
        chosen = options.only.split(",")
        unknown = set(chosen) - {piece.name for piece in pieces}
        if unknown:
            known = ", ".join(piece.name for piece in pieces)
            parser.error(f"--only {', '.join(sorted(unknown))}: expected some of {known}")
        pieces = [piece for piece in pieces if piece.name in chosen]
    results = run_pieces(pieces, out, 60 * options.minutes)
    write_text(out / "table.md", table_of(results))
    print(out / "table.md")
    return int(any(not result.succeeded for result in results))


if __name__ == "__main__":
    sys.exit(main())
