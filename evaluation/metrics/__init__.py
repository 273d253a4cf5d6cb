"""The metrics: each a pure function and a `ClipMetric` with declared sums, direction, unit and version."""

from evaluation.metrics.action_units import ActionUnitConcordance, ActionUnitCorrelation
from evaluation.metrics.base import ClipMetric
from evaluation.metrics.emotion import CompoundEmotion, EmotionAccuracy
from evaluation.metrics.frechet import EmbeddedFid, ExpressionFrechet, frechet_distance
from evaluation.metrics.identity import IdentityToFrame, IdentityToReference
from evaluation.metrics.kid import kid, kid_subsets
from evaluation.metrics.landmarks import (
    FaceLandmarkDistance,
    KeypointDistance,
    KeypointEuclidean,
    MouthLandmarkDistance,
)
from evaluation.metrics.lips import LipCorrelation
from evaluation.metrics.perceptual import Lpips
from evaluation.metrics.psnr import Psnr
from evaluation.metrics.ssim import Ssim
from evaluation.metrics.sync import (
    SyncConfidence,
    SyncDistance,
    SyncOffset,
    ValidSyncConfidence,
    ValidSyncDistance,
)
from evaluation.metrics.texture import Flicker, Grain, Sharpness

METRICS: dict[str, type[ClipMetric]] = {
    metric.name: metric
    for metric in (
        *(Psnr, Ssim, Lpips, EmbeddedFid, ExpressionFrechet),
        *(KeypointDistance, KeypointEuclidean, FaceLandmarkDistance, MouthLandmarkDistance, LipCorrelation),
        *(ActionUnitCorrelation, ActionUnitConcordance, EmotionAccuracy, CompoundEmotion),
        *(IdentityToReference, IdentityToFrame, Flicker, Grain, Sharpness),
        *(SyncConfidence, SyncDistance, SyncOffset, ValidSyncConfidence, ValidSyncDistance),
    )
}

__all__ = [
    "METRICS",
    "ActionUnitConcordance",
    "ActionUnitCorrelation",
    "ClipMetric",
    "CompoundEmotion",
    "EmbeddedFid",
    "EmotionAccuracy",
    "ExpressionFrechet",
    "FaceLandmarkDistance",
    "Flicker",
    "Grain",
    "IdentityToFrame",
    "IdentityToReference",
    "KeypointDistance",
    "KeypointEuclidean",
    "LipCorrelation",
    "Lpips",
    "MouthLandmarkDistance",
    "Psnr",
    "Sharpness",
    "Ssim",
    "SyncConfidence",
    "SyncDistance",
    "SyncOffset",
    "ValidSyncConfidence",
    "ValidSyncDistance",
    "frechet_distance",
    "kid",
    "kid_subsets",
]
