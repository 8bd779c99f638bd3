"""``rde-roto shot advise``: show which frames look wrong, and which one to correct next."""

from __future__ import annotations

import json
from dataclasses import asdict

from rde_roto.doors.console import print_line
from rde_roto.doors.options import DeviceOption, JsonOption, ShotArgument, plate_memo
from rde_roto.shot_files import ShotFile


def advise(shot: ShotArgument, device: DeviceOption = "auto", as_json: JsonOption = False) -> None:
    """Show which frames look wrong, and which one to correct next."""
    file = ShotFile.read(shot)
    with plate_memo() as memo:
        opened = file.open(memo)

        from rde_roto.advice import advise
        from rde_roto.doors.rendering import open_node, print_licence

        node, model = open_node(opened, device)
        print_licence(model)
        advice = advise(node)
    if as_json:
        doubtful = {element: str(frames) for element, frames in advice.doubtful.items()}
        following = None if advice.next is None else asdict(advice.next)
        print_line(
            json.dumps({"confidences": advice.confidences, "doubtful": doubtful, "next": following})
        )
        return
    for element, frames in advice.doubtful.items():
        if frames:
            worst = min(frames, key=lambda frame: advice.confidences[frame][element])
            lowest = advice.confidences[worst][element]
            print_line(f"{element}  {frames}  lowest confidence {lowest:.2f}, at {worst}")
    print_line("nothing looks wrong" if advice.next is None else f"next: {advice.next}")
