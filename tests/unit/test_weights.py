from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
import torch
import yaml
from image_files import cut_short
from safetensors.torch import load_file, save_file
from torch import Tensor

from rde_roto.documents.model_card import DEFAULT_MODEL, ModelCard
from rde_roto.model.weight_files import build, save_weights
from rde_roto.model.weights import (
    find_model,
    install_model,
    licence_line,
    list_models,
    load_model,
    user_model_folder,
    write_card,
)
from rde_roto.net import RDE_R50, RDENet
from rde_roto.values.errors import OutputError, RotoError, UsageError, WeightsError

SHIPPED = Path(str(files("rde_roto") / "weights"))
SOURCE = Path("weights.safetensors")
MASK_PLANES = "value_encoder.conv1.weight"

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Folders:
    """The two folders that names are looked up in, both of a test's own."""

    package: Path
    user: Path


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """Package resources and home stand in a temporary folder; no model is there."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr("rde_roto.model.weights.files", lambda _package: tmp_path / "package")
    user = user_model_folder()
    if not user.is_relative_to(tmp_path):
        pytest.skip(f"on this system the environment does not move the model folder {user}")
    (tmp_path / "package" / "weights").mkdir(parents=True)
    user.mkdir(parents=True)
    return Folders(tmp_path / "package" / "weights", user)


@pytest.fixture
def weights(lite: RDENet) -> Weights:
    return dict(lite.state_dict())


@pytest.fixture(scope="module")
def r50() -> Weights:
    """Names and shapes of the paper's network, a different number in each; hardly any bytes."""
    shapes = {name: tensor.shape for name, tensor in RDENet(RDE_R50).state_dict().items()}
    return {
        name: torch.tensor(float(number)).expand(shape)
        for number, (name, shape) in enumerate(shapes.items())
    }


@pytest.fixture
def stage_0(r50: Weights) -> Weights:
    """A stage-0 checkpoint of the paper: one mask plane, no embedding."""
    kept = {name: value for name, value in r50.items() if not name.startswith("mem_compress.")}
    return {**kept, MASK_PLANES: r50[MASK_PLANES][:, :4]}


def write_model(path: Path, weights: Weights, **changes: object) -> Path:
    """Weights and a card that fits them, but for ``changes``."""
    card = {
        "name": path.stem,
        "architecture": "rde-lite",
        "sha256": save_weights(weights, path),
        "licence": "CC0-1.0",
        "summary": "a test",
    }
    path.with_suffix(".yaml").write_text(yaml.safe_dump({**card, **changes}), encoding="utf-8")
    return path


def flip_a_byte(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0x40
    path.write_bytes(bytes(content))


def refusal(call: Callable[[], object], error: type[RotoError] = WeightsError) -> str:
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


# Strict to the last key.


def test_weights_arrive_as_they_are(weights: Weights) -> None:
    net = build(weights, SOURCE)
    assert net.config.name == "rde-lite"
    loaded = net.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in weights.items())


def test_every_missing_unexpected_and_misshapen_key_is_named(weights: Weights) -> None:
    del weights["key_proj.key_proj.bias"], weights["decoder.pred.weight"]
    weights["extra.one"] = weights["extra.two"] = torch.zeros(1)
    weights["key_comp.bias"] = torch.zeros(7)
    weights["key_encoder.stem.weight"] = torch.zeros(32, 4, 3, 3)
    assert refusal(lambda: build(weights, SOURCE)) == (
        "weights.safetensors does not fit rde-lite; "
        "missing: decoder.pred.weight, key_proj.key_proj.bias; "
        "unexpected: extra.one, extra.two; "
        "misshapen: key_comp.bias is [7], expected [128], "
        "key_encoder.stem.weight is [32, 4, 3, 3], expected [32, 3, 3, 3]"
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.complex64, torch.int8])
def test_weights_that_are_no_numbers_are_refused(weights: Weights, dtype: torch.dtype) -> None:
    """A NaN became 0 on its way through the network, and mattes were made of the rest."""
    key = "decoder.compress.conv1.bias"
    weights[key] = torch.ones(128, dtype=dtype)
    if dtype.is_floating_point:
        build(weights, SOURCE)
        weights[key][5] = float("nan") if dtype == torch.float32 else float("inf")
    says = refusal(lambda: build(weights, SOURCE))
    assert says == f"weights.safetensors does not fit rde-lite; no finite floats: {key}"


