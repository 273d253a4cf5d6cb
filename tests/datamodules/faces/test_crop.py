"""Crop geometry on drawn points; the real detector on real portraits where it is here."""

import pytest
import torch
from places import SHARED

from datamodules.faces.crop import (
    Face,
    FaceFinder,
    crop,
    crop_box,
    parse_box,
    to_crop,
)
from datamodules.faces.single_face import single_face
from datamodules.faces.track import track_face
from datamodules.head_motion import MESH_TO_IBUG
from datamodules.media.reading import read_image
from datamodules.preparation.clips import closed_mouth, mouth_mask

MODEL = SHARED / "weights" / "face_landmarker_v2_with_blendshapes.task"
needs_model = pytest.mark.skipif(
    not (MODEL.is_file() and (SHARED / "data").is_dir()),
    reason="the face landmarker or the portraits are not here",
)


def drawn_face(x: float = 200, eyes: float = 150, scale: float = 1.0, opening: float = 0.0) -> torch.Tensor:
    """Landmarks (68, 2) of a plain face: eyes 60 apart, chin 120 below them."""
    points = torch.zeros(68, 2)
    turn = torch.linspace(torch.pi, 0, 17)
    points[:17] = torch.stack([80 * turn.cos(), 120 * turn.sin()], -1)
    for first, middle in ((36, -30.0), (42, 30.0)):
        offsets = [(-10, 0), (-4, -4), (4, -4), (10, 0), (4, 4), (-4, 4)]
        points[first : first + 6] = torch.tensor([[middle + a, float(b)] for a, b in offsets])
    points[30] = torch.tensor([0.0, 40.0])
    turn = torch.linspace(-torch.pi, torch.pi, 13)[:12]
    points[48:60] = torch.stack([22 * turn.cos(), 75 - 9 * turn.sin()], -1)
    points[60:68, 1] = 75
    points[61:64, 1] -= opening / 2
    points[65:68, 1] += opening / 2
    return points * scale + torch.tensor([x, eyes])


def face(points: torch.Tensor) -> Face:
    low, high = points.amin(0), points.amax(0)
    return Face(
        points,
        {"jawOpen": float(points[66, 1] - points[62, 1])},
        (*low.tolist(), *(high - low).tolist()),
        points.mean(0).expand(478, 2),
    )


class ToldFinder:
    """Finds what it is told, frame by frame."""

    def __init__(self, *faces: list[Face]):
        self.left = list(faces)

    def find(self, image):
        return self.left.pop(0)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.3])
def test_the_crop_frames_a_face_as_the_contract_says(scale):
    points = drawn_face(scale=scale)
    square = crop_box(points, 400, 400)
    placed = to_crop(points, square, 100)
    assert placed[36:48, 1].mean() == pytest.approx(42, abs=1.5)
    assert placed[8, 1] == pytest.approx(78, abs=1.5)
    assert placed[:17, 0].mean() == pytest.approx(50, abs=1.5)


def test_a_box_from_hairline_to_chin_frames_like_landmarks():
    eyes, chin = 150, 120
    height = chin / 0.6
    box = crop_box((120, eyes - 0.4 * height, 160, height), 400, 400)
    assert max(abs(a - b) for a, b in zip(box, crop_box(drawn_face(), 400, 400), strict=True)) <= 2
    with pytest.raises(ValueError, match="not inside"):
        crop_box((900, 100, 50, 50), 400, 400)
    with pytest.raises(ValueError, match="less than 2 pixels high"):
        crop_box((10, 10, 0.5, 0.5), 400, 400)


def test_boxes_offered_for_two_faces_lie_in_the_picture():
    faces = [Face(drawn_face(), {}, (-3.4, -6.2, 85.7, 114.9)), Face(drawn_face(), {}, (157.8, 20, 45, 93))]
    with pytest.raises(ValueError, match="2 faces") as caught:
        single_face(ToldFinder(faces), torch.zeros(3, 120, 200, dtype=torch.uint8), "p.png")
    for text in str(caught.value).partition("x y w h: ")[2].split("; "):
        x, y, w, h = parse_box(text)
        assert min(x, y) >= 0
        assert x + w <= 200
        assert y + h <= 120


@pytest.mark.parametrize("text", ["", "1 2 3", "a b c d", "1 2 0 5", "1 2 3 nan"])
def test_bad_boxes_are_refused(text):
    with pytest.raises(ValueError, match="face box"):
        parse_box(text)
    assert parse_box("1,2, 3 4.5") == (1, 2, 3, 4.5)


