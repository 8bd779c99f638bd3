"""The shot document as text: what it may say, where it is wrong, how a program changes it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rde_roto.documents.preset_files import load_preset
from rde_roto.documents.shot_document import (
    ElementEntry,
    KeyframeEntry,
    LockEntry,
    PlateEntry,
    ShotDocument,
    parse_shot_document,
    rewritten,
)
from rde_roto.values.errors import DocumentError
from rde_roto.values.frames import FrameRange

PATH = Path("hero.shot.yaml")


def with_locks(path: Path, text: str, locks: list[LockEntry]) -> str:
    """The document in a text with other locks."""
    says = parse_shot_document(path, text).value
    return rewritten(path, text, says.model_copy(update={"locks": locks}))


HEAD = "schema: rde-roto.shot/1\nplate: {path: plates/hero.####.exr}\n"
FULL = """\
# the chase, second version
schema: rde-roto.shot/1
plate: {path: ../plates/hero.####.exr, color_space: ACEScg}
range: 1001-1100   # without the handles
elements:
  - {id: hero}
  - {id: car, name: blue_car, in_point: 1040}
keyframes:
  # painted by hand
  - {frame: 1001, mask: masks/hero.1001.png, elements: [hero]}
  - {frame: 1060, mask: masks/car.1060.exr, elements: [car], mask_as: matte}
locks:
  - {frames: 1080-1090, mattes: hero.shot.d/locks/a.####.exr, elements: [hero]}

# as agreed
preset: standard
overrides: {tracking.lines: 720, tracking.top_k: null}
model: rde-lite
"""


def read(text: str) -> ShotDocument:
    return parse_shot_document(PATH, text).value


def refusal(text: str) -> str:
    with pytest.raises(DocumentError) as error:
        read(text)
    return str(error.value)


def lock(frames: str, *elements: str) -> LockEntry:
    mattes = "hero.shot.d/locks/b.####.exr"
    return LockEntry(frames=FrameRange.parse(frames), mattes=mattes, elements=list(elements))


# Reading.


def test_a_full_document_is_read() -> None:
    assert read(FULL) == ShotDocument(
        plate=PlateEntry(path="../plates/hero.####.exr", color_space="ACEScg"),
        range=FrameRange.parse("1001-1100"),
        elements=[ElementEntry(id="hero"), ElementEntry(id="car", name="blue_car", in_point=1040)],
        keyframes=[
            KeyframeEntry(frame=1001, mask="masks/hero.1001.png", elements=["hero"]),
            KeyframeEntry(frame=1060, mask="masks/car.1060.exr", elements=["car"], mask_as="matte"),
        ],
        locks=[
            LockEntry(
                frames=FrameRange.parse("1080-1090"),
                mattes="hero.shot.d/locks/a.####.exr",
                elements=["hero"],
            )
        ],
        overrides={"tracking.lines": 720, "tracking.top_k": None},
    )


def test_the_documentation_s_example_is_a_document() -> None:
    page = (Path(__file__).parents[2] / "docs/shots.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    document = parse_shot_document(PATH, example)
    assert load_preset("standard", document.settings("overrides")).tracking.lines == 720
    assert document.value.elements[1].in_point == 1040


def test_most_may_be_left_out() -> None:
    document = read(HEAD)
    assert (document.range, document.elements, document.locks) == (None, [], [])
    assert (document.preset, document.model) == ("standard", "rde-lite")


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("1001", "1001"),
        ("0101-0104", "101-104"),
        ("0101", "101"),
        ("0108", "108"),
        ("-10--5", "-10--5"),
    ],
)
def test_ranges_and_padded_numbers_are_decimal(text: str, frames: str) -> None:
    assert read(f"{HEAD}range: {text}\n").range == FrameRange.parse(frames)


def test_a_padded_frame_is_no_octal_number() -> None:
    document = read(f"{HEAD}keyframes: [{{frame: 0101, mask: a.png}}]\n")
    assert document.keyframes[0].frame == 101


def test_overrides_are_read_as_a_preset_reads_them() -> None:
    settings = parse_shot_document(PATH, FULL).settings("overrides")
    preset = load_preset("standard", settings)
    assert (preset.tracking.lines, preset.tracking.top_k) == (720, None)


# Mistakes.


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "",
            ": the file is empty; expected a shot document, beginning 'schema: rde-roto.shot/1'",
        ),
        (
            "plate: {path: a}\n",
            ":1: it declares no schema; expected a line 'schema: rde-roto.shot/1'",
        ),
        (
            "a shot\n",
            ":1: it declares no schema; expected a line 'schema: rde-roto.shot/1'",
        ),
        (
            "# newer\nschema: rde-roto.shot/2\nwishes: []\n",
            ":2: this document has schema 'rde-roto.shot/2'; this program reads rde-roto.shot/1",
        ),
        (f"{HEAD}framez: 1-2\n", ":3: unknown key 'framez'; did you mean 'frame' in keyframes?"),
        ("schema: rde-roto.shot/1\n", ": plate is missing and has no default"),
        (
            "schema: rde-roto.shot/1\nplate: a.####.exr\n",
            ":2: plate must hold lines of the form 'key: value'",
        ),
        (
            f"{HEAD}range: 1100-1001\n",
            ":3: range is '1100-1001'; the frame range '1100-1001' runs backwards: write 1001-1100",
        ),
        (
            f"{HEAD}keyframes:\n  - {{frame: 1001}}\n",
            ":4: keyframes[0].mask is missing and has no default; allowed: text",
        ),
        (
            f"{HEAD}keyframes:\n  - frame: first\n    mask: a.png\n",
            ":4: keyframes[0].frame is 'first'; allowed: a whole number",
        ),
        (
            f"{HEAD}keyframes:\n  - {{frame: 1, mask: a, mask_as: labls}}\n",
            ":4: keyframes[0].mask_as is 'labls'; allowed: auto or labels or colours or matte",
        ),
        (
            f"{HEAD}keyframes:\n  - {{frame: 1, mask: a, element: hero}}\n",
            ":4: unknown key 'element' in keyframes; did you mean 'elements'?",
        ),
        (
            f"{HEAD}elements:\n  - {{id: car, color: blue}}\n",
            ":4: elements[0].color is 'blue'; expected '#' and six hex digits in quotes, as in "
            "'#ff8000'",
        ),
        (
            f"{HEAD}elements:\n  - {{id: blue car}}\n",
            ":4: elements[0].id is 'blue car'; expected letters a-z, digits and _, no digit first",
        ),
        (
            f"{HEAD}locks:\n"
            "  - {frames: 1-5, mattes: a.####.exr, elements: [hero]}\n"
            "  - {frames: 4-7, mattes: b.####.exr, elements: [car]}\n",
            ":5: 4-5 is locked twice: remove it from one of the two locks",
        ),
    ],
)
def test_bad_documents(text: str, sentence: str) -> None:
    assert refusal(text) == f"hero.shot.yaml{sentence}"


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ("{tracking.lines: many}", "tracking.lines is 'many'; allowed: a whole number from 96"),
        ("{tracking.line: 720}", "unknown key 'line' in tracking; did you mean 'lines'?"),
        ("{tracking: {lines: 720}}", "tracking is a section; expected one of its keys"),
    ],
)
def test_a_bad_override_is_the_document_s_mistake(overrides: str, sentence: str) -> None:
    document = parse_shot_document(PATH, f"{HEAD}overrides:\n  {overrides}\n")
    with pytest.raises(DocumentError) as error:
        load_preset("standard", document.settings("overrides"))
    assert str(error.value).startswith(f"hero.shot.yaml:4: {sentence}")


# Writing.

TEXT = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=12)
NAME = st.text("abc_0", min_size=1, max_size=6).map("a{}".format)
FRAMES = st.builds(FrameRange.of, st.sets(st.integers(-20, 2000), min_size=1, max_size=6))
VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**17), 10**17),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
)
DOCUMENTS = st.builds(
    ShotDocument,
    plate=st.builds(
        PlateEntry,
        path=TEXT,
        color_space=st.none() | TEXT,
        view=st.none() | TEXT,
        layer=st.none() | TEXT,
        missing=st.sampled_from(["error", "hold", "skip", "black"]),
    ),
    range=st.none() | FRAMES,
    elements=st.lists(
        st.builds(
            ElementEntry,
            id=NAME,
            name=st.none() | TEXT,
            in_point=st.none() | st.integers(-(10**17), 10**17),
            color=st.none() | st.just("#FF8000"),
        ),
        max_size=3,
    ),
    keyframes=st.lists(
        st.builds(
            KeyframeEntry,
            frame=st.integers(-(10**17), 10**17),
            mask=TEXT,
            elements=st.none() | st.lists(NAME, min_size=1, max_size=3),
            mask_as=st.sampled_from(("auto", "labels", "colours", "matte")),
        ),
        max_size=3,
    ),
    preset=TEXT,
    overrides=st.dictionaries(NAME, VALUE, max_size=3),
    model=TEXT,
)
LOCKS = st.lists(st.integers(0, 40), unique=True, max_size=3).map(
    lambda starts: [lock(f"{50 * start}-{50 * start + 9}", "hero") for start in starts]
)


@settings(max_examples=40)
@given(DOCUMENTS, LOCKS)
def test_what_is_written_reads_back_as_equal(
    document: ShotDocument, locks: list[LockEntry]
) -> None:
    document = document.model_copy(update={"locks": locks})
    assert read(document.to_yaml()) == document


@settings(max_examples=20)
@given(DOCUMENTS, LOCKS, LOCKS)
def test_locks_are_exchanged_and_nothing_else(
    document: ShotDocument, before: list[LockEntry], after: list[LockEntry]
) -> None:
    text = document.model_copy(update={"locks": before}).to_yaml()
    changed = with_locks(PATH, text, after)
    assert read(changed) == document.model_copy(update={"locks": after})
    assert with_locks(PATH, changed, []) == with_locks(PATH, text, [])


def test_all_but_the_locks_stays_as_it_was_written() -> None:
    changed = with_locks(PATH, FULL, [lock("1001", "car", "hero"), lock("1080-1085", "hero")])
    block = FULL.splitlines()[12]
    assert changed == FULL.replace(
        block,
        "  - {frames: 1001, mattes: hero.shot.d/locks/b.####.exr, elements: [car, hero]}\n"
        "  - {frames: 1080-1085, mattes: hero.shot.d/locks/b.####.exr, elements: [hero]}",
    )
    without = with_locks(PATH, FULL, [])
    assert without == FULL.replace(f"locks:\n{block}\n", "")
    assert with_locks(PATH, without, [lock("7", "car")]) == (
        f"{without}locks:\n"
        "  - {frames: 7, mattes: hero.shot.d/locks/b.####.exr, elements: [car]}\n"
    )


def test_locks_written_by_hand_over_many_lines_are_replaced() -> None:
    text = (
        f"{HEAD}locks:\n- frames: 1-2\n  mattes: >-\n    a.####.exr\n  elements:\n    - hero\n"
        "# behind them\npreset: fine\n"
    )
    assert with_locks(PATH, text, []) == f"{HEAD}# behind them\npreset: fine\n"


@pytest.mark.parametrize(
    "text",
    [
        '{"schema": "rde-roto.shot/1", "plate": {"path": "a.####.exr"}, "model": "mine"}',
        "{schema: rde-roto.shot/1, plate: {path: a.####.exr}, locks: [], model: mine}\n",
        "schema: rde-roto.shot/1\nplate: {path: a.####.exr}\nmodel: mine\n...\n",
    ],
)
def test_a_document_that_is_not_in_lines_is_written_anew(text: str) -> None:
    changed = with_locks(PATH, text, [lock("7", "car")])
    wanted = read(text).model_copy(update={"locks": [lock("7", "car")]})
    assert read(changed) == wanted