def test_the_architecture_of_the_card_is_the_one_that_counts(weights: Weights) -> None:
    says = refusal(lambda: build(weights, SOURCE, "rde-r50"))
    assert says.startswith(
        "weights.safetensors does not fit rde-r50; missing: key_encoder.bn1.bias, "
    )
    assert "key_encoder.stem.weight" in says.partition("unexpected: ")[2]
    says = refusal(lambda: build(weights, SOURCE, "rde-r18"))
    assert "says architecture 'rde-r18'; known: rde-lite, rde-r50" in says


def test_half_precision_becomes_float32(tmp_path: Path, weights: Weights) -> None:
    halves = {name: value.half().contiguous() for name, value in weights.items()}
    save_file(halves, tmp_path / "half.safetensors")
    loaded = load_model(str(tmp_path / "half.safetensors")).net.state_dict()
    assert {value.dtype for value in loaded.values()} == {torch.float32}
    assert all(torch.equal(loaded[name], value.float()) for name, value in halves.items())


# Published checkpoints.


def test_a_published_pth_loads(tmp_path: Path, r50: Weights) -> None:
    path = tmp_path / "published.pth"
    torch.save(r50, path)
    model = load_model(str(path))
    assert model.net.config.name == "rde-r50"
    assert licence_line(model) == "published: unknown; commercial use: unknown"
    loaded = model.net.state_dict()
    assert all(bool((loaded[name] == value).all()) for name, value in r50.items())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda weights: {f"module.{name}": value for name, value in weights.items()},
        lambda weights: {"state_dict": weights, "epoch": 3, "optimizer": {"lr": 0.1}},
        lambda weights: {"model": {f"module.{name}": value for name, value in weights.items()}},
    ],
    ids=["DataParallel", "nested", "both"],
)
def test_the_wrappings_of_training_scripts_come_off(
    tmp_path: Path, weights: Weights, wrap: Callable[[Weights], object]
) -> None:
    path = tmp_path / "wrapped.pth"
    torch.save(wrap(weights), path)
    loaded = load_model(str(path)).net.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in weights.items())


def test_a_prefix_comes_off_when_every_name_has_it(tmp_path: Path, weights: Weights) -> None:
    path = tmp_path / "half_wrapped.pth"
    torch.save({**weights, "module.extra": torch.zeros(1)}, path)
    assert refusal(lambda: load_model(str(path))).endswith("; unexpected: module.extra")


def test_a_stage_0_checkpoint_is_completed_the_same_every_time(
    r50: Weights, stage_0: Weights
) -> None:
    torch.manual_seed(1)
    loaded = build(stage_0, SOURCE).state_dict()
    torch.manual_seed(2)
    before = torch.get_rng_state()
    again = build(stage_0, SOURCE).state_dict()
    assert torch.equal(torch.get_rng_state(), before), "the caller's random numbers were used up"
    assert loaded.keys() == again.keys() == r50.keys()
    assert all(torch.equal(loaded[name], value) for name, value in again.items())
    for name, value in stage_0.items():
        start = loaded[name][:, :4] if name == MASK_PLANES else loaded[name]
        assert bool((start == value).all()), name
    # 64 filters of 49 taps: as many as there are taps can be orthonormal, so F^T F is the identity.
    others = loaded[MASK_PLANES][:, 4].flatten(1)
    torch.testing.assert_close(others.T @ others, torch.eye(49), rtol=0, atol=1e-5)
    assert loaded["mem_compress.compress_key.weight"].std() > 0.001


def test_a_checkpoint_that_only_resembles_stage_0_is_refused(
    r50: Weights, stage_0: Weights
) -> None:
    says = refusal(lambda: build({**r50, MASK_PLANES: stage_0[MASK_PLANES]}, SOURCE))
    assert says.endswith(f"; misshapen: {MASK_PLANES} is [64, 4, 7, 7], expected [64, 5, 7, 7]")
    del stage_0["decoder.pred.weight"]
    stage_0["scratch"] = torch.zeros(2)
    assert refusal(lambda: build(stage_0, SOURCE)) == (
        "weights.safetensors does not fit rde-r50; "
        "missing: decoder.pred.weight; unexpected: scratch"
    )


