"""The licence of weights, said to whom they are new."""

from __future__ import annotations

from contextlib import suppress

import platformdirs

from rde_roto.doors.console import say_aside
from rde_roto.model.weights import Model, licence_line


def say_licence_once(model: Model) -> None:
    """The model's licence on standard error, the first time that this user runs these weights.

    An empty file in the user's state folder, named by the weights' sha256, remembers it. Where that
    cannot be written nothing is lost: it is said the next time too.
    """
    said = platformdirs.user_state_path("rde-roto", appauthor=False) / "licences" / model.sha256
    with suppress(OSError):
        said.parent.mkdir(parents=True, exist_ok=True)
    try:
        said.touch(exist_ok=False)
    except FileExistsError:
        return
    except OSError:
        pass
    say_aside(f"weights {licence_line(model)}")
