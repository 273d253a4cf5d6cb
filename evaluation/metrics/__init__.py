"""The metrics: each a pure function and a `ClipMetric` with declared sums, direction, unit and version."""

from evaluation.metrics.action_unit_detection import ActionUnitF1, ActionUnitF1Anchor
from evaluation.metrics.action_units import (
    ActionUnitConcordance,
    ActionUnitConsistency,
    ActionUnitCorrelation,
    ActionUnitMae,
    ActionUnitRmse,
)
from evaluation.metrics.base import ClipMetric
from evaluation.metrics.blinks import BlinkLength, BlinkRate
from evaluation.metrics.emotion import CompoundEmotion, EmotionAccuracy, EmotionRecall, EmotionVote
from evaluation.metrics.frechet import EmbeddedFid, ExpressionFrechet, frechet_distance
from evaluation.metrics.head_pose import HeadRange, HeadSpeed
from evaluation.metrics.identity import IdentityOfMeans, IdentityToFrame, IdentityToReference
from evaluation.metrics.kid import kid, kid_subsets
from evaluation.metrics.landmark_variants import (
    FaceAligned,
    FaceCentred,
    MouthAligned,
    MouthCentred,
    MouthOverSixtyEight,
    MouthPixels,
)
from evaluation.metrics.landmarks import (
    FaceLandmarkDistance,
    KeypointDistance,
    KeypointEuclidean,
    MouthLandmarkDistance,
)
from evaluation.metrics.lips import LipCorrelation
from evaluation.metrics.perceptual import Lpips
from evaluation.metrics.psnr import Psnr
from evaluation.metrics.sets import SET_METRICS
from evaluation.metrics.ssim import Ssim, SsimUniform
from evaluation.metrics.sync import (
    EmbeddedSyncConfidence,
    EmbeddedSyncDistance,
    EmbeddedSyncOffset,
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
        *(Psnr, Ssim, SsimUniform, Lpips, EmbeddedFid, ExpressionFrechet),
        *(KeypointDistance, KeypointEuclidean, FaceLandmarkDistance, FaceCentred, FaceAligned),
        *(
            MouthLandmarkDistance,
            MouthPixels,
            MouthOverSixtyEight,
            MouthCentred,
            MouthAligned,
            LipCorrelation,
        ),
        *(ActionUnitCorrelation, ActionUnitConcordance, ActionUnitConsistency, ActionUnitRmse, ActionUnitMae),
        *(ActionUnitF1, ActionUnitF1Anchor, EmotionAccuracy, EmotionRecall, EmotionVote, CompoundEmotion),
        *(IdentityToReference, IdentityToFrame, IdentityOfMeans),
        *(BlinkRate, BlinkLength, HeadRange, HeadSpeed, Flicker, Grain, Sharpness),
        *(SyncConfidence, SyncDistance, SyncOffset, ValidSyncConfidence, ValidSyncDistance),
        *(EmbeddedSyncConfidence, EmbeddedSyncDistance, EmbeddedSyncOffset),
    )
} | SET_METRICS

__all__ = [
    "METRICS",
    "SET_METRICS",
    "ActionUnitConcordance",
    "ActionUnitConsistency",
    "ActionUnitCorrelation",
    "ActionUnitF1",
    "ActionUnitF1Anchor",
    "ActionUnitMae",
    "ActionUnitRmse",
    "BlinkLength",
    "BlinkRate",
    "ClipMetric",
    "CompoundEmotion",
    "EmbeddedFid",
    "EmbeddedSyncConfidence",
    "EmbeddedSyncDistance",
    "EmbeddedSyncOffset",
    "EmotionAccuracy",
    "EmotionRecall",
    "EmotionVote",
    "ExpressionFrechet",
    "FaceAligned",
    "FaceCentred",
    "FaceLandmarkDistance",
    "Flicker",
    "Grain",
    "HeadRange",
    "HeadSpeed",
    "IdentityOfMeans",
    "IdentityToFrame",
    "IdentityToReference",
    "KeypointDistance",
    "KeypointEuclidean",
    "LipCorrelation",
    "Lpips",
    "MouthAligned",
    "MouthCentred",
    "MouthLandmarkDistance",
    "MouthOverSixtyEight",
    "MouthPixels",
    "Psnr",
    "Sharpness",
    "Ssim",
    "SsimUniform",
    "SyncConfidence",
    "SyncDistance",
    "SyncOffset",
    "ValidSyncConfidence",
    "ValidSyncDistance",
    "frechet_distance",
    "kid",
    "kid_subsets",
]
