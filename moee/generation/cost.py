"""What making a frame costs a network: operations counted, not timed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from datamodules.batch import EMOTIONS, SAMPLES_PER_FRAME
from lightning_modules.interfaces import EmotionCue
from moee.generation.generator import Generator, mean_points
from moee.generation.idle_motion import still_motion

COUNTED_FRAMES = 25  # of the one call; what is done once a portrait is spread over them


def tflop_per_frame(network: Generator, steps: int) -> float | None:
    """10^12 floating-point operations a frame, over one `animate` of a second; None where there are none.

    A multiplication and the addition after it are two operations, as PyTorch counts. Attention runs as plain
    products meanwhile: the counter has no formula for the CPU's fused kernel and would take it for nothing.

    Args:
        network: in evaluation mode.
        steps: of the sampler.
    """
    picture = torch.full((3, network.size, network.size), 128, dtype=torch.uint8)
    sound_S = torch.zeros(COUNTED_FRAMES * SAMPLES_PER_FRAME)
    cue = EmotionCue(label=torch.eye(len(EMOTIONS))[:1])
    with (
        _frozen(network),
        torch.no_grad(),
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as counter,
    ):
        chunks = network.animate(
            picture, sound_S, cue, head_motion=still_motion, steps=steps, points=mean_points(network)
        )
        frames = sum(len(chunk) for chunk in chunks)
    return counter.get_total_flops() / frames / 1e12 or None


@contextmanager
def _frozen(network: Any) -> Iterator[None]:
    """Without gradients for a while: the counter stumbles over parameters that are handed to a module."""
    learning = [p for p in network.parameters() if p.requires_grad] if isinstance(network, nn.Module) else []
    try:
        for parameter in learning:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
