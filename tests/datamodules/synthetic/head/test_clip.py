"""Clips of the world in three dimensions, faces laid out flat."""

import numpy as np
import pytest
import torch

from datamodules.batch import collate, parse_blend
from datamodules.face_space.mesh import ATLAS, POINTS, face_frame, in_frame
from datamodules.loading.synthetic_heads import SyntheticClips
from datamodules.synthetic.clip import synthetic_clip
from datamodules.synthetic.head.clip import mouth_of_layout
from datamodules.synthetic.recipe import Recipe


@pytest.fixture(scope="module")
def clip():
    return synthetic_clip(5, frames=6, size=96, blend=parse_blend("happy"), world="head")


def test_a_flat_clip_keeps_the_contract(clip) -> None:
    assert clip["frames"].shape == (6, 3, ATLAS, ATLAS)
    assert clip["frames"].dtype == torch.uint8
    assert clip["reference"].shape == (3, ATLAS, ATLAS)
    assert clip["points"].shape == (6, POINTS, 2)
    assert clip["reference_points"].shape == (POINTS, 2)
    assert clip["landmarks"].shape == (6, 68, 2)
    assert clip["head_motion"].shape == (6, 7)
    assert clip["waveform"].shape == (6 * 640,)
    batch = collate([clip, clip])
    assert batch["points"].shape == (2, 6, POINTS, 2)
    assert batch["reference_points"].shape == (2, POINTS, 2)


def test_a_smile_lifts_and_widens_the_corners_of_the_mouth(clip) -> None:
    frame = face_frame(clip["reference_points"][None])
    then = in_frame(clip["reference_points"][None], *frame)
    now = in_frame(clip["points"].mean(0)[None], *frame)
    moved = (now - then)[0]
    assert moved[[61, 291], 1].max() < -0.02  # y points down
    assert moved[291, 0] - moved[61, 0] > 0.05


def test_the_head_keeps_its_portraits_pose(clip) -> None:
    """What moves is the expression: corners of the eyes and bridge of the nose stay to a pixel."""
    stable = [33, 263, 168]
    offset = clip["points"][:, stable] - clip["reference_points"][stable]
    assert offset.norm(dim=-1).max() < 1.0


def test_the_mouth_of_the_layout_holds_the_lips() -> None:
    mouth = mouth_of_layout()
    assert 0.03 < mouth.float().mean() < 0.15
    assert not mouth[: ATLAS // 2].any()


def test_a_cache_of_flat_clips_gives_the_clips_back(tmp_path) -> None:
    recipe = Recipe(clips=1, frames=5, size=64, voice_frames=25, world="head")
    clips = SyntheticClips(recipe, tmp_path)
    clips.build()
    clips.open()
    first = clips.clip(0, slice(1, 4))
    assert first["points"].shape == (3, POINTS, 2)
    assert first["reference_points"].shape == (POINTS, 2)
    assert np.array_equal(first["reference_points"], clips.clip(0)["reference_points"])
    painted = Recipe(clips=1, frames=5, size=64, voice_frames=25)
    assert recipe.digest() != painted.digest()
