"""Learns a shot, and kills itself at a moment: a step of the lesson, or a file that is touched.

    python learning_moments.py DOCUMENT [N]

Says how many moments there were, where it is not killed at the Nth.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from rde_roto.training.learning.budget import Budget
from rde_roto.training.learning.learn_shot import learn_shot

_TOUCHES = ("open", "os.rename", "os.remove", "os.mkdir")


def main(document: str, last: str = "0") -> None:
    moments = 0
    folder = str(Path(document).parent)

    def moment(_: object = None) -> None:
        nonlocal moments
        moments += 1
        if moments == int(last):
            os.kill(os.getpid(), signal.SIGKILL)

    def touched(event: str, arguments: tuple[object, ...]) -> None:
        # before it is done: a file that is opened for writing is written by the next moment
        if event in _TOUCHES and str(arguments[0]).startswith(folder):
            moment()

    sys.addaudithook(touched)
    learn_shot(document, Budget(listen=moment), device="cpu")
    print(moments)


if __name__ == "__main__":
    main(*sys.argv[1:])
