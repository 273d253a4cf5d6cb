"""A sequence of any length to a fixed number of tokens. B clip, N step, T token, H pooled group, D width."""

import torch
from torch import Tensor, nn


class AttentivePooling(nn.Module):
    """Learned weights over the steps that count, one set per token; steps outside the mask weigh zero.

    Starts almost as the plain mean, so that it is useful over a frozen network before it is trained.

    Args:
        width: of a step and of a token.
        tokens: tokens that come out.
        spread: whether a token also holds the weighted standard deviation of the steps (attentive statistics
            pooling, Okabe et al. 2018, eq. 5-6), projected back to `width`.
    """

    def __init__(self, width: int, tokens: int, spread: bool = False) -> None:
        super().__init__()
        self.score = nn.Linear(width, tokens)
        nn.init.normal_(self.score.weight, std=0.1 / width**0.5)
        self.join = nn.Linear(2 * width, width) if spread else None

    def forward(self, x_BND: Tensor, mask_BN: Tensor) -> Tensor:
        """Tokens (B, T, D) of the steps where the mask is true; every clip must have one."""
        logit_BTN = self.score(x_BND).transpose(1, 2).masked_fill(~mask_BN[:, None], float("-inf"))
        weight_BTN = logit_BTN.softmax(dim=-1)
        mean_BTD = weight_BTN @ x_BND
        if self.join is None:
            return mean_BTD
        variance_BTD = weight_BTN @ x_BND.square() - mean_BTD.square()
        return self.join(torch.cat([mean_BTD, variance_BTD.clamp_min(1e-6).sqrt()], dim=-1))
