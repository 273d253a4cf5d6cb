"""Identity similarity. F frame, D width of an embedding."""

import torch
from torch import Tensor

from evaluation.metrics.base import NO_FACE, ClipMetric, FaceMetric, check_pair, frame_sums


def cosine_frames(pred_FD: Tensor, true_FD: Tensor) -> Tensor:
    """Cosine of the embeddings of each frame (F,), in [-1, 1].

    The mean of cosines, not the cosine of means.
    """
    check_pair(pred_FD, true_FD, (None, None), "identity embeddings")
    return torch.cosine_similarity(pred_FD.double(), true_FD.double(), dim=-1, eps=1e-12)


def cosine_of_means(pred_FD: Tensor, true_FD: Tensor) -> Tensor:
    """Cosine of the mean unit embeddings of two clips (), which is never the mean of cosines.

    Frames without a number on either side are left out; NaN where none is left.
    """
    check_pair(pred_FD, true_FD, (None, None), "identity embeddings")
    unit = [torch.nn.functional.normalize(x.double(), dim=-1) for x in (pred_FD, true_FD)]
    seen_F = torch.isfinite(unit[0] + unit[1]).all(-1)
    return torch.cosine_similarity(unit[0][seen_F].mean(0), unit[1][seen_F].mean(0), dim=0, eps=1e-12)


class IdentityToReference(FaceMetric):
    """CSIM of each frame with the reference picture."""

    name, title = "csim_reference", "CSIM to reference"
    higher_is_better = True
    needs = ("identity", "identity_reference")

    def per_frame(self, pred: Tensor, true: Tensor) -> Tensor:
        return cosine_frames(pred, true.expand_as(pred))


class IdentityToFrame(FaceMetric):
    """CSIM of each frame with the true frame of the same moment."""

    name, title = "csim_frame", "CSIM to frame"
    higher_is_better = True
    needs = ("identity", "identity")

    def per_frame(self, pred: Tensor, true: Tensor) -> Tensor:
        return cosine_frames(pred, true)


class IdentityOfMeans(ClipMetric):
    """Cosine of a clip's mean unit embedding with the truth's, then the mean over clips.

    A face that wavers about the right person scores higher here than in `csim_frame`.
    """

    name, title = "csim_of_means", "CSIM of means"
    higher_is_better = True
    aggregation = "clips"
    needs = ("identity", "identity")
    absent = NO_FACE

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        return frame_sums(cosine_of_means(pred, true)[None])
