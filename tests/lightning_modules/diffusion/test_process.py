import math

import pytest
import torch
from diffusers import DDIMScheduler

from lightning_modules.diffusion.objective import Noise
from lightning_modules.diffusion.process import (
    add_noise,
    alphas_cumprod,
    clip_noise,
    guide,
    min_snr_weight,
    spatial_weight,
    target,
    to_noise,
    to_x0,
    trailing_timesteps,
)
from lightning_modules.diffusion.sampling import sample
from lightning_modules.diffusion.timesteps import bias_to_sampler, draw_timesteps


@pytest.mark.parametrize("zero", [True, False])
@pytest.mark.parametrize("schedule", ["scaled_linear", "linear"])
def test_alphas_equal_diffusers(zero: bool, schedule: str) -> None:
    peer = DDIMScheduler(1000, 0.00085, 0.012, schedule, rescale_betas_zero_snr=zero).alphas_cumprod
    # diffusers works in float32 and passes through betas again
    torch.testing.assert_close(alphas_cumprod(1000, zero, schedule), peer, atol=2e-5, rtol=1e-3)


def test_zero_terminal_snr_ends_in_pure_noise() -> None:
    assert alphas_cumprod(1000, True)[-1] == 0
    assert alphas_cumprod(1000, False)[-1] > 0


@pytest.mark.parametrize("prediction", ["v", "epsilon"])
def test_target_inverts_to_x0_and_noise(prediction: str) -> None:
    torch.manual_seed(0)
    x, noise = torch.randn(3, 2, 4, 5, 5), torch.randn(3, 2, 4, 5, 5)
    alpha = torch.tensor([0.9, 0.5, 0.1])
    z, said = add_noise(x, noise, alpha), target(x, noise, alpha, prediction)
    torch.testing.assert_close(to_x0(z, said, alpha, prediction), x, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(to_noise(z, said, alpha, prediction), noise, atol=1e-5, rtol=1e-5)


def test_min_snr_is_per_sample_and_clipped() -> None:
    alpha = torch.tensor([0.9, 0.5, 0.0, 0.9999])
    weight = min_snr_weight(alpha, "v", gamma=5.0)
    assert weight[0] == pytest.approx(5 / 10, rel=1e-4)
    assert weight[1] == pytest.approx(0.5)
    assert weight[2] == weight[3] == pytest.approx(0.1 / 1.1)
    assert min_snr_weight(alpha[:2], "epsilon", 5.0)[1] == 1
    assert min_snr_weight(alpha, "v", 5.0, floor=0.6).min() >= 0.6


def test_spatial_weight_is_the_papers_cosine() -> None:
    at = spatial_weight(torch.tensor([0, 500, 1000]), 1000)
    torch.testing.assert_close(at, torch.tensor([1.0, math.sqrt(0.5), 0.0]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("shared", [0.0, 0.4, 1.0])
def test_clip_noise_shares_the_asked_variance(shared: float) -> None:
    noise = clip_noise(torch.zeros(400, 2, 4, 4, 4), shared, torch.Generator().manual_seed(1))
    assert noise.var().item() == pytest.approx(1, abs=0.05)
    assert (noise[:, 0] * noise[:, 1]).mean().item() == pytest.approx(shared, abs=0.05)


def test_clip_noise_refuses_bad_share() -> None:
    with pytest.raises(ValueError, match=r"shared=1\.5"):
        clip_noise(torch.zeros(1, 1, 1, 1, 1), 1.5)


def test_guidance_scale_one_changes_nothing_and_is_linear() -> None:
    full, mid, none = torch.randn(3, 2, 5).unbind(0)
    outputs = {"full": full, "no_emotion": mid, "none": none}
    assert torch.equal(guide(outputs, 1.0, 1.0), full)
    torch.testing.assert_close(guide(outputs, 1.0, 3.0), full + 2 * (full - mid))
    torch.testing.assert_close(guide(outputs, 2.0, 1.0), full + (mid - none))


def test_trailing_timesteps_start_at_the_last() -> None:
    assert trailing_timesteps(4) == [999, 749, 499, 249]
    assert trailing_timesteps(1) == [999]
    with pytest.raises(ValueError, match="0 sampling steps"):
        trailing_timesteps(0)


@pytest.mark.parametrize("prediction", ["v", "epsilon"])
@pytest.mark.parametrize("steps", [20, 200])
def test_sampler_reproduces_gaussian_data(prediction: str, steps: int) -> None:
    """With data N(m, s^2) the best denoiser is known in closed form.

    So the samples must have that mean and spread.
    """
    mean, spread = 1.5, 0.3
    alphas = alphas_cumprod(1000, zero_terminal_snr=prediction == "v")

    def denoise(z: torch.Tensor, timestep: int) -> torch.Tensor:
        a = alphas[timestep].clamp(min=1e-4 if prediction == "epsilon" else 0)
        gain = a.sqrt() * spread**2 / (a * spread**2 + 1 - a)
        x0 = mean + gain * (z - a.sqrt() * mean)
        eps = (z - a.sqrt() * x0) / (1 - a).sqrt()
        return target(x0, eps, a, prediction)

    noise = torch.randn(1, 1, 1, 100, 100, generator=torch.Generator().manual_seed(0))
    drawn = sample(denoise, noise, alphas, steps, prediction)
    assert drawn.mean().item() == pytest.approx(mean, abs=0.05)
    assert drawn.std().item() == pytest.approx(spread, rel=0.5 if steps == 20 else 0.1)


def test_bias_to_sampler_visits_its_levels() -> None:
    timestep = torch.full((1000,), 7)
    biased = bias_to_sampler(timestep, Noise(sampler_share=0.5), torch.Generator().manual_seed(0))
    assert set(biased.tolist()) == {7, 999, 749, 499, 249}
    assert (biased == 7).float().mean().item() == pytest.approx(0.5, abs=0.08)


def test_the_first_step_can_have_a_share_of_its_own() -> None:
    timestep = torch.randint(1000, (4000,), generator=torch.Generator().manual_seed(1))
    biased = bias_to_sampler(timestep, Noise(start_share=0.3), torch.Generator().manual_seed(0))
    moved = biased != timestep
    assert (biased[moved] == 999).all()
    assert abs(moved.float().mean().item() - 0.3) < 0.03


def test_motion_frames_stay_clean_but_for_a_share_of_the_clips() -> None:
    torch.manual_seed(0)
    timestep, free = draw_timesteps((400, 6), Noise(), 2, 0.3, torch.device("cpu"))
    assert free[:, 2:].all()
    assert torch.equal(free[:, 0], free[:, 1])
    assert free[:, 0].float().mean().item() == pytest.approx(0.3, abs=0.07)
    assert (timestep[~free] == 0).all()
    assert all(len(set(row[kept].tolist())) == 1 for row, kept in zip(timestep, free, strict=True))
    assert draw_timesteps((400, 3), Noise(), 2, 0.0, torch.device("cpu"))[1].all()  # too short for any


def test_half_of_the_shipped_draws_are_at_the_last_timestep() -> None:
    torch.manual_seed(0)
    shipped = Noise(sampler_share=0.9, sampler_steps=4, start_share=0.35)
    timestep, _ = draw_timesteps((8000, 1), shipped, 2, 0.3, torch.device("cpu"))
    assert (timestep == 999).float().mean().item() == pytest.approx(0.5, abs=0.02)
