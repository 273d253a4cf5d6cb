"""From noise to latents: a deterministic sampler that works with many steps or few.

B clip, F frame, C channel, H row, W column.
"""

from collections.abc import Callable

from torch import Tensor

from lightning_modules.diffusion.process import Prediction, ddim_step, to_x0, trailing_timesteps

Denoise = Callable[[Tensor, int], Tensor]


def sample(
    denoise: Denoise, noise_BFCHW: Tensor, alphas: Tensor, steps: int, prediction: Prediction = "v"
) -> Tensor:
    """DDIM over trailing timesteps; the last step returns the clean estimate itself, so four steps suffice.

    Args:
        denoise: (z_t, timestep) to the network's output.
        noise_BFCHW: start at the last timestep.
        alphas: cumulative alphas of all timesteps.
        steps: network evaluations.
        prediction: parametrisation of the output.
    """
    z, timesteps = noise_BFCHW, trailing_timesteps(steps, len(alphas))
    for now, following in zip(timesteps, [*timesteps[1:], None], strict=True):
        output, alpha = denoise(z, now), alphas[now]
        if following is None:
            return to_x0(z, output, alpha, prediction)
        z = ddim_step(z, output, alpha, alphas[following], prediction)
    raise AssertionError("unreachable: the loop returns at its last step")