# Damaged files.


def test_a_flipped_byte_is_seen_by_the_card(tmp_path: Path, weights: Weights) -> None:
    path = write_model(tmp_path / "net.safetensors", weights)
    assert load_model(str(path)).licence == "CC0-1.0"
    flip_a_byte(path, place=-1000)
    says = refusal(lambda: load_model(str(path)))
    assert says.startswith(f"{path} is damaged or was replaced: its card says sha256 ")


@pytest.mark.parametrize("part", [0.0, 0.00001, 0.01, 0.5, 0.999])
def test_a_truncated_safetensors_is_refused(tmp_path: Path, weights: Weights, part: float) -> None:
    path = tmp_path / "net.safetensors"
    save_weights(weights, path)
    cut_short(path, part)
    assert refusal(lambda: load_model(str(path))).startswith(f"cannot read the weights {path}: ")


def test_weights_for_which_there_is_no_memory_are_not_called_damaged(
    tmp_path: Path, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "random.safetensors"
    save_file(weights, path)
    monkeypatch.setattr(
        "rde_roto.model.weight_files.load", lambda _: torch.empty(1 << 60, dtype=torch.uint8)
    )
    with pytest.raises(RuntimeError, match="allocate"):
        load_model(str(path))


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_truncated_pth_is_refused(tmp_path: Path, zipped: bool) -> None:
    # Wherever it ends: torch tells one cut from the next by a dozen kinds of error.
    path = tmp_path / "net.pth"
    table = {f"layer.{number}": torch.ones(3, number) for number in range(1, 6)}
    torch.save(table, path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    for length in range(0, len(content), 23):
        path.write_bytes(content[:length])
        says = refusal(lambda: load_model(str(path)))
        assert str(path) in says, length


@dataclass(frozen=True)
class Payload:
    """Makes a folder when it is unpickled."""

    folder: str

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("wrapped", [True, False], ids=["torch", "pickle"])
def test_code_in_a_pth_is_not_run(tmp_path: Path, wrapped: bool) -> None:
    path, folder = tmp_path / "net.pth", tmp_path / "was here"
    content = {"layer": Payload(str(folder))}
    assert pickle.loads(pickle.dumps(content)), "unpickled carelessly …"
    folder.rmdir()  # … it does run
    if wrapped:
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content, protocol=2))  # of another, torch warns first
    assert refusal(lambda: load_model(str(path))).startswith(f"cannot read the weights {path}: ")
    assert not folder.exists()


@pytest.mark.parametrize(
    "content",
    [
        [torch.zeros(1)],
        {"net": {"a": torch.zeros(1)}},
        {"model": {"a": torch.zeros(1)}, "state_dict": {"a": torch.zeros(1)}},
        {"model": {"state_dict": {"a": torch.zeros(1)}}},
        {1: torch.zeros(1)},
        torch.zeros(1),
    ],
    ids=["list", "elsewhere", "two", "deep", "numbered", "tensor"],
)
def test_a_pth_that_is_no_table_of_weights_is_refused(tmp_path: Path, content: object) -> None:
    path = tmp_path / "net.pth"
    torch.save(content, path)
    says = refusal(lambda: load_model(str(path)))
    assert says == (
        f"{path} holds no table of weights by name, neither alone nor under 'state_dict' or 'model'"
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("licens: MIT\n", "unknown key 'licens'"),
        ("{}\n", "the key 'name' is missing"),
        ("name: [1]\n", "name: Input should be a valid string"),
    ],
)
def test_a_card_with_a_wrong_key_is_refused_in_one_clause(
    tmp_path: Path, weights: Weights, text: str, fault: str
) -> None:
    path = write_model(tmp_path / "net.safetensors", weights)
    card = path.with_suffix(".yaml")
    card.write_text(text, encoding="utf-8")
    says = refusal(lambda: load_model(str(path)))
    assert says == f"the model card {card} cannot be read: {fault}"


