"""The finder that ships: on renderings whose truth is known, on what is no face, on real portraits."""

import time

import numpy as np
import pytest
import torch
from places import ROOT, SHARED
from rendered_faces import points_off, rendered_face

from datamodules.faces.crop import box_of_mesh, overlap
from datamodules.faces.finder import MEDIAPIPE, OWN, finder_name, open_finder
from datamodules.faces.networks import CROP
from datamodules.faces.placement import Placement
from datamodules.faces.single_face import single_face, upright_face
from datamodules.faces.small_finder import SmallFaceFinder, square_of
from datamodules.head_motion import MESH_TO_IBUG
from datamodules.loading.faces.clutter import clutter
from datamodules.media.reading import read_image

SHIPPED = ROOT / "moee" / "weights" / "face-finder.safetensors"
PORTRAITS = SHARED / "data" / "portraits"


@pytest.fixture(scope="module")
def finder():
    with SmallFaceFinder(SHIPPED) as opened:
        yield opened


@pytest.fixture(scope="module")
def people() -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [rendered_face(number, yaw=yaw) for number, yaw in ((0, 0.1), (1, -0.2), (2, 0.3), (3, 0.0))]


def test_rendered_people_are_found_where_they_are(finder, people):
    for picture, mesh in people:
        (face,) = finder.find(picture)
        assert points_off(face.mesh, mesh) < 0.07
        assert torch.equal(face.landmarks, face.mesh[list(MESH_TO_IBUG)])
        assert overlap(face.box, box_of_mesh(mesh, mesh[list(MESH_TO_IBUG)])) > 0.75
        assert face.blendshapes == {}


def test_a_face_is_found_in_a_larger_picture_and_when_it_leans(finder, people):
    picture, mesh = people[0]
    wide = torch.nn.functional.pad(picture.float(), (300, 200, 40, 100), mode="replicate").byte()
    (face,) = finder.find(wide)
    assert points_off(face.mesh, mesh + torch.tensor([300.0, 40.0])) < 0.07
    upright, face, was_turned = upright_face(finder, torch.rot90(picture, 1, (1, 2)), "p.png")
    assert was_turned
    assert points_off(face.mesh, mesh) < 0.07
    assert upright.shape == picture.shape


def test_two_people_are_two_and_the_larger_comes_first(finder, people):
    (one, mesh), (two, _) = people[:2]
    smaller = torch.nn.functional.interpolate(two[None].float(), size=170, mode="area")[0].byte()
    pair = torch.cat(
        [torch.nn.functional.pad(smaller.float(), (0, 0, 43, 43), mode="replicate").byte(), one], 2
    )
    faces = finder.find(pair)
    assert len(faces) == 2
    assert points_off(faces[0].mesh, mesh + torch.tensor([170.0, 0.0])) < 0.07
    with pytest.raises(ValueError, match=r"2 faces found in pair"):
        single_face(finder, pair, "pair")


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_of_one_grey_holds_no_face(finder, level):
    assert finder.find(torch.full((3, 200, 300), level, dtype=torch.uint8)) == []


def test_textures_and_shapes_hold_no_face(finder):
    pictures = [clutter(np.random.default_rng([9, seed]), 256) for seed in range(24)]
    found = [finder.find(torch.from_numpy(p.transpose(2, 0, 1).copy())) for p in pictures]
    assert sum(bool(faces) for faces in found) == 0


def test_what_is_hardly_a_picture_is_taken_or_refused(finder, tmp_path):
    assert finder.find(torch.zeros(3, 1, 1, dtype=torch.uint8)) == []
    assert finder.find(torch.zeros(3, 16, 3000, dtype=torch.uint8)) == []
    with pytest.raises(ValueError, match=r"expected a picture \(3, H, W\) uint8"):
        finder.find(torch.zeros(1, 64, 64, dtype=torch.uint8))
    with pytest.raises(FileNotFoundError, match="the face finder is not there"):
        SmallFaceFinder(tmp_path / "no.safetensors")


def test_a_box_is_read_as_a_face(finder, people):
    picture, mesh = people[1]
    x, y, width, height = box_of_mesh(mesh, mesh[list(MESH_TO_IBUG)])
    face = finder.read(picture, (x + 4, y - 5, width, height * 1.08))
    assert points_off(face.mesh, mesh) < 0.07
    nothing = finder.read(torch.full_like(picture, 90), (60, 50, 100, 130))
    assert nothing.mesh.isfinite().all()


def test_the_same_picture_gives_the_same_points(finder, people):
    picture = people[2][0]
    assert torch.equal(finder.find(picture)[0].mesh, finder.find(picture)[0].mesh)


@pytest.mark.parametrize("shrink", [1, 5])
def test_the_square_shows_the_place_at_any_size(shrink):
    """A ramp of brightness tells where each pixel of the square comes from."""
    columns = np.tile(np.linspace(0, 255, 300 * shrink)[None, :, None], (300 * shrink, 1, 3)).astype(np.uint8)
    place = Placement(140.0 * shrink, 150.0 * shrink, 60.0 * shrink)
    square = square_of(columns, place)
    assert square.shape == (CROP, CROP, 3)
    middle = square[CROP // 2, CROP // 2 - 1 : CROP // 2 + 1, 0].mean()
    assert middle == pytest.approx(255 * 140 / 300, abs=1.5)


def test_the_file_decides_the_finder(tmp_path):
    assert isinstance(open_finder(SHIPPED), SmallFaceFinder)
    assert finder_name(SHIPPED) == OWN
    assert finder_name("x.task") == MEDIAPIPE
    with pytest.raises(FileNotFoundError, match="face landmarker"):
        open_finder(tmp_path / "x.task")


@pytest.mark.skipif(not PORTRAITS.is_dir(), reason="the real portraits are not here")
def test_real_portraits_are_found_and_a_cat_is_refused(finder):
    for path in sorted(PORTRAITS.glob("*.jpg")):
        picture = read_image(path)
        start = time.process_time()
        faces = finder.find(picture)
        assert time.process_time() - start < 2
        assert len(faces) == (0 if path.stem.startswith("negative") else 1), path.stem
    with pytest.raises(ValueError, match="no face found in cat"):
        upright_face(finder, read_image(PORTRAITS / "negative_cat_s40.jpg"), "cat")
    pair = torch.cat([picture := read_image(PORTRAITS / "photo_s12.jpg"), picture], 2)
    assert len(finder.find(pair)) == 2
