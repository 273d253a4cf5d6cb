"""Identity similarity. F frame, D width of an embedding."""

import torch
from torch import Tensor

from evaluation.metrics.base import ClipMetric, check_pair, frame_sums


def cosine_frames(pred_FD: Tensor, true_FD: Tensor) -> Tensor:
    """Cosine of the embeddings of each frame (F,), in [-1, 1].

    The mean of cosines, not the cosine of means.
    """
    check_pair(pred_FD, true_FD, (None, None), "identity embeddings")
    return torch.cosine_similarity(pred_FD.double(), true_FD.double(), dim=-1, eps=1e-12)


class IdentityToReference(ClipMetric):
    """CSIM of each frame with the reference picture."""

    name, title = "csim_reference", "CSIM to reference"
    higher_is_better = True
    needs = ("identity", "identity_reference")

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        return frame_sums(cosine_frames(pred, true.expand_as(pred)))


class IdentityToFrame(ClipMetric):
    """CSIM of each frame with the true frame of the same moment."""

    name, title = "csim_frame", "CSIM to frame"
    higher_is_better = True
    needs = ("identity", "identity")

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        return frame_sums(cosine_frames(pred, true))