@pytest.mark.parametrize("text", ["", "- a\n- list\n", "name: [\n", "\x00"])
def test_a_damaged_card_is_refused(tmp_path: Path, weights: Weights, text: str) -> None:
    path = write_model(tmp_path / "net.safetensors", weights)
    path.with_suffix(".yaml").write_text(text, encoding="utf-8")
    says = refusal(lambda: load_model(str(path)))
    assert says.startswith(f"the model card {tmp_path / 'net.yaml'} cannot be read")


def test_commercial_use_is_one_of_three(tmp_path: Path, weights: Weights) -> None:
    path = write_model(tmp_path / "net.safetensors", weights)
    assert find_model(str(path)).commercial_use == "unknown"
    path = write_model(tmp_path / "net.safetensors", weights, commercial_use="perhaps")
    says = refusal(lambda: find_model(str(path)))
    assert "commercial_use" in says
    assert "'allowed', 'not allowed' or 'unknown'" in says


def test_an_unknown_key_of_a_card_is_named(tmp_path: Path, weights: Weights) -> None:
    path = write_model(tmp_path / "net.safetensors", weights, license="CC0-1.0")
    assert "license" in refusal(lambda: load_model(str(path)))


# By name: the package, then the user's folder; by path.


def test_names_are_looked_up_in_the_package_then_in_the_users_folder(
    folders: Folders, weights: Weights
) -> None:
    shipped = write_model(folders.package / "both.safetensors", weights)
    own = write_model(folders.user / "both.safetensors", weights, licence="mine")
    only = write_model(folders.user / "only.safetensors", weights)
    assert [model.path for model in list_models()] == [shipped, only]
    assert find_model("both").path == shipped
    assert find_model("only").path == only
    assert find_model(str(own)).path == own
    assert load_model("both").licence == "CC0-1.0"
    assert load_model(str(own)).licence == "mine"


def test_an_unknown_name_lists_what_there_is(folders: Folders, weights: Weights) -> None:
    assert "there is no model 'hero'; installed are: none." in refusal(lambda: load_model("hero"))
    write_model(folders.user / "mine.safetensors", weights)
    write_model(folders.package / "shipped.safetensors", weights)
    says = refusal(lambda: load_model("hero"))
    assert "there is no model 'hero'; installed are: shipped, mine." in says


@pytest.mark.parametrize("text", ["gone.safetensors", "gone.pth", "folder/gone"])
def test_a_path_that_is_not_there(tmp_path: Path, text: str) -> None:
    path = tmp_path / text
    assert refusal(lambda: load_model(str(path))) == f"there is no weights file {path}"


def test_a_file_in_the_working_folder_is_a_path(
    folders: Folders, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folders.user.parent)
    save_weights(weights, Path("here.safetensors"))
    assert load_model("here.safetensors").name == "here"


def test_a_damaged_card_harms_no_other_model(folders: Folders, weights: Weights) -> None:
    write_model(folders.package / "shipped.safetensors", weights)
    bad = write_model(folders.user / "bad.safetensors", weights, licence=7)
    assert load_model("shipped").licence == "CC0-1.0"
    assert str(bad.with_suffix(".yaml")) in refusal(lambda: load_model("bad"))


# Installing.


def test_an_installed_checkpoint_is_asked_for_by_name(
    folders: Folders, tmp_path: Path, weights: Weights
) -> None:
    source = tmp_path / "v1.2.pth"  # a name with a dot in it
    torch.save(weights, source)
    installed = install_model(source)
    assert installed.path == folders.user / "v1.2.safetensors"
    assert find_model("v1.2") == installed
    card = installed.card
    assert card is not None
    assert (card.name, card.architecture) == ("v1.2", "rde-lite")
    assert "unknown" in card.licence
    model = load_model("v1.2")
    assert model.sha256 == card.sha256
    assert all(torch.equal(weights[name], v) for name, v in model.net.state_dict().items())
    assert sorted(path.name for path in folders.user.iterdir()) == ["v1.2.safetensors", "v1.2.yaml"]


