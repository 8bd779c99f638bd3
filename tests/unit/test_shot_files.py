"""Shot documents on disk: from what folder they are read, what they open, how they are changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import ramp, write_image
from PIL import Image

from rde_roto.documents.shot_document import KeyframeEntry, LockEntry, PlateEntry, ShotDocument
from rde_roto.images.masks import Mask, read_marked_mask
from rde_roto.shot_files import ShotFile, open_shot
from rde_roto.shot_files.opening import OpenedShot, open_document
from rde_roto.shot_files.writing import frozen, relative_to, spelled_out, write_document
from rde_roto.values.errors import DocumentError, InputError, OutputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Element
from rde_roto.values.preset import Preset

HEIGHT, WIDTH = 12, 20
HEAD = "schema: rde-roto.shot/1\nplate: {path: ../plate}\n"
HERO = "keyframes: [{frame: 1, mask: ../masks/hero.png}]\n"


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a plate, 1-4, and masks of one element, of two and of none."""
    folder = tmp_path_factory.mktemp("show")
    for name in ("plate", "masks"):
        (folder / name).mkdir()
    for frame in range(1, 5):
        write_image(folder / f"plate/hero.{frame:04}.exr", ramp(HEIGHT, WIDTH, frame))
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[2:6, 2:9], labels[6:9, 10:15] = 1, 2
    for name, picture in (("hero", labels == 1), ("car", labels == 2), ("none", labels == 3)):
        Image.fromarray(picture.astype(np.uint8) * 255).save(folder / f"masks/{name}.png")
    Image.fromarray(labels).convert("P").save(folder / "masks/two.png")
    return folder


@pytest.fixture
def shots(show: Path, tmp_path: Path) -> Path:
    """A folder of one test's own, beside the plate and the masks."""
    folder = show / tmp_path.name
    folder.mkdir()
    return folder


def write(shots: Path, text: str) -> Path:
    path = shots / "hero.shot.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(DocumentError) as error:
        open_shot(path)
    return str(error.value)


def document(show: Path, *keyframes: KeyframeEntry) -> ShotDocument:
    return ShotDocument(plate=PlateEntry(path=str(show / "plate")), keyframes=list(keyframes))


def drawn(show: Path, *masks: tuple[int, str, list[str] | None]) -> OpenedShot:
    """The shot of keyframes that are given by frame, mask and elements."""
    entries = [
        KeyframeEntry(frame=frame, mask=str(show / f"masks/{name}.png"), elements=elements)
        for frame, name, elements in masks
    ]
    return open_document(document(show, *entries), Preset(name="test"))


# Opening.


