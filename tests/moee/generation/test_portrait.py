import resource
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from places import SHARED
from rendered_faces import points_off, rendered_face

from datamodules.faces.crop import box_of_mesh, crop, crop_box, to_crop
from datamodules.head_motion import MESH_TO_IBUG
from moee.generation.portrait import (
    PasteBack,
    Portrait,
    colour_match,
    extend,
    framed,
    head_mask,
    open_portrait,
)

DETECTOR = SHARED / "weights" / "face_landmarker_v2_with_blendshapes.task"
needs_data = pytest.mark.skipif(
    not DETECTOR.is_file(), reason="the shared portraits and weights are not here"
)


def smooth_picture(height: int, width: int) -> torch.Tensor:
    coarse = torch.rand(1, 3, 7, 7, generator=torch.Generator().manual_seed(0)) * 255
    picture = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=True)
    return picture[0].clamp(0, 255).byte()


def save(picture_3HW: torch.Tensor, path: Path) -> Path:
    Image.fromarray(picture_3HW.permute(1, 2, 0).numpy()).save(path)
    return path


def test_a_face_box_frames_what_is_in_it(tmp_path: Path) -> None:
    path = save(smooth_picture(151, 201), tmp_path / "p.png")
    portrait = open_portrait(path, 64, face_box=(80, 40, 50, 60))
    assert portrait.picture.shape == (3, 150, 200)
    assert portrait.reference.shape == (3, 64, 64)
    x, _, side = portrait.box
    assert abs(x + side / 2 - 105) <= 1
    assert side == pytest.approx(100, abs=1)


@pytest.mark.parametrize("box", [(-1, 0, 20, 20), (0, 0, 500, 20), (150, 100, 60, 60)])
def test_a_box_outside_the_picture_is_one_clear_line(tmp_path: Path, box: tuple) -> None:
    path = save(smooth_picture(150, 200), tmp_path / "p.png")
    with pytest.raises(ValueError, match=r"reaches outside .* 200 x 150 pixels"):
        open_portrait(path, 64, face_box=box)


def test_a_missing_detector_is_named(tmp_path: Path) -> None:
    path = save(smooth_picture(150, 200), tmp_path / "p.png")
    with pytest.raises(FileNotFoundError, match="--detector"):
        open_portrait(path, 64, detector=tmp_path / "none.task")


def test_a_square_inside_the_picture_is_left_alone() -> None:
    picture = smooth_picture(100, 100)
    grown, box = extend(picture, (10, 10, 50))
    assert grown is picture
    assert box == (10, 10, 50)