def test_a_card_is_taken_along(folders: Folders, tmp_path: Path, weights: Weights) -> None:
    source = write_model(
        tmp_path / "a.safetensors",
        weights,
        commercial_use="allowed",
        origin="a studio",
        training_data=["horses"],
    )
    card = install_model(source, "b").card
    assert card is not None
    assert (card.commercial_use, card.origin) == ("allowed", "a studio")
    assert (card.name, card.licence, card.training_data) == ("b", "CC0-1.0", ("horses",))
    assert licence_line(load_model("b")) == "b: CC0-1.0; commercial use: allowed"


def test_installing_again_replaces(folders: Folders, tmp_path: Path, weights: Weights) -> None:
    source = tmp_path / "net.safetensors"
    for value in (0.0, 1.0):
        save_weights({**weights, "key_comp.bias": torch.full((128,), value)}, source)
        install_model(source)
        loaded = load_model("net").net.state_dict()
        assert loaded["key_comp.bias"].tolist() == [value] * 128


def test_a_name_of_the_package_is_not_taken(
    folders: Folders, tmp_path: Path, weights: Weights
) -> None:
    write_model(folders.package / "shipped.safetensors", weights)
    source = tmp_path / "shipped.safetensors"
    save_weights(weights, source)
    says = refusal(lambda: install_model(source), UsageError)
    assert says.startswith("'shipped' is a shipped model")
    assert not list(folders.user.iterdir())
    assert install_model(source, "mine").name == "mine"


@pytest.mark.parametrize("name", ["../outside", "folder/inside", ".."])
def test_a_name_stays_in_the_model_folder(
    folders: Folders, tmp_path: Path, weights: Weights, name: str
) -> None:
    source = tmp_path / "net.safetensors"
    save_weights(weights, source)
    assert f"'{name}'" in refusal(lambda: install_model(source, name), UsageError)
    assert list(folders.user.parent.rglob("*")) == [folders.user]


@pytest.mark.parametrize("stage", [0, 3])
def test_the_papers_checkpoint_gets_a_card_of_what_is_known(
    folders: Folders, tmp_path: Path, r50: Weights, stage_0: Weights, stage: int
) -> None:
    assert len(r50) == 435
    source = tmp_path / "rde_vos.pth"
    torch.save(r50 if stage else stage_0, source)
    installed = install_model(source)
    card = find_model("rde_vos").card
    installed.path.unlink()  # 256 MB
    assert card is not None
    assert card == installed.card
    assert (card.architecture, card.commercial_use) == ("rde-r50", "unknown")
    if stage:
        assert "Limingxing00/RDE-VOS-CVPR2022" in card.origin
        assert "MIT" in card.licence
        assert any("BL30K" in data for data in card.training_data)
    else:  # it has neither all names nor the training that the published one has
        assert (card.origin, card.training_data) == ("", ())
        assert card.licence == "unknown: ask whoever gave you the file"


def without(weights: Weights, name: str) -> Weights:
    return {key: value for key, value in weights.items() if key != name}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda good: without(good, "key_comp.bias"), "; missing: key_comp.bias"),
        (lambda good: {**good, "extra": torch.zeros(1)}, "; unexpected: extra"),
        (lambda good: {**good, "key_comp.bias": torch.zeros(7)}, "key_comp.bias is [7], expected"),
        (lambda good: {**good, "code": Payload("nowhere")}, "could run code"),
        (lambda good: {**good, "epoch": 3}, "holds no table of weights by name"),
    ],
    ids=["missing", "unexpected", "misshapen", "code", "number"],
)
def test_a_wrong_checkpoint_is_not_installed(
    folders: Folders,
    tmp_path: Path,
    weights: Weights,
    spoil: Callable[[Weights], object],
    says: str,
) -> None:
    source = tmp_path / "net.pth"
    torch.save(spoil(weights), source)
    assert says in refusal(lambda: install_model(source))
    assert not list(folders.user.iterdir())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("content", ["cut", "text", "zip", "nothing"])
