"""Learned weights: in write-once files, on the model they were learned on, and gone without one."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import Tensor

from rde_roto.documents.learned_card import read_learned_card
from rde_roto.documents.model_card import ModelChoice
from rde_roto.doors.commands.shot_facts import facts_of
from rde_roto.doors.rendering import say_which_edges
from rde_roto.model.learned import LearnedWeights, learned_name, read_learned
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import Model, load_model
from rde_roto.node import RotoNode
from rde_roto.shot_files import OpenedShot, ShotFile, open_shot
from rde_roto.stores import Stores
from rde_roto.values.errors import WeightsError

pytest_plugins = ("command_line_fixtures",)
pytestmark = pytest.mark.usefixtures("home")

CPU = torch.device("cpu")


@pytest.fixture
def base(weights: Path) -> Model:
    return load_model(str(weights))


def changed(base: Model, by: float = 0.5) -> dict[str, Tensor]:
    """What a lesson might have made of a part of the network."""
    own = base.net.state_dict()
    return {name: (own[name] + by).half() for name in ("decoder.pred.weight", "decoder.pred.bias")}


def learned(base: Model, folder: Path, by: float = 0.5) -> Path:
    return LearnedWeights.of(changed(base, by), base.sha256).write(folder)


def teach(document: Path, base: Model) -> Path:
    """Has a document name learned weights in its own folder."""
    file = ShotFile.read(document)
    path = learned(base, file.folder / file.learned_folder)
    file.set_learned(f"{file.learned_folder}/{path.name}")
    return path


def a_node(opened: OpenedShot, stores: Stores) -> RotoNode:
    load = tracker_of(load_model(opened.model), CPU)
    return RotoNode(opened.shot, opened.preset, load, stores)


def test_a_model_takes_over_what_it_learned_and_keeps_the_rest(
    base: Model, weights: Path, tmp_path: Path
) -> None:
    path, new = learned(base, tmp_path), changed(base)
    taught = load_model(ModelChoice(str(weights), path))
    own, was = taught.net.state_dict(), base.net.state_dict()
    for name in own:
        torch.testing.assert_close(own[name], new.get(name, was[name]).float(), rtol=0, atol=0)
    assert (taught.base_sha256, taught.licence) == (base.sha256, base.licence)
    assert taught.sha256 == read_learned(path).sha256 != base.sha256


def test_the_same_weights_are_the_same_file_and_are_written_once(
    base: Model, tmp_path: Path
) -> None:
    path = learned(base, tmp_path)
    first, when = path.read_bytes(), path.stat().st_mtime_ns
    assert learned(base, tmp_path) == path
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (first, when)
    assert learned(base, tmp_path, by=0.25) != path
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".safetensors"] * 2  # nothing half done


@pytest.mark.parametrize("harm", ["cut", "exchanged", "gone"])
def test_a_file_that_is_not_the_one_that_was_written_is_refused(
    base: Model, tmp_path: Path, harm: str
) -> None:
    path = learned(base, tmp_path)
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:-7])
    elif harm == "exchanged":
        path.write_bytes(learned(base, tmp_path, by=0.25).read_bytes())
    else:
        path.unlink()
    with pytest.raises(WeightsError, match=f"{path.name}.*forget what was learned"):
        read_learned(path)
    assert read_learned(learned(base, tmp_path)).source == path, "to learn it again mends it"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (save({"x": torch.zeros(2)}), "does not name its base model"),
        (b"no such thing", "safetensors"),
    ],
)
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / learned_name(hashlib.sha256(content).hexdigest())
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=reason):
        read_learned(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_refused_and_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "0123456789abcdef.safetensors"
    os.mkfifo(path)
    with pytest.raises(WeightsError, match="a named pipe"):
        read_learned(path)


def test_what_was_learned_on_another_model_is_refused(
    base: Model, weights: Path, tmp_path: Path
) -> None:
    path = LearnedWeights.of(changed(base), "0" * 64).write(tmp_path)
    with pytest.raises(WeightsError, match="learned on another model"):
        load_model(ModelChoice(str(weights), path))


def test_what_does_not_fit_the_network_is_refused(
    base: Model, weights: Path, tmp_path: Path
) -> None:
    path = LearnedWeights.of({"decoder.pred.bias": torch.zeros(3)}, base.sha256).write(tmp_path)
    with pytest.raises(WeightsError, match=r"decoder\.pred\.bias is \[3\], expected \[1\]"):
        load_model(ModelChoice(str(weights), path))


def test_a_document_names_what_was_learned(shot_document: Path, base: Model) -> None:
    before = shot_document.read_text(encoding="utf-8")
    path = teach(shot_document, base)
    opened = open_shot(shot_document)
    assert opened.model.learned is not None
    assert opened.model.learned.samefile(path)
    assert opened.model.learned in opened.inputs
    assert path.parent == shot_document.parent / "hero.shot.d/learned"
    ShotFile.read(shot_document).set_learned(None)
    assert shot_document.read_text(encoding="utf-8") == before


def test_a_document_whose_learned_weights_are_gone_says_so(
    shot_document: Path, base: Model
) -> None:
    path = teach(shot_document, base)
    path.unlink()
    (said,) = ShotFile.read(shot_document).missing()
    assert path.name in said
    with pytest.raises(WeightsError, match=path.name):
        load_model(open_shot(shot_document).model)


def test_learning_names_every_frame_anew_and_forgetting_costs_no_step(
    shot_document: Path, base: Model
) -> None:
    stores = Stores.in_ram()
    node = a_node(open_shot(shot_document), stores)
    names = {frame: node.digest(frame) for frame in node.shot.range}
    mattes = {frame: node.matte(frame).alpha for frame in (1002, 1006)}
    teach(shot_document, base)
    taught = a_node(open_shot(shot_document), stores)
    assert [f for f in names if taught.digest(f) == names[f]] == [1003]  # the keyframe
    assert not taught.is_made(1006)
    assert (taught.matte(1006).alpha != mattes[1006]).any()
    ShotFile.read(shot_document).set_learned(None)
    forgot = a_node(open_shot(shot_document), stores)
    assert {frame: forgot.digest(frame) for frame in names} == names
    for frame, alpha in mattes.items():
        assert forgot.is_made(frame)
        assert (forgot.matte(frame).alpha == alpha).all()


def test_a_shot_without_learned_edges_says_how_they_are_drawn(
    shot_document: Path, base: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = "drawn as with finish.edges=plate"
    file = ShotFile.read(shot_document)
    assert plain not in "".join(facts_of(file).lines)
    say_which_edges(file.preset(), base)
    assert capsys.readouterr().err == ""
    text = file.text.replace("overrides: {", "overrides: {finish.edges: learned, ")
    shot_document.write_text(text, encoding="utf-8")
    wished = ShotFile.read(shot_document)
    assert plain in "".join(facts_of(wished).lines)
    say_which_edges(wished.preset(), base)
    assert plain in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["[" * 9000, "sha256: 2026-99-99", "a: [", "\xff", "a: 1\n" * 300_000]
)
def test_a_damaged_card_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(WeightsError, match=rf"the card {path} cannot be read: \S"):
        read_learned_card(path)
