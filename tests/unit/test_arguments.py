"""Natural arguments of a wrong type, at every name of `rde_roto`: refused by name or understood."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from image_files import write_image
from toy_shots import HEIGHT, WIDTH, ToyNode, a_shot, mask

import rde_roto
from rde_roto.model.devices import choose_device
from rde_roto.values.errors import InputError, UsageError
from toy_tracker import ToyTracker

ALPHA = np.zeros((1, HEIGHT, WIDTH), np.float32)
ALPHA[:, 4:9, 4:9] = 1

Call = Callable[[], Any]


def node() -> Any:
    return ToyNode(a_shot(mask(1001)))


def shot(**changes: Any) -> rde_roto.Shot:
    own = a_shot(mask(1001))
    parts = {"plate": own.plate, "range": own.range, "elements": own.elements}
    return rde_roto.Shot(**{**parts, "keyframes": own.keyframes, **changes})


def maker(**changes: Any) -> rde_roto.ShapeMaker:
    own: dict[str, Any] = {"format": a_shot().plate.format, "elements": ("a",), "tolerance_px": 1.0}
    return rde_roto.ShapeMaker(**{**own, **changes})


def drawn() -> Any:
    own = maker()
    own.add(1001, ALPHA)
    return own.finish()


PRESET = rde_roto.load_preset("draft")
CHOOSE: Any = choose_device
SCRIPT: Any = rde_roto  # whose arguments no type checker sees
WRONG: dict[str, tuple[Call, str]] = {
    "a plate's path": (lambda: shot(plate="p.####.exr"), r"a plate, such as open_plate\("),
    "numbers as a range": (lambda: shot(range=[1001]), r"FrameRange, such as .*, not the list"),
    "names as elements": (lambda: shot(elements=["a"]), "such as elements_named"),
    "one element": (lambda: shot(elements=a_shot().elements[0]), "such as elements_named"),
    "one keyframe": (lambda: shot(keyframes=mask(1001)), "such as .Keyframe"),
    "masks by frame": (lambda: shot(keyframes={1001: ALPHA}), "such as .Keyframe"),
    "a list of names": (lambda: SCRIPT.elements_named(["a", "b"]), "name of an element as texts"),
    "a number as id": (lambda: SCRIPT.Element(1, "a"), "not the int 1"),
    "one id": (lambda: SCRIPT.Keyframe(1001, ALPHA, "a"), r"ids of elements, .*, not the str 'a'"),
    "a frame in text": (lambda: SCRIPT.Keyframe("1001", ALPHA), "a frame, such as 1001, not the"),
    "half a frame": (lambda: node().matte(1002.5), "not the float 1002.5"),
    "a digest's frame": (lambda: node().digest("1001"), "not the str '1001'"),
    "frames to render": (
        lambda: list(node().render([1003])),
        r"FrameRange.of\(\[1003\]\), not the list \[1003\]",
    ),
    "frames to rate": (lambda: SCRIPT.confidences(node(), range(3)), "a FrameRange, such as"),
    "a shot to rate": (lambda: SCRIPT.advise(a_shot()), "expected a RotoNode, not a Shot"),
    "a shot to explain": (lambda: SCRIPT.explain(a_shot(), 1002), "expected a RotoNode"),
    "a shot's path": (lambda: SCRIPT.RotoNode("a.yaml", PRESET, ToyTracker), "a Shot, such as"),
    "a preset's name": (lambda: node().edited(preset="draft"), "load_preset"),
    "no tracker": (lambda: SCRIPT.RotoNode(a_shot(), PRESET, None), "such as tracker_of"),
    "a cache's path": (
        lambda: SCRIPT.RotoNode(a_shot(), PRESET, ToyTracker, "cache"),
        "such as Stores.in_ram",
    ),
    "no stores": (lambda: SCRIPT.open_stores("cache"), "CacheSettings, such as"),
    "a model's name": (lambda: SCRIPT.tracker_of("rde-lite", torch.device("cpu")), "load_model"),
    "no device": (lambda: CHOOSE(None), "a device, such as 'auto'"),
    "a range of numbers": (lambda: SCRIPT.FrameRange.parse(1001), "a text such as '1001-1100'"),
    "one number": (lambda: SCRIPT.FrameRange.of(1001), "frames such as"),
    "texts as frames": (lambda: SCRIPT.FrameRange.of(["1001"]), "a frame, such as 1001"),
    "ends in text": (lambda: SCRIPT.FrameRange.between("1", "2"), "a frame, such as 1001"),
    "one override": (lambda: SCRIPT.load_preset("draft", "tracking.lines=96"), "a list of over"),
    "a table of overrides": (lambda: SCRIPT.load_preset("draft", {"tracking.lines": 96}), "a list"),
    "a pair": (lambda: SCRIPT.load_preset("draft", [("a", 1)]), "an override such as"),
    "a plate for its format": (lambda: SCRIPT.read_mask("m.png", a_shot().plate), "plate.format"),
    "minutes in text": (lambda: SCRIPT.Budget(minutes="1"), "minutes as a number"),
    "one name": (lambda: maker(elements="hero"), "names of elements, such as"),
    "a plate's shapes": (lambda: maker(format=a_shot().plate), "plate.format"),
    "a tolerance in text": (lambda: maker(tolerance_px="1"), "a tolerance in pixels"),
    "a matte": (lambda: maker().add(1001, node().matte(1001)), r"matte\(1001\).alpha"),
    "shapes' frame": (lambda: SCRIPT.draw_shapes(drawn(), "1001"), "a frame, such as 1001"),
    "shapes' path": (lambda: SCRIPT.draw_shapes("a.json", 1001), "such as read_shapes"),
    "shapes in a list": (lambda: SCRIPT.shapes_text([drawn()]), "expected shapes, such as"),
    "shapes for Nuke": (lambda: SCRIPT.nuke_text(None), "expected shapes, such as"),
}


@pytest.mark.parametrize(("call", "says"), WRONG.values(), ids=WRONG)
def test_an_argument_of_another_type_is_refused_by_name(call: Call, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        call()


def test_a_shot_is_no_node_for_an_engine() -> None:
    with SCRIPT.Engine() as engine, pytest.raises(TypeError, match="expected a RotoNode"):
        engine.submit(a_shot(), 1001, rde_roto.Priority.BATCH)


@pytest.mark.parametrize(
    "limit",
    [{"steps": 0}, {"steps": -1}, {"steps": 2.5}, {"minutes": 0}, {"minutes": float("nan")}],
)
def test_a_lesson_without_a_step_is_refused(limit: dict[str, Any]) -> None:
    """No steps meant the recipe's number of them, which is hours of work that nobody asked for."""
    with pytest.raises(UsageError, match="a lesson takes"):
        rde_roto.Budget(**limit)


