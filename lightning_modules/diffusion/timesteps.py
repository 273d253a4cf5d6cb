"""Which noise levels training sees.

B clip, F frame.
"""

import torch
from torch import Tensor

from lightning_modules.diffusion.objective import Noise
from lightning_modules.diffusion.process import trailing_timesteps


def draw_timesteps(
    shape_BF: tuple[int, int], noise: Noise, motion_frames: int, left_out: float, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Timestep (B, F) of each frame, one level a clip, and which frames are free (B, F) bool.

    Motion frames, the first ones of a clip, are what the clip before ended with: they are not free, stay
    clean and have timestep 0. Clips shorter than twice as long have none.

    Args:
        shape_BF: clips and frames.
        noise: how levels are drawn.
        motion_frames: how many there are.
        left_out: share of the clips whose motion frames are free like the others.
        device: of the answers.
    """
    batch, frames = shape_BF
    level_B = torch.randint(noise.steps, (batch,), device=device)
    level_B = bias_to_sampler(level_B, noise)
    free_BF = torch.ones(batch, frames, dtype=torch.bool, device=device)
    if frames >= 2 * motion_frames > 0:
        free_BF[:, :motion_frames] = (torch.rand(batch, device=device) < left_out)[:, None]
    return level_B[:, None].expand(-1, frames) * free_BF, free_BF


def bias_to_sampler(timestep_B: Tensor, noise: Noise, generator: torch.Generator | None = None) -> Tensor:
    """Replace a share of random training timesteps (B,) by those that a few-step sampler visits.

    A few-step sampler sees few noise levels; spending part of the training on them removes most grain at no
    cost. `start_share` of all go to the first one, where everything has to come from what was asked for.
    """
    device = timestep_B.device
    visited = torch.tensor(trailing_timesteps(noise.sampler_steps, noise.steps), device=device)
    draw_B = torch.randint(len(visited), timestep_B.shape, device=device, generator=generator)
    chosen_B, first_B = torch.rand(2, *timestep_B.shape, device=device, generator=generator)
    timestep_B = torch.where(chosen_B < noise.sampler_share, visited[draw_B], timestep_B)
    return torch.where(first_B < noise.start_share, visited[0], timestep_B)