def test_a_file_that_is_no_checkpoint_is_not_installed(
    folders: Folders, tmp_path: Path, weights: Weights, suffix: str, content: str
) -> None:
    source = tmp_path / f"net{suffix}"
    if content == "cut":
        save = save_weights if suffix == ".safetensors" else torch.save
        save(weights, source)
        cut_short(source, 0.9)
    elif content == "zip":
        with zipfile.ZipFile(source, "w") as archive:
            archive.writestr("data.txt", "no weights")
    else:
        source.write_text("no weights" if content == "text" else "", encoding="utf-8")
    assert str(source) in refusal(lambda: install_model(source))
    assert not list(folders.user.iterdir())


def test_a_file_that_is_not_there_is_not_installed(folders: Folders, tmp_path: Path) -> None:
    assert "no weights file" in refusal(lambda: install_model(tmp_path / "gone.pth"))
    assert not list(folders.user.iterdir())


def test_weights_whose_card_cannot_be_written_do_not_stay(
    folders: Folders, tmp_path: Path, weights: Weights
) -> None:
    source = tmp_path / "net.safetensors"
    save_weights(weights, source)
    (folders.user / "net.yaml").mkdir()  # in the card's place
    assert "net.yaml" in refusal(lambda: install_model(source), OutputError)
    assert [path.name for path in folders.user.iterdir()] == ["net.yaml"]


def test_a_model_stays_when_another_cannot_take_its_place(
    folders: Folders, tmp_path: Path, weights: Weights
) -> None:
    installed = folders.user / "net.safetensors"
    installed.write_bytes(b"the only copy of somebody's weights")
    (folders.user / "net.yaml").mkdir()
    source = tmp_path / "net.safetensors"
    save_weights(weights, source)
    assert "net.yaml" in refusal(lambda: install_model(source), OutputError)
    assert installed.read_bytes() == b"the only copy of somebody's weights"
    assert sorted(path.name for path in folders.user.iterdir()) == ["net.safetensors", "net.yaml"]


def test_what_its_card_does_not_know_is_not_installed(
    folders: Folders, tmp_path: Path, weights: Weights
) -> None:
    source = write_model(tmp_path / "net.safetensors", weights)
    flip_a_byte(source, place=-1000)
    assert "damaged or was replaced" in refusal(lambda: install_model(source))
    assert not list(folders.user.iterdir())


def test_a_full_disk_leaves_the_old_model_and_no_partial_file(
    folders: Folders, tmp_path: Path, weights: Weights
) -> None:
    resource = pytest.importorskip("resource", reason="file sizes can be limited on Unix only")
    source = tmp_path / "net.safetensors"
    save_weights(weights, source)
    install_model(source)
    before = {path.name: path.read_bytes() for path in folders.user.iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))  # a write beyond it fails
    try:
        says = refusal(lambda: install_model(source), RotoError)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(folders.user / "net.safetensors") in says
    assert {path.name: path.read_bytes() for path in folders.user.iterdir()} == before


def test_a_card_survives_being_written(tmp_path: Path) -> None:
    card = ModelCard(
        name="net",
        architecture="rde-lite",
        sha256="0" * 64,
        licence="CC BY-NC 4.0",
        commercial_use="not allowed",
        origin="somewhere",
        summary="für Ärmel",
        training_data=("one", "two"),
        figures={"J&F": 0.87, "by sequence": {"bear": [0.9, 0.8]}},
    )
    write_card(card, tmp_path / "net.safetensors")
    text = (tmp_path / "net.yaml").read_text(encoding="utf-8")
    assert "für Ärmel" in text
    assert ModelCard.model_validate(yaml.safe_load(text)) == card


# What is shipped.


def test_the_shipped_models_are_in_order() -> None:
    shipped = sorted(SHIPPED.glob("*.safetensors"))
    assert DEFAULT_MODEL in [path.stem for path in shipped], f"not shipped in {SHIPPED}"
    for path in shipped:
        assert path.stat().st_size <= 24e6
        assert {tensor.dtype for tensor in load_file(path).values()} == {torch.float16}
        found = find_model(path.stem)
        assert found.path == path
        card = found.card
        assert card is not None
        assert card.name == path.stem
        assert card.licence
        assert "unknown" not in licence_line(found)
        assert card.origin
        assert card.training_data
        model = load_model(path.stem)
        assert model.net.config.name == card.architecture
        assert all(bool(value.isfinite().all()) for value in model.net.state_dict().values())
