"""Operations are counted, whatever the clock says."""

from collections.abc import Iterator

import torch
from mouth_painter import MouthPainter
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from moee.generation.cost import COUNTED_FRAMES, tflop_per_frame

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


class Learning(torch.nn.Module):
    """A layer that is handed a parameter, as Emotion-to-Latents hands its queries."""

    size, chunk, emotion_strength = 32, 8, 1.0

    def __init__(self) -> None:
        super().__init__()
        self.query, self.layer = torch.nn.Parameter(torch.ones(1, 8)), torch.nn.Linear(8, 16)

    @torch.no_grad()
    def animate(self, reference_3HW: Tensor, sound, cue, **_) -> Iterator[Tensor]:
        for _frame in range(len(sound) // 640):
            self.layer(self.query.expand(3, -1))
            yield reference_3HW[None]


def test_a_network_that_learns_is_counted_and_goes_on_learning() -> None:
    network = Learning()
    network.layer.bias.requires_grad_(False)
    found = tflop_per_frame(network, 1)
    assert found is not None
    assert found * 1e12 == 3 * 2 * 8 * 16
    assert [p.requires_grad for p in network.parameters()] == [True, True, False]


def test_a_network_without_operations_has_no_number() -> None:
    painter = MouthPainter()
    assert tflop_per_frame(painter, 4) is None
    assert sum(len(motion) for motion in painter.motion) == COUNTED_FRAMES