def test_paths_start_at_the_document_s_folder(
    shots: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(shots, HEAD + HERO)
    link = tmp_path / "link.shot.yaml"
    link.symlink_to(path)
    monkeypatch.chdir(tmp_path)
    for name in (path, "link.shot.yaml"):
        opened = open_shot(name)
        assert opened.document == Path(name)
        assert opened.shot.plate.name == "hero.####.exr"
        assert [file.resolve().name for file in opened.inputs] == ["hero.png"]


def test_masks_of_one_frame_that_draw_other_elements_are_one_keyframe(show: Path) -> None:
    opened = drawn(show, (1, "hero", ["hero"]), (1, "car", ["car"]), (3, "car", ["car"]))
    together = drawn(show, (1, "two", ["hero", "car"]), (3, "car", ["car"]))
    for keyframe, expected in zip(opened.shot.keyframes, together.shot.keyframes, strict=True):
        assert keyframe.elements == expected.elements
        np.testing.assert_array_equal(keyframe.alpha, expected.alpha)


def test_an_element_is_drawn_by_one_mask_of_a_frame(show: Path) -> None:
    with pytest.raises(UsageError, match="frame 1 has 2 masks, and more than one draws car"):
        drawn(show, (1, "two", ["hero", "car"]), (1, "car", ["car"]))


def test_an_element_has_one_label_in_all_masks_that_name_none(show: Path, shots: Path) -> None:
    """A mask of the second element alone corrected the first one, in silence."""
    labels = np.asarray(Image.open(show / "masks/two.png").convert("L"))
    colours = np.stack([(labels == 1) * 255, (labels == 2) * 255, 0 * labels], 2).astype(np.uint8)
    only = np.zeros_like(colours)
    only[..., 1] = colours[..., 1]
    for name, picture in (("red_green", colours), ("green", only)):
        Image.fromarray(picture).save(shots / f"{name}.png")
    second = Image.fromarray(np.where(labels == 2, 2, 0).astype(np.uint8)).convert("P")
    second.save(shots / "second.png")
    own = f"../{shots.name}"

    with pytest.raises(UsageError, match=r"element1 would be label 2 in the mask .*, but label 1"):
        drawn(show, (1, "two", None), (3, f"{own}/second", None))
    with pytest.raises(UsageError, match=r"element1 would be colour #00ff00 .* colour #ff0000"):
        drawn(show, (1, f"{own}/red_green", None), (3, f"{own}/green", None))
    with pytest.raises(UsageError, match=r"hero.png is one matte, but .*two.png draws several"):
        drawn(show, (1, "two", None), (3, "hero", None))

    masks = (1, "two", None), (3, f"{own}/second", ["element2"])
    keyframe = drawn(show, *masks).shot.keyframes[1]
    assert keyframe.elements == ("element2",)
    np.testing.assert_array_equal(keyframe.alpha[0], labels == 2)


def test_one_listed_element_may_have_any_label(shots: Path) -> None:
    for label in (1, 2):
        picture = np.zeros((HEIGHT, WIDTH), np.uint8)
        picture[2:6, 2:9] = label
        Image.fromarray(picture).convert("P").save(shots / f"{label}.png")
    keyframes = "keyframes: [{frame: 1, mask: 1.png}, {frame: 3, mask: 2.png}]\n"
    assert open_shot(write(shots, f"{HEAD}elements: [{{id: hero}}]\n{keyframes}")).shot.ids == (
        "hero",
    )
    assert "element1 would be label 2 in the mask 2.png" in refusal(write(shots, HEAD + keyframes))


def test_range_and_elements_come_from_plate_and_mask_where_nothing_is_said(show: Path) -> None:
    shot = drawn(show, (1, "two", None)).shot
    assert str(shot.range) == "1-4"
    assert shot.ids == ("element1", "element2")
    shot = drawn(show, (3, "car", ["car"]), (1, "hero", ["hero"]), (4, "two", ["hero", "car"])).shot
    assert shot.ids == ("car", "hero")
    assert [keyframe.elements for keyframe in shot.ordered] == [
        ("hero",),
        ("car",),
        ("hero", "car"),
    ]


def test_listed_elements_have_names_and_in_points(shots: Path) -> None:
    elements = "elements: [{id: h, name: le héros}, {id: car, in_point: 3}]\n"
    keyframes = (
        "keyframes:\n- {frame: 1, mask: ../masks/hero.png, elements: [h]}\n"
        "- {frame: 4, mask: ../masks/two.png}\n"
    )
    shot = open_shot(write(shots, HEAD + elements + keyframes)).shot
    assert shot.elements == (Element("h", "le_heros"), Element("car", "car", 3))
    assert shot.drawn_elements(shot.keyframes[1]) == ("h", "car")


def test_an_empty_mask_says_that_an_element_is_out_of_the_picture(show: Path) -> None:
    shot = drawn(show, (1, "hero", ["hero"]), (4, "none", ["hero"])).shot
    assert not shot.keyframes[1].alpha.any()
    with pytest.raises(InputError, match="'hero' is empty"):
        drawn(show, (1, "none", ["hero"]))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "keyframes: [{frame: 9, mask: ../masks/hero.png}]\n",
            "the keyframe at frame 9 lies outside the range 1-4",
        ),
        (
            "elements: [{id: hero}]\nkeyframes: [{frame: 1, mask: ../masks/two.png}]\n",
            "two.png holds 2 elements, expected 1: hero",
        ),
        (
            "elements: [{id: hero}]\n"
            "keyframes: [{frame: 1, mask: ../masks/hero.png, elements: [heor]}]\n",
            "the keyframe at frame 1 draws heor: expected each once, of hero",
        ),
        (
            f"{HERO}locks: [{{frames: 2, mattes: 'a.####.exr', elements: [car, dog]}}]\n",
            "the lock of 2 pins car, dog; the elements are element1",
        ),
        (
            f"{HERO}locks: [{{frames: 2, mattes: a.exr, elements: [element1]}}]\n",
            "the locked mattes a.exr have no frame number",
        ),
    ],
)
def test_what_does_not_fit_together_is_the_document_s_mistake(
    shots: Path, text: str, says: str
) -> None:
    path = write(shots, HEAD + text)
    sentence = refusal(path)
    assert sentence.startswith(f"{path}: ")
    assert says in sentence


def test_without_a_file_it_is_the_option_s_mistake(show: Path) -> None:
    with pytest.raises(UsageError, match="the keyframe at frame 8 lies outside"):
        drawn(show, (8, "hero", None))


