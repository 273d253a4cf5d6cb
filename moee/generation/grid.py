"""Several videos side by side in one picture, each with its caption. F frame, H row, W column, T tile."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from datamodules.batch import EMOTIONS, NEUTRAL

GRID_EMOTIONS = (NEUTRAL, *EMOTIONS, "angrily_disgusted")
COLUMNS = 4
MIN_TILE = 256  # pixels; smaller tiles are scaled up by a whole factor, so that captions stay legible
BACKGROUND, INK = (18, 20, 24), (236, 238, 240)
GAP_SHARE, CAPTION_SHARE, FONT_SHARE = 1 / 32, 1 / 8, 1 / 13  # of the tile's side


class Grid:
    """Lays T tiles of side `size` out in rows of `columns`, draws the captions once, and fills in the frames.

    Args:
        captions: one per tile.
        size: side of a tile's picture as it comes.
        columns: tiles in a row.
    """

    def __init__(self, captions: Iterable[str], size: int, columns: int = COLUMNS) -> None:
        self.captions = [caption.replace("_", " ") for caption in captions]
        self.scale = max(1, -(-MIN_TILE // size))
        self.tile = size * self.scale
        self._gap, self._caption = round(self.tile * GAP_SHARE), round(self.tile * CAPTION_SHARE)
        self._columns = min(columns, len(self.captions))
        rows = -(-len(self.captions) // self._columns)
        self.width = _even(self._columns * (self.tile + self._gap) + self._gap)
        self.height = _even(rows * (self.tile + self._caption + self._gap) + self._gap)
        self._canvas_HW3 = self._draw()

    def corner(self, index: int) -> tuple[int, int]:
        """Top and left pixel of a tile's picture."""
        row, column = divmod(index, self._columns)
        top = self._gap + row * (self.tile + self._caption + self._gap)
        return top, self._gap + column * (self.tile + self._gap)

    def frames(self, tiles_FT3SS: Tensor) -> Tensor:
        """Pictures (F, 3, H, W) uint8 from tiles (F, T, 3, S, S) uint8."""
        frames, tiles = tiles_FT3SS.shape[:2]
        # RGB triples all the way: the order that the encoder reads; bytes are resized ten times faster.
        out_FHW3 = self._canvas_HW3.repeat(frames, 1, 1, 1)
        large = tiles_FT3SS.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        if self.scale > 1:
            large = F.interpolate(large, scale_factor=self.scale, mode="bicubic", align_corners=False)
        large = large.permute(0, 2, 3, 1).unflatten(0, (frames, tiles))
        for i in range(tiles):
            top, left = self.corner(i)
            out_FHW3[:, top : top + self.tile, left : left + self.tile] = large[:, i]
        return out_FHW3.permute(0, 3, 1, 2)

    def _draw(self) -> Tensor:
        from PIL import Image, ImageDraw, ImageFont

        image = Image.new("RGB", (self.width, self.height), BACKGROUND)
        draw = ImageDraw.Draw(image)
        font = ImageFont.load_default(size=max(10, round(self.tile * FONT_SHARE)))
        for i, caption in enumerate(self.captions):
            top, left = self.corner(i)
            middle = (left + self.tile / 2, top + self.tile + self._caption / 2)
            draw.text(middle, caption, fill=INK, font=font, anchor="mm")
        return torch.from_numpy(np.array(image))


def in_step(streams: list[Iterator[Tensor]]) -> Iterator[Tensor]:
    """Chunks (f, 3, S, S) of several videos of one length to chunks (f, T, 3, S, S)."""
    for parts in zip(*streams, strict=True):
        yield torch.stack(parts, 1)


def _even(side: int) -> int:
    return side + side % 2