def test_crops_are_exact_antialiased_and_continue_the_edge():
    image = torch.arange(3 * 40 * 50, dtype=torch.int64).remainder(251).to(torch.uint8).view(3, 40, 50)
    assert torch.equal(crop(image, (5, 7, 16), 16), image[:, 7:23, 5:21])
    outside = crop(image, (-4, -4, 16), 16)
    assert torch.equal(outside[:, 4:, 4:], image[:, :12, :12])
    assert torch.equal(outside[:, 0, :], outside[:, 4, :])
    stripes = torch.zeros(3, 64, 64, dtype=torch.uint8)
    stripes[:, :, ::2] = 200
    assert ((crop(stripes, (0, 0, 64), 16)[:, :, 2:-2].int() - 100).abs() <= 2).all()
    nested = image.permute(1, 2, 0).contiguous().permute(2, 0, 1)  # as decoders give it
    assert torch.equal(crop(nested, (3, 3, 30), 16), crop(image, (3, 3, 30), 16))


def test_short_gaps_are_bridged_and_long_ones_refused():
    one, two = face(drawn_face(x=100)), face(drawn_face(x=120, opening=8))
    frames = [torch.zeros(3, 8, 8, dtype=torch.uint8)] * 20
    seen = [[one]] * 9 + [[]] + [[two]] * 10
    tracked = track_face(ToldFinder(*seen), frames)
    assert torch.allclose(tracked[9].landmarks, (one.landmarks + two.landmarks) / 2)
    assert tracked[9].blendshapes["jawOpen"] == pytest.approx(4)
    assert torch.allclose(tracked[9].mesh, (one.mesh + two.mesh) / 2)
    with pytest.raises(ValueError, match="no face in 5 of 20 frames"):
        track_face(ToldFinder(*[[one]] * 15, *[[]] * 5), frames)
    with pytest.raises(ValueError, match="two faces in 3 of 20 frames"):
        track_face(ToldFinder(*[[one]] * 17, *[[one, two]] * 3), frames)
    other = face(drawn_face(x=600))
    chosen = track_face(ToldFinder(*[[other, one]] * 20), frames, box=(20, 50, 160, 250))
    assert all(torch.equal(found.landmarks, one.landmarks) for found in chosen)


def test_the_mask_covers_the_lips_and_little_else():
    points = drawn_face(x=64, eyes=40, scale=0.4)[None]
    mask = mouth_mask(points, 128)[0]
    columns, rows = points[0, 48:60].round().long().unbind(-1)
    assert mask[rows, columns].all()
    assert 0.005 < mask.float().mean() < 0.05
    assert not mask[40, 64]


def test_the_reference_has_a_closed_mouth():
    points = torch.stack([drawn_face(opening=o) for o in (12.0, 3.0, 0.0, 6.0)])
    assert closed_mouth(points) == 2


def test_a_missing_or_wrong_model_is_one_clear_line(tmp_path):
    with pytest.raises(FileNotFoundError, match="moee weights fetch"):
        FaceFinder(tmp_path / "nothing.task")


@pytest.mark.mediapipe
@pytest.mark.weights
@needs_model
def test_real_portraits_animals_and_pairs(tmp_path, capfd):
    (tmp_path / "bad.task").write_text("no model")
    with pytest.raises(ValueError, match="not a face landmarker"):
        FaceFinder(tmp_path / "bad.task")
    portraits = SHARED / "data" / "portraits"
    image = read_image(portraits / "photo_s12.jpg")
    with FaceFinder(MODEL) as finder:
        found = single_face(finder, image, "photo")
        placed = to_crop(found.landmarks, crop_box(found.landmarks, *image.shape[:0:-1]), 100)
        assert placed[36:48, 1].mean() == pytest.approx(42, abs=2)
        assert found.mesh is not None
        assert torch.equal(found.mesh[list(MESH_TO_IBUG)], found.landmarks)
        assert found.mesh.shape == (478, 2)
        assert 0 <= min(found.blendshapes.values()) <= max(found.blendshapes.values()) <= 1
        assert torch.equal(found.landmarks, finder.find(image)[0].landmarks)  # bit by bit
        with pytest.raises(ValueError, match="no face found in cat"):
            single_face(finder, read_image(portraits / "negative_cat_s40.jpg"), "cat")
        with pytest.raises(ValueError, match="2 faces found in pair"):
            single_face(finder, torch.cat([image, image], 2), "pair")
    assert "W0000" not in capfd.readouterr().err
