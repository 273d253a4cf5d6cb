"""LPIPS (Zhang et al. 2018) through the `lpips` package, on trunk weights the user brings. N picture."""

import torch
from torch import Tensor, nn

from evaluation.metrics.base import ClipMetric, check_pair, frame_sums
from evaluation.runtime.exactness import exact

CHUNK = 16  # pictures at a time, so that memory does not grow with the clip


def lpips_frames(network: nn.Module, pred_F3HW: Tensor, true_F3HW: Tensor) -> Tensor:
    """LPIPS of each frame (F,) of 8-bit RGB, brought to the CPU; the network takes pictures in [-1, 1]."""
    check_pair(pred_F3HW, true_F3HW, (None, 3, None, None), "LPIPS")
    places = [tensor.device for tensor in network.parameters()]
    values, place = [], next(iter(places), torch.device("cpu"))
    with exact(place):
        for pair in zip(pred_F3HW.split(CHUNK), true_F3HW.split(CHUNK), strict=True):
            pred, true = (side.to(place) / 127.5 - 1 for side in pair)
            values.append(network(pred, true).flatten().cpu().double())
    return torch.cat(values) if values else torch.zeros(0, dtype=torch.float64)


class Lpips(ClipMetric):
    """LPIPS on AlexNet per frame, then the mean over frames.

    Args:
        network: `evaluation.extractors.published.lpips_network.load_lpips(...)`; reading a result needs none.
    """

    name, title = "lpips", "LPIPS"
    higher_is_better = False
    needs = ("frames", "frames")

    def __init__(self, network: nn.Module | None = None) -> None:
        super().__init__()
        self.network = network

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        if self.network is None:
            raise ValueError("LPIPS needs a network: give trunk weights to `load_lpips`")
        return frame_sums(lpips_frames(self.network, pred, true))


class LpipsVgg(Lpips):
    """The same on VGG-16: the trunk that training losses use; its values are no AlexNet ones."""

    name, title = "lpips_vgg", "LPIPS (VGG)"


BY_NETWORK: dict[str, type[Lpips]] = {"lpips-alex": Lpips, "lpips-vgg": LpipsVgg}
