"""Operations are counted, whatever the clock says."""

from collections.abc import Iterator

import torch
from mouth_painter import MouthPainter
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from moee.generation_cost import COUNTED_FRAMES, tflop_per_frame

HEADS, TOKENS, WIDTH = 2, 10, 8


class Counted(MouthPainter):
    """One product (4, 8) x (8, 16) and one attention a frame and step."""

    def animate(
        self, reference_3HW: Tensor, sound, cue, *, head_motion=None, steps=4, **_
    ) -> Iterator[Tensor]:
        query = torch.ones(1, HEADS, TOKENS, WIDTH)
        for frame in range(len(sound) // 640):
            assert head_motion(frame, sound[:640]).shape == (1, 7)
            for _step in range(steps):
                torch.ones(4, 8) @ torch.ones(8, 16)
                scaled_dot_product_attention(query, query, query)
            yield reference_3HW[None]


def test_products_and_attention_are_counted() -> None:
    product, weights = 2 * 4 * 8 * 16, 2 * HEADS * TOKENS * TOKENS * WIDTH
    for steps in (1, 3):
        found = tflop_per_frame(Counted(), steps)
        assert found is not None
        assert found * 1e12 == steps * (product + 2 * weights)  # q k^T and the mixing of v


def test_a_network_without_operations_has_no_number() -> None:
    painter = MouthPainter()
    assert tflop_per_frame(painter, 4) is None
    assert sum(len(motion) for motion in painter.motion) == COUNTED_FRAMES
