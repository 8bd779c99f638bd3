from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from rde_roto.training.clips import augment
from rde_roto.training.clips.augment import Grades, ThinPlate, Window
from rde_roto.training.clips.random_source import RandomSource
from rde_roto.training.recipe import Jitter

SIZE = 64
CPU = torch.device("cpu")


def drawn(seed: int = 0) -> RandomSource:
    return RandomSource(torch.Generator().manual_seed(seed))


def square() -> tuple[Tensor, Tensor]:
    """A bright square that is label 1: picture [1, 3, S, S] and labels [1, S, S]."""
    labels = torch.zeros(1, SIZE, SIZE)
    labels[:, 20:44, 12:44] = 1
    return labels[:, None].expand(1, 3, SIZE, SIZE).contiguous(), labels


# Geometry.


def test_no_jitter_shows_the_picture_as_it_is() -> None:
    picture, labels = square()
    grid = augment.grids(augment.warps(Jitter(), 1, drawn()), SIZE, CPU)
    torch.testing.assert_close(augment.pictures_at(grid, picture), picture, atol=1e-4, rtol=0)
    assert torch.equal(augment.labels_at(grid, labels), labels)


@pytest.mark.parametrize(
    "jitter",
    [
        Jitter(turn_deg=40),
        Jitter(shear_deg=20),
        Jitter(scale=[0.6, 1.6]),
        Jitter(shift=0.2),
        Jitter(mirror=0.5),
        Jitter(thin_plate=1.0),
        Jitter(turn_deg=20, shear_deg=10, scale=[0.8, 1.2], shift=0.1, mirror=0.5, thin_plate=0.5),
    ],
)
def test_picture_and_labels_move_together(jitter: Jitter) -> None:
    draws = drawn(3)
    picture, labels = square()
    count = 12
    points = augment.control_points(draws)
    bend = ThinPlate.through(points, augment.bends(jitter, count, draws))
    grid = augment.grids(augment.warps(jitter, count, draws), SIZE, CPU, bend)
    moved = augment.pictures_at(grid, picture.expand(count, -1, -1, -1))
    found = augment.labels_at(grid, labels.expand(count, -1, -1))
    assert not torch.equal(found, labels.expand(count, -1, -1))
    assert set(found.unique().tolist()) == {0.0, 1.0}
    # Green is 1 in the square, 0 round it and 0.455 beyond the picture. Between pixels, nearest and
    # more than half agree but for the corners.
    wrong = (moved[:, 1] > 0.5) != (found > 0.5)
    assert float(wrong.float().mean()) < 0.005


@pytest.mark.parametrize(
    ("jitter", "expected"),
    [
        (Jitter(scale=[2.0, 2.0]), [[0.5, 0, 0], [0, 0.5, 0]]),
        (Jitter(mirror=1.0), [[-1, 0, 0], [0, 1, 0]]),
    ],
)
def test_matrices_by_hand(jitter: Jitter, expected: list[list[float]]) -> None:
    (matrix,) = augment.warps(jitter, 1, drawn())
    torch.testing.assert_close(matrix, torch.tensor([*expected, [0.0, 0.0, 1.0]]))


def test_turns_stay_within_their_reach() -> None:
    matrices = augment.warps(Jitter(turn_deg=30), 500, drawn())
    turns = torch.atan2(matrices[:, 1, 0], matrices[:, 0, 0]).rad2deg()
    assert 28 < float(turns.max()) <= 30.001
    assert -30.001 <= float(turns.min()) < -28
    assert matrices[:, :2, :2].det() == pytest.approx(torch.ones(500))


def test_a_window_enlarges_its_part() -> None:
    columns = torch.arange(float(SIZE)).expand(1, SIZE, SIZE)
    right = Window(x=0.5, y=0.0, half_width=0.5, half_height=1.0)
    grid = right.place(augment.grids(torch.eye(3)[None], SIZE, CPU))
    seen = augment.labels_at(grid, columns)[0, 0]
    assert seen[0] == SIZE / 2
    assert seen[-1] == SIZE - 1


def test_outside_the_picture_there_is_grey_and_no_label() -> None:
    picture, labels = torch.ones(1, 3, SIZE, SIZE), torch.ones(1, SIZE, SIZE)
    grid = augment.grids(torch.diag(torch.tensor([4.0, 4.0, 1.0]))[None], SIZE, CPU)
    corner = augment.pictures_at(grid, picture)[0, :, 0, 0]
    assert corner.tolist() == pytest.approx([124 / 255, 116 / 255, 104 / 255])
    assert augment.labels_at(grid, labels)[0, 0, 0] == 0


