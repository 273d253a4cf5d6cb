"""Lip synchronisation from features of lips and speech. N window, D width, P shift.

The anchor is joonson/syncnet_python: distances between each window of the video and the windows of the sound
up to fifteen frames away, averaged for each of the 31 shifts. Its sound is padded with zeros, so that distances
at the ends are to the origin: a share of |shift| / N, large for short clips. The `valid` variants average
over pairs of windows that both exist.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from evaluation.metrics.base import ClipMetric, check_pair

REACH = 15  # frames to either side
EPSILON = 1e-6  # added to every difference by the anchor's `pairwise_distance`


class Sync(NamedTuple):
    """What the distances of a clip say.

    `confidence` (Sync-C, LSE-C): median over shifts less the minimum. `distance` (Sync-D, LSE-D): the
    minimum. `offset`: frames that the sound comes too early.
    """

    confidence: Tensor
    distance: Tensor
    offset: Tensor
