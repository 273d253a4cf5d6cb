import pytest
import torch

from moee.generation.grid import BACKGROUND, GRID_EMOTIONS, Grid, in_step


def test_the_grid_shows_every_emotion_and_a_compound_one() -> None:
    assert len(GRID_EMOTIONS) == 8
    assert GRID_EMOTIONS[0] == "neutral"
    assert GRID_EMOTIONS[-1] == "angrily_disgusted"


@pytest.mark.parametrize("size", [32, 128, 256, 300])
def test_tiles_lie_where_corner_says_and_sides_are_even(size: int) -> None:
    grid = Grid(GRID_EMOTIONS, size)
    tiles = torch.arange(8).mul(30).byte().view(1, 8, 1, 1, 1).expand(2, 8, 3, size, size)
    frames_F3HW = grid.frames(tiles)
    assert frames_F3HW.shape == (2, 3, grid.height, grid.width)
    assert grid.width % 2 == grid.height % 2 == 0
    assert grid.tile >= 256
    for i in range(8):
        top, left = grid.corner(i)
        inside = frames_F3HW[:, :, top : top + grid.tile, left : left + grid.tile]
        assert (inside.float() - 30 * i).abs().max() <= 1


def test_every_tile_has_a_caption_of_its_own() -> None:
    grid = Grid(["happy", "sad"], 128)
    frame_3HW = grid.frames(torch.zeros(1, 2, 3, 128, 128).byte())[0].float()
    strips = []
    for i in range(2):
        top, left = grid.corner(i)
        strips.append(frame_3HW[:, top + grid.tile : -8, left : left + grid.tile])
        assert (strips[i] > 200).float().mean() > 0.005
    assert not torch.equal(strips[0], strips[1])
    assert tuple(frame_3HW[:, 0, 0].int().tolist()) == BACKGROUND


def test_streams_of_different_length_are_refused() -> None:
    long, short = [torch.zeros(2, 3, 4, 4)] * 3, [torch.zeros(2, 3, 4, 4)] * 2
    with pytest.raises(ValueError, match="shorter"):
        list(in_step([iter(long), iter(short)]))
    assert next(in_step([iter(long), iter(long)])).shape == (2, 2, 3, 4, 4)
