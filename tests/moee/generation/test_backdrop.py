"""A large picture that stands still but for a part of it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules.media.reading import read_video
from moee.generation.animate import cost_line
from moee.generation.backdrop import Backdrop, ToYuv
from moee.generation.portrait import PasteBack, Portrait, framed
from moee.generation.video_writer import VideoWriter


def picture(height: int = 120, width: int = 160) -> torch.Tensor:
    return torch.randint(0, 256, (3, height, width), generator=torch.Generator().manual_seed(0)).byte()


@pytest.mark.parametrize(
    "part",
    [
        (slice(21, 80), slice(33, 104)),
        (slice(0, 120), slice(0, 160)),
        (slice(0, 7), slice(150, 160)),
        (slice(119, 120), slice(0, 1)),
    ],
)
def test_frames_are_those_of_the_whole_picture(part: tuple[slice, slice]) -> None:
    whole, to_yuv = picture(), ToYuv()
    backdrop = Backdrop(whole, part)
    for shade in (255, 0, 90):
        changed = torch.full_like(whole[:, *part], shade)
        whole[:, *part] = changed
        wanted = to_yuv(np.ascontiguousarray(whole.permute(1, 2, 0).numpy())).to_ndarray()
        assert np.array_equal(backdrop.frame(changed).to_ndarray(), wanted)


@pytest.mark.parametrize("box", [(31, 21, 80), (-21, -10, 121)])
def test_a_pasted_video_is_that_of_whole_pictures(tmp_path: Path, box: tuple[int, int, int]) -> None:
    whole = picture()
    portrait = Portrait(whole, box, framed(whole, box, 32))
    crops = [(portrait.reference.int() + 9 * i).clamp(0, 255).byte() for i in range(4)]
    paste, again = PasteBack(portrait), PasteBack(portrait)
    backdrop = Backdrop(whole, paste.place)
    with VideoWriter(tmp_path / "a.mp4", 160, 120) as writer:
        for crop_3SS in crops:
            writer.write_frame(backdrop.frame(paste.part(crop_3SS)))
    with VideoWriter(tmp_path / "b.mp4", 160, 120) as writer:
        for crop_3SS in crops:
            writer.write(again(crop_3SS)[None])
    assert torch.equal(read_video(tmp_path / "a.mp4").frames, read_video(tmp_path / "b.mp4").frames)
    with VideoWriter(tmp_path / "c.mp4", 64, 64) as writer:
        writer.write(torch.zeros(1, 3, 64, 64).byte())
        with pytest.raises(ValueError, match="160 x 120 pixels"):
            writer.write_frame(backdrop.frame(paste.part(crops[0])))


def test_the_cost_of_a_large_picture_is_told_beforehand() -> None:
    large = Portrait(torch.zeros(3, 4096, 3072, dtype=torch.uint8), (0, 0, 9), torch.zeros(3, 8, 8).byte())
    line = cost_line(large, 250)
    assert line is not None
    assert line.startswith("--paste-back: 250 frames of 3072 x 4096 pixels take about 94 s beside")
    small = Portrait(torch.zeros(3, 1000, 1000, dtype=torch.uint8), (0, 0, 9), torch.zeros(3, 8, 8).byte())
    assert cost_line(small, 250) is None
