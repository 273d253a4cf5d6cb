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
from evaluation.metrics.emotion_labels import LABELLED_METRICS
from evaluation.metrics.expression import CentredExpressionOfSets, ExpressionOfSets
from evaluation.metrics.face_dynamics import BrowDynamics, LipDynamics
from evaluation.metrics.frechet import EmbeddedFid, ExpressionFrechet, frechet_distance
from evaluation.metrics.head_dynamics import HeadDynamics
from evaluation.metrics.head_pose import HeadAngleRange, HeadAngleSpeed, HeadRange, HeadSpeed
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
from evaluation.metrics.lip_loudness import LipLoudness, SilentLips
from evaluation.metrics.lips import LipCorrelation
from evaluation.metrics.mesh_dynamics import (
    MeshBlinkLength,
    MeshBlinkRate,
    MeshBrowDynamics,
    MeshLipDynamics,
)
from evaluation.metrics.perceptual import Lpips, LpipsVgg
from evaluation.metrics.psnr import Psnr
from evaluation.metrics.sets import PICTURE_METRICS
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

SET_METRICS: dict[str, type[ClipMetric]] = PICTURE_METRICS | {
    metric.name: metric for metric in (ExpressionOfSets, CentredExpressionOfSets)
}
METRICS: dict[str, type[ClipMetric]] = {
    metric.name: metric
    for metric in (
        *(Psnr, Ssim, SsimUniform, Lpips, LpipsVgg, EmbeddedFid, ExpressionFrechet),
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
        *(BlinkRate, BlinkLength, HeadRange, HeadSpeed, HeadAngleRange, HeadAngleSpeed, HeadDynamics),
        *(MeshBlinkRate, MeshBlinkLength, MeshLipDynamics, MeshBrowDynamics, LipLoudness, SilentLips),
        *(LipDynamics, BrowDynamics, Flicker, Grain, Sharpness),
        *(SyncConfidence, SyncDistance, SyncOffset, ValidSyncConfidence, ValidSyncDistance),
        *(EmbeddedSyncConfidence, EmbeddedSyncDistance, EmbeddedSyncOffset),
    )
} | LABELLED_METRICS
METRICS |= SET_METRICS

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
    "BrowDynamics",
    "CentredExpressionOfSets",
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
    "ExpressionOfSets",
    "FaceAligned",
    "FaceCentred",
    "FaceLandmarkDistance",
    "Flicker",
    "Grain",
    "HeadAngleRange",
    "HeadAngleSpeed",
    "HeadDynamics",
    "HeadRange",
    "HeadSpeed",
    "IdentityOfMeans",
    "IdentityToFrame",
    "IdentityToReference",
    "KeypointDistance",
    "KeypointEuclidean",
    "LipCorrelation",
    "LipDynamics",
    "LipLoudness",
    "Lpips",
    "LpipsVgg",
    "MeshBlinkLength",
    "MeshBlinkRate",
    "MeshBrowDynamics",
    "MeshLipDynamics",
    "MouthAligned",
    "MouthCentred",
    "MouthLandmarkDistance",
    "MouthOverSixtyEight",
    "MouthPixels",
    "Psnr",
    "Sharpness",
    "SilentLips",
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