def test_what_is_missing_is_an_input_error(show: Path, shots: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.png does not exist"):
        drawn(show, (1, "gone", None))
    path = write(shots, HEAD.replace("../plate", "../gone/a.####.exr") + HERO)
    with pytest.raises(InputError, match="gone"):
        open_shot(path)
    with pytest.raises(DocumentError, match="cannot be read"):
        open_shot(shots / "gone.shot.yaml")


def test_everything_that_is_missing_is_told(shots: Path) -> None:
    text = (
        "schema: rde-roto.shot/1\nplate: {path: ../gone/a.####.exr}\n"
        "keyframes:\n- {frame: 1, mask: gone.png}\n- {frame: 2, mask: ../masks/hero.png}\n"
        "locks: [{frames: 2-3, mattes: a.####.exr, elements: [element1]}]\n"
    )
    plate, mask, lock = ShotFile.read(write(shots, text)).missing()
    assert "gone" in plate
    assert mask == "the mask of frame 1, gone.png, does not exist"
    assert lock == "the locked mattes of 2-3, a.####.exr, do not exist"
    assert list(ShotFile.read(write(shots, HEAD + HERO)).missing()) == []


def test_a_preset_may_lie_beside_the_document(shots: Path) -> None:
    (shots / "mine.yaml").write_text("extends: standard\nfinish: {gain: 2}\n", encoding="utf-8")
    overrides = "preset: ./mine.yaml\noverrides: {tracking.lines: 96}\n"
    preset = open_shot(write(shots, HEAD + HERO + overrides)).preset
    assert (preset.name, preset.finish.gain, preset.tracking.lines) == ("mine", 2.0, 96)


# Writing.


def test_a_spelled_out_document_means_the_same(show: Path, shots: Path) -> None:
    said = document(
        show,
        KeyframeEntry(frame=1, mask=str(show / "masks/two.png")),
        KeyframeEntry(frame=3, mask=str(show / "masks/car.png"), elements=["element2"]),
    )
    opened = open_document(said, Preset(name="test"))
    first, spelled = opened.shot, spelled_out(said, opened)
    assert spelled.range == FrameRange.parse("1-4")
    assert [entry.elements for entry in spelled.keyframes] == [
        ["element1", "element2"],
        ["element2"],
    ]
    again = open_shot(write(shots, spelled.to_yaml())).shot
    assert again.elements == first.elements
    assert [key.plane_digests for key in again.keyframes] == [
        key.plane_digests for key in first.keyframes
    ]


def test_a_mask_of_a_job_that_is_saved_while_it_is_read_is_refused(
    show: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mask = tmp_path / "mask.png"
    mask.write_bytes((show / "masks/hero.png").read_bytes())
    drawn = document(show, KeyframeEntry(frame=1, mask=str(mask)))
    opened = open_document(drawn, Preset(name="test"))
    job = frozen(drawn, Preset(name="test"), opened.shot.plate)
    open_document(job, Preset(name="test"))

    def read_another(*arguments: Any) -> Mask:
        mask.write_bytes((show / "masks/car.png").read_bytes())
        return read_marked_mask(*arguments)

    monkeypatch.setattr("rde_roto.shot_files.keyframe_masks.read_marked_mask", read_another)
    with pytest.raises(InputError, match="was saved again after this job was submitted"):
        open_document(job, Preset(name="test"))


def test_paths_are_moved_to_where_the_document_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.safetensors").touch()
    monkeypatch.chdir(tmp_path)
    absolute = str(tmp_path / "b.png")
    document = ShotDocument(
        plate=PlateEntry(path="plates/hero.####.exr", color_space="ACEScg"),
        keyframes=[
            KeyframeEntry(frame=1, mask="shots/a.png"),
            KeyframeEntry(frame=2, mask=absolute),
        ],
        preset="presets/mine.yaml",
        model="mine.safetensors",
    )
    there = relative_to(document, Path("shots"))
    assert there.plate == PlateEntry(path="../plates/hero.####.exr", color_space="ACEScg")
    assert [entry.mask for entry in there.keyframes] == ["a.png", absolute]
    assert (there.preset, there.model) == ("../presets/mine.yaml", "../mine.safetensors")
    named = relative_to(
        document.model_copy(update={"preset": "fine", "model": "rde-lite"}), Path("a/b")
    )
    assert (named.preset, named.model) == ("fine", "rde-lite")


def test_locks_are_put_into_the_file_and_nothing_else_changes(shots: Path, tmp_path: Path) -> None:
    path = write(shots, f"# mine\n{HEAD}{HERO}# the end\n")
    path.chmod(0o640)
    link = tmp_path / "link.shot.yaml"
    link.symlink_to(path)
    file = ShotFile.read(link)
    assert (file.name, file.locks_folder) == ("link", "hero.shot.d/locks")
    lock = LockEntry(frames=FrameRange.of([2]), mattes="a.####.exr", elements=["element1"])
    file.set_locks([lock])
    assert path.read_text(encoding="utf-8") == (
        f"# mine\n{HEAD}{HERO}# the end\n"
        "locks:\n  - {frames: 2, mattes: a.####.exr, elements: [element1]}\n"
    )
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in shots.iterdir()] == ["hero.shot.yaml"]


def test_a_file_that_changed_in_the_meantime_is_left_alone(shots: Path) -> None:
    path = write(shots, HEAD + HERO)
    file = ShotFile.read(path)
    path.write_text(f"{HEAD}{HERO}preset: fine\n", encoding="utf-8")
    with pytest.raises(DocumentError, match="was changed in the meantime"):
        file.set_locks([])
    assert path.read_text(encoding="utf-8") == f"{HEAD}{HERO}preset: fine\n"


def test_a_document_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"):
        write_document(tmp_path / "file/hero.shot.yaml", "text")