def test_a_thin_plate_goes_through_its_points() -> None:
    draws = drawn(1)
    points = augment.control_points(draws)
    moved = augment.bends(Jitter(thin_plate=1), 4, draws)
    plates = ThinPlate.through(points, moved)
    places = plates(points.expand(4, -1, -1))
    torch.testing.assert_close(places, points + moved, atol=1e-4, rtol=0)


def test_an_affine_displacement_does_not_bend() -> None:
    points = augment.control_points(drawn(2))
    plate = ThinPlate.through(points, (0.1 + 0.2 * points)[None])
    assert float(plate.weights[:, :-3].abs().max()) < 1e-4
    places = torch.tensor([[[0.5, -0.5]]])
    assert plate(places)[0, 0].tolist() == pytest.approx([0.7, -0.5], abs=1e-4)


def test_control_points_share_no_row_and_no_column() -> None:
    points = augment.control_points(drawn(4))
    for axis in (0, 1):
        cells = ((points[:, axis] + 1) * 6).long()
        assert cells.sort().values.tolist() == list(range(12))


def test_the_share_of_bent_frames() -> None:
    bent = augment.bends(Jitter(thin_plate=0.3), 400, drawn()).flatten(1).any(dim=1)
    assert 80 < int(bent.sum()) < 160


def test_reducing_keeps_the_mean_and_never_enlarges() -> None:
    checks = (torch.arange(SIZE)[:, None] + torch.arange(SIZE)).remainder(2).float()[None, None]
    small = augment.reduced(checks, 0.25)
    assert small.shape == (1, 1, 16, 16)
    assert float((small - 0.5).abs().max()) < 0.1  # aliased, they would be 0 or 1
    assert augment.reduced(checks, 1.5) is checks


# Colour.


def colours() -> Tensor:
    return torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25


def grades(
    brightness: float = 1, contrast: float = 1, saturation: float = 1, hue: float = 0
) -> Grades:
    return Grades(*(torch.tensor([v]) for v in (brightness, contrast, saturation, hue)))


def luma(images: Tensor) -> Tensor:
    return (images * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(dim=1)


def test_no_jitter_keeps_the_colours() -> None:
    images = colours()
    same = Grades.sample(Jitter(), 3, drawn()).on(images)
    torch.testing.assert_close(same, images, atol=1e-5, rtol=0)


def test_each_grade_does_what_it_says() -> None:
    images = colours()
    torch.testing.assert_close(grades(brightness=1.2).on(images), images * 1.2)
    grey = luma(images).mean(dim=(1, 2)).view(-1, 1, 1, 1)
    torch.testing.assert_close(grades(contrast=0.5).on(images), (images + grey) / 2)
    flat = grades(saturation=0).on(images)
    torch.testing.assert_close(flat, luma(images)[:, None].expand_as(flat), atol=1e-5, rtol=0)
    torch.testing.assert_close(grades(hue=1.0).on(images), images, atol=1e-4, rtol=0)
    turned = grades(hue=0.05).on(images)
    assert float((turned - images).abs().max()) > 0.02
    torch.testing.assert_close(luma(turned), luma(images), atol=2e-3, rtol=0)


def test_grades_follow_each_other() -> None:
    images = colours()
    one = grades(1.1, 1.0, 0.8, 0.01)
    other = grades(0.9, 1.0, 1.1, 0.02)
    torch.testing.assert_close(one.then(other).on(images), other.on(one.on(images)))


def test_drawn_grades_keep_their_reach_and_share() -> None:
    jitter = Jitter(brightness=0.1, contrast=0.2, saturation=0.3, hue=0.05, grey=0.25)
    many = Grades.sample(jitter, 1000, drawn())
    for values, reach in [(many.brightness, 0.1), (many.contrast, 0.2)]:
        assert 0.9 * reach < float((values - 1).abs().max()) <= reach + 1e-6
    assert 0.04 < float(many.hue.abs().max()) <= 0.05
    assert 200 < int((many.saturation == 0).sum()) < 300


def test_graded_pictures_stay_within_range() -> None:
    wild = Grades.sample(Jitter(brightness=2, contrast=2, saturation=2, hue=0.5), 3, drawn())
    images = wild.on(colours())
    assert 0 <= float(images.min()) <= float(images.max()) <= 1


def test_the_generator_decides() -> None:
    jitter = Jitter(turn_deg=10, shift=0.1)
    first = augment.warps(jitter, 5, drawn(1))
    assert torch.equal(first, augment.warps(jitter, 5, drawn(1)))
    assert not torch.equal(first, augment.warps(jitter, 5, drawn(2)))
    assert math.isfinite(float(first.sum()))
