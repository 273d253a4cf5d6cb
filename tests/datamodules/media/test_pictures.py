"""Pictures come out as a colour-managed reader shows them, reduced while they are read."""

import io

import numpy as np
import pytest
import torch
from icc_profiles import cmyk_profile, rgb_profile, srgb_of_lab, srgb_value
from PIL import Image, ImageCms
from places import SHARED

from datamodules.media.pictures import picture_size
from datamodules.media.reading import read_image

COLOURS = ((160, 139, 125), (200, 60, 40), (30, 90, 170), (128, 128, 128), (250, 240, 230))
INPUTS = SHARED / "inputs"


def swatches(mode: str = "RGB") -> Image.Image:
    row = np.repeat(np.array(COLOURS, np.uint8)[None], 16, 1).repeat(16, 0)
    return Image.fromarray(row).convert(mode)


def centres(picture_3HW: torch.Tensor) -> np.ndarray:
    return picture_3HW[:, 8, 8::16].T.numpy().astype(float)


@pytest.mark.parametrize("space", ["adobe", "prophoto", "p3"])
@pytest.mark.parametrize("ending", ["png", "jpg", "tif", "webp"])
def test_a_colour_profile_is_taken(tmp_path, space, ending):
    options = {"quality": 100, "subsampling": 0} if ending == "jpg" else {"lossless": True}
    path = tmp_path / f"x.{ending}"
    swatches().save(path, icc_profile=rgb_profile(space), **({} if ending in ("png", "tif") else options))
    truth = np.stack([srgb_value(space, colour) for colour in COLOURS])
    assert np.abs(centres(read_image(path)) - truth).max() <= 3
    if space == "prophoto":
        assert np.abs(truth - COLOURS).max() > 20


def test_a_profile_of_srgb_changes_nothing(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swatches().save(tmp_path / "x.png", icc_profile=profile)
    assert np.array_equal(centres(read_image(tmp_path / "x.png")), COLOURS)


def test_a_profile_and_transparency_go_together(tmp_path):
    image = swatches("RGBA")
    image.putalpha(Image.fromarray(np.repeat([[255] * 32 + [0] * 48], 16, 0).astype(np.uint8)))
    image.save(tmp_path / "x.png", icc_profile=rgb_profile("adobe"))
    shown = centres(read_image(tmp_path / "x.png"))
    truth = np.stack([srgb_value("adobe", colour) for colour in COLOURS[:2]])
    assert np.abs(shown[:2] - truth).max() <= 3
    assert (shown[2:] == 255).all()


def test_cmyk_is_read_by_its_profile(tmp_path):
    paper, cyan = (250, 128, 124), (140, 92, 80)
    inks = {"c": cyan, "m": (150, 165, 120), "y": (220, 120, 220), "k": (20, 128, 128)}
    plain = np.zeros((16, 32, 4), np.uint8)
    plain[:, :16, 0] = plain[:, 16:, 1] = 255
    path = tmp_path / "x.jpg"
    image = Image.fromarray(plain, "CMYK")
    image.save(path, quality=100, subsampling=0, icc_profile=cmyk_profile(paper, inks))
    shown = read_image(path)[:, 8, [8, 24]].T.numpy()
    truth = [srgb_of_lab((c[0] / 2.55, c[1] - 128, c[2] - 128)) for c in (cyan, inks["m"])]
    assert np.abs(shown - np.stack(truth)).max() <= 3


def test_a_damaged_profile_is_ignored_as_others_do(tmp_path):
    swatches().save(tmp_path / "x.png", icc_profile=b"no profile at all" * 20)
    assert np.array_equal(centres(read_image(tmp_path / "x.png")), COLOURS)
    swatches("L").save(tmp_path / "grey.png", icc_profile=rgb_profile("adobe"))
    assert np.ptp(centres(read_image(tmp_path / "grey.png")), axis=1).max() == 0


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (np.full((20, 20), 0.5, np.float32), 128),
        (np.full((20, 20), 200.0, np.float32), 200),
        (np.full((20, 20), 32_768, np.uint16), 128),
        (np.full((20, 20), 200, np.uint16), 1),
        (np.full((20, 20), 51_400, np.int32), 200),
    ],
)
def test_deep_and_float_pictures_keep_their_brightness(tmp_path, values, shown):
    Image.fromarray(values).save(tmp_path / "x.tif")
    assert (read_image(tmp_path / "x.tif") == shown).all()


def test_holes_in_a_float_picture_are_black(tmp_path):
    values = np.full((20, 20), 0.5, np.float32)
    values[0, 0] = np.nan
    Image.fromarray(values).save(tmp_path / "x.tif")
    assert read_image(tmp_path / "x.tif")[0, 0, :2].tolist() == [0, 128]


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_a_large_picture_is_reduced_while_it_is_read(tmp_path, ending):
    ramp = np.linspace(0, 255, 3000).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.stack([np.tile(ramp, (2000, 1))] * 3, -1)).save(tmp_path / f"x.{ending}", exif=exif)
    small = read_image(tmp_path / f"x.{ending}", 600)
    assert small.shape == (3, 600, 400)
    truth = np.linspace(0, 255, 600)
    assert np.abs(small[0, :, 200].numpy() - truth).max() < 4
    assert picture_size(tmp_path / f"x.{ending}") == (2000, 3000)
    assert read_image(tmp_path / f"x.{ending}").shape == (3, 3000, 2000)


@pytest.mark.parametrize("side", [10_100, 20_000])
def test_a_decompression_bomb_is_refused_in_one_line(tmp_path, side):
    Image.new("1", (side, side)).save(tmp_path / "bomb.png")
    for reading in (read_image, picture_size):
        with pytest.raises(ValueError, match=r"bomb\.png: .*at most 100 megapixels") as caught:
            reading(tmp_path / "bomb.png")
        assert "\n" not in str(caught.value)


@pytest.mark.weights
@pytest.mark.skipif(not INPUTS.is_dir(), reason="the shared inputs are not here")
def test_a_real_prophoto_portrait_is_shown_as_littlecms_shows_it():
    path = INPUTS / "prophoto-profile.jpg"
    with Image.open(path) as image:
        profile = ImageCms.getOpenProfile(io.BytesIO(image.info["icc_profile"]))
        truth = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert np.abs(read_image(path).permute(1, 2, 0).numpy().astype(int) - np.asarray(truth)).max() <= 3
