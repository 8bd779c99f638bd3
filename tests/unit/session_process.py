"""A session in a process of its own that paints stroke after stroke, and is killed in between."""

from __future__ import annotations

import sys

from session_bench import working_on


def main(document: str) -> None:
    with working_on(document) as bench:
        for number in range(1000):
            x = 4.0 + number % 70
            bench.stroke((x, 10.0), (x, 30.0))
            bench.session.editor.wait_until_saved()
            print(f"stroke {number}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