@pytest.mark.parametrize(
    "alpha",
    [ALPHA[0], ALPHA[:, :5, :5], (ALPHA * 255).astype(np.uint8), ALPHA.repeat(2, 0)],
    ids=str,
)
def test_mattes_that_are_no_mattes_make_no_shapes(alpha: Any) -> None:
    """Those of 0 to 255 and of another size made shapes of nothing that was drawn."""
    with pytest.raises(ValueError, match=r"expected mattes of floats in 0\.\.1, \[1, "):
        maker().add(1001, alpha)


@pytest.mark.parametrize("factor", [255, -1, np.nan])
def test_mattes_outside_0_to_1_make_no_shapes(factor: float) -> None:
    """The half of 255 is not where the edge is: their shapes were too large, without a word."""
    with pytest.raises(InputError, match=r"mattes of frame 1001 have to be in 0\.\.1, its values"):
        maker().add(1001, ALPHA * np.float32(factor))


def test_a_mask_is_read_in_a_known_way(tmp_path: Path) -> None:
    path = write_image(tmp_path / "m.png", ALPHA[0, :, :, None], "uint16")
    with pytest.raises(UsageError, match="is read as auto, labels, colours, matte, not as alpha"):
        SCRIPT.read_mask(path, a_shot().plate.format, "alpha")


def test_no_name_is_no_plate() -> None:
    """It meant the current folder."""
    with pytest.raises(UsageError, match="no plate is named"):
        rde_roto.open_plate("")


def test_what_is_as_good_is_understood(tmp_path: Path) -> None:
    """Lists for tuples, numpy's integers for frames, texts for paths, torch's devices."""
    own = a_shot(mask(1001))
    listed = shot(elements=list(own.elements), keyframes=list(own.keyframes))
    assert (listed.elements, listed.keyframes) == (own.elements, own.keyframes)
    assert SCRIPT.Keyframe(1001, ALPHA, ["a"]).elements == ("a",)
    frames = SCRIPT.FrameRange.of(np.array([1003, 1001]))
    assert frames == SCRIPT.FrameRange.parse("1001,1003")
    assert all(type(frame) is int for frame in frames)
    assert node().digest(np.int32(1002)) == node().digest(1002)
    assert choose_device(torch.device("cpu")) == torch.device("cpu")
    assert SCRIPT.Budget(steps=np.int64(3), minutes=np.float32(2)).seconds == 120
    assert maker(tolerance_px=np.float32(0.5)).tolerance_px == 0.5
    overrides = (f"tracking.lines={lines}" for lines in (48, 96))
    assert SCRIPT.load_preset("draft", overrides).tracking.lines == 96
    settings = SCRIPT.CacheSettings(str(tmp_path), 10**6, 10**6)
    assert settings.folder == tmp_path