@pytest.fixture
def nothing_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine as the install leaves it."""
    monkeypatch.setenv("MOEE_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.usefixtures("nothing_fetched")
def test_without_a_face_the_face_box_is_offered(tmp_path: Path) -> None:
    path = save(smooth_picture(150, 200), tmp_path / "p.png")
    with pytest.raises(ValueError, match=r"no face found in .*--face-box"):
        open_portrait(path, 64)


@pytest.mark.usefixtures("nothing_fetched")
def test_a_portrait_opens_with_nothing_fetched(tmp_path: Path) -> None:
    picture, mesh = rendered_face(4)
    opened = open_portrait(save(picture, tmp_path / "p.png"), 64)
    landmarks = mesh[list(MESH_TO_IBUG)]
    for found, wanted in zip(opened.box, crop_box(landmarks, 256, 256), strict=True):
        assert abs(found - wanted) <= 16
    assert opened.points is not None
    assert points_off(opened.points, to_crop(mesh, opened.box, 64)) < 0.07


def test_a_face_box_gives_points_too(tmp_path: Path) -> None:
    picture, mesh = rendered_face(4)
    path = save(picture, tmp_path / "p.png")
    box = box_of_mesh(mesh, mesh[list(MESH_TO_IBUG)])
    opened = open_portrait(path, 64, face_box=box)
    assert opened.points is not None
    assert points_off(opened.points, to_crop(mesh, opened.box, 64)) < 0.07


@pytest.mark.parametrize("box", [(-30, -40, 190), (20, 30, 150), (-10, 0, 100)])
def test_a_square_beyond_the_picture_gets_a_soft_continuation(box: tuple[int, int, int]) -> None:
    picture = smooth_picture(128, 128)
    grown, (x, y, side) = extend(picture, box)
    assert x >= 0
    assert y >= 0
    assert y + side <= grown.shape[1]
    assert x + side <= grown.shape[2]
    inside = grown[:, y - box[1] :][:, :, x - box[0] :][:, :128, :128]
    assert torch.equal(inside, picture)
    assert grown.float().diff(dim=1).abs().max() <= picture.float().diff(dim=1).abs().max() + 25


@pytest.mark.parametrize("box", [(-9, 150, 120), (330, 290, 150), (-40, -30, 460), (100, -25, 200)])
def test_what_is_far_from_the_square_does_not_matter(box: tuple[int, int, int]) -> None:
    """The square of a large picture comes out as if the whole of it had been continued."""
    picture = torch.randint(0, 256, (3, 400, 400), generator=torch.Generator().manual_seed(2)).byte()
    whole, square = extend(picture, box)
    assert torch.equal(framed(picture, box, 64), crop(whole, square, 64))


@pytest.mark.slow
def test_a_large_square_is_continued_as_a_small_one() -> None:
    small, large = smooth_picture(300, 300), smooth_picture(1500, 1500)
    near = framed(small, (-60, -80, 400), 128).float()
    far = framed(large, (-300, -400, 2000), 128).float()
    assert (near - far).abs().max() < 6


@pytest.mark.slow
@pytest.mark.parametrize("side", [1500, 6000])
def test_a_close_up_costs_what_its_square_costs(side: int) -> None:
    picture = smooth_picture(128, 128).repeat_interleave(side // 128, 1).repeat_interleave(side // 128, 2)
    width = picture.shape[1]
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    framed(picture, (-width // 5, -width // 4, width + width // 2), 128)
    assert time.process_time() - start < 6
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_200_000  # kilobytes


@pytest.mark.slow
def test_a_large_picture_keeps_its_face_box(tmp_path: Path) -> None:
    path = save(
        smooth_picture(300, 225).repeat_interleave(20, 1).repeat_interleave(20, 2), tmp_path / "p.jpg"
    )
    portrait = open_portrait(path, 64, face_box=(1600, 800, 1000, 1200))
    assert portrait.picture.shape == (3, 4096, 3072)
    x, y, side = portrait.box
    assert side == pytest.approx(2000 * 4096 / 6000, abs=3)
    assert x + side / 2 == pytest.approx(2100 * 4096 / 6000, abs=3)
    assert y + 0.42 * side == pytest.approx((800 + 0.4 * 1200) * 4096 / 6000, abs=3)


def test_a_picture_of_one_pixel_is_one_clear_line(tmp_path: Path) -> None:
    path = save(torch.zeros(3, 1, 1).byte(), tmp_path / "p.png")
    with pytest.raises(ValueError, match="1 x 1 pixels hold no face; give at least"):
        open_portrait(path, 64)


def test_the_mask_is_one_on_the_head_and_zero_at_the_border() -> None:
    mask = head_mask(200)
    assert mask[100, 100] == 1
    assert mask[50:150, 60:140].min() == 1
    assert mask[0].max() == mask[:, 0].max() == mask[-1].max() == 0
    assert mask.diff(dim=0).abs().max() < 0.06
    assert torch.allclose(mask, mask.flip(0), atol=1e-4)


def test_colours_are_brought_over() -> None:
    target = smooth_picture(64, 64).float()
    gain, offset = torch.tensor([0.9, 1.1, 1.0]), torch.tensor([10.0, -5.0, 3.0])
    source = (target - offset[:, None, None]) / gain[:, None, None]
    found_gain, found_offset = colour_match(source, target, head_mask(64))
    assert torch.allclose(found_gain, gain, atol=1e-3)
    assert torch.allclose(found_offset, offset, atol=0.1)


@pytest.mark.parametrize("box", [(30, 20, 80), (-20, -10, 120), (60, 50, 90)])
def test_an_unchanged_crop_gives_the_picture_back_with_all_its_detail(box: tuple[int, int, int]) -> None:
    picture = torch.randint(0, 256, (3, 120, 140), generator=torch.Generator().manual_seed(1)).byte()
    padded, (x, y, side) = extend(picture, box)
    square = padded[:, y : y + side, x : x + side]
    small = (
        torch.nn.functional.interpolate(
            square[None].float(), (32, 32), mode="bicubic", antialias=True, align_corners=False
        )[0]
        .round()
        .clamp(0, 255)
        .byte()
    )
    back = PasteBack(Portrait(picture, box, small))(small)
    assert (back.float() - picture.float()).abs().max() <= 2


def test_only_the_head_changes_and_colour_casts_are_taken_out() -> None:
    picture = smooth_picture(120, 140)
    square = picture[:, 20:100, 30:110]
    paste = PasteBack(Portrait(picture, (30, 20, 80), square))
    cast = (square.float() * 0.95 + 12).clamp(0, 255).byte()
    first = paste(cast)
    assert (first.float() - picture.float()).abs().mean() < 2
    mouth = cast.clone()
    mouth[:, 50:60, 30:50] = 0
    talking = paste(mouth)
    assert talking[:, 70:80, 60:80].float().mean() < first[:, 70:80, 60:80].float().mean() - 40
    outside = torch.ones(120, 140, dtype=torch.bool)
    outside[20:100, 30:110] = False
    assert torch.equal(talking[:, outside], picture[:, outside])
    assert talking.shape == picture.shape


@needs_data
@pytest.mark.mediapipe
@pytest.mark.weights
@pytest.mark.slow
def test_real_portraits_are_framed_alike_and_a_cat_is_refused() -> None:
    for name in ("photo_s12", "crema_img01", "sadtalker_art10"):
        portrait = open_portrait(SHARED / "data" / "portraits" / f"{name}.jpg", 128, detector=DETECTOR)
        x, _, side = portrait.box
        width = portrait.picture.shape[2]
        assert portrait.reference.shape == (3, 128, 128)
        assert abs(x + side / 2 - width / 2) < 0.2 * width
        assert 0.5 * width < side < 1.6 * width
    with pytest.raises(ValueError, match="no face found") as error:
        open_portrait(SHARED / "data" / "portraits" / "negative_cat_s40.jpg", 128, detector=DETECTOR)
    assert "\n" not in str(error.value)


@needs_data
@pytest.mark.mediapipe
@pytest.mark.weights
@pytest.mark.slow
def test_two_faces_are_one_clear_line(tmp_path: Path) -> None:
    face = torch.from_numpy(
        np.array(Image.open(SHARED / "data" / "portraits" / "photo_s12.jpg").convert("RGB"))
    )
    path = save(torch.cat([face, face], 1).permute(2, 0, 1), tmp_path / "two.png")
    with pytest.raises(ValueError, match="2 faces found") as error:
        open_portrait(path, 128, detector=DETECTOR)
    assert "\n" not in str(error.value)


def shared_portrait(name: str) -> torch.Tensor:
    with Image.open(SHARED / "data" / "portraits" / f"{name}.jpg") as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)


@needs_data
@pytest.mark.mediapipe
@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_picture_on_its_side_is_turned_upright(
    tmp_path: Path, quarters: int, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = shared_portrait("photo_s12")[:, :374, :374]  # even sides: nothing is cut off
    upright = open_portrait(save(picture, tmp_path / "a.png"), 128, detector=DETECTOR)
    assert capsys.readouterr().err == ""
    path = save(torch.rot90(picture, quarters, (1, 2)), tmp_path / "b.png")
    turned = open_portrait(path, 128, detector=DETECTOR)
    assert (turned.reference.float() - upright.reference.float()).abs().mean() < 3
    assert "b.png: the head lies on its side or upside down" in capsys.readouterr().err


@needs_data
@pytest.mark.mediapipe
@pytest.mark.weights
@pytest.mark.slow
def test_a_small_face_in_a_large_picture_is_located(tmp_path: Path) -> None:
    face = torch.nn.functional.interpolate(shared_portrait("photo_s12")[None].float(), (150, 150))[0].byte()
    picture = smooth_picture(3000, 4000)
    picture[:, 2200:2350, 900:1050] = face
    path = save(picture, tmp_path / "p.png")
    with pytest.raises(ValueError, match=r"a small one, .* pixels high: crop closer") as error:
        open_portrait(path, 128, detector=DETECTOR)
    advice = str(error.value).split('"')[1]
    x, y, width, height = (float(number) for number in advice.split())
    assert abs(x + width / 2 - 975) < 40
    assert abs(y + height / 2 - 2275) < 40
    assert open_portrait(path, 128, face_box=(x, y, width, height)).box[2] < 200
