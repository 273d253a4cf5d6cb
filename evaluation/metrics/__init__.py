"""The metrics: each a pure function and a `ClipMetric` with declared sums, direction, unit and version."""

from evaluation.metrics.action_units.detection import ActionUnitF1, ActionUnitF1Anchor
from evaluation.metrics.action_units.intensity import (
    ActionUnitConcordance,
    ActionUnitConsistency,
    ActionUnitCorrelation,
    ActionUnitMae,
    ActionUnitRmse,
)
from evaluation.metrics.base import ClipMetric
from evaluation.metrics.emotion.labels import LABELLED_METRICS
from evaluation.metrics.emotion.scores import CompoundEmotion, EmotionAccuracy, EmotionRecall, EmotionVote
from evaluation.metrics.identity.similarity import IdentityOfMeans, IdentityToFrame, IdentityToReference
from evaluation.metrics.landmarks.distances import (
    FaceLandmarkDistance,
    KeypointDistance,
    KeypointEuclidean,
    MouthLandmarkDistance,
)
from evaluation.metrics.landmarks.lip_correlation import LipCorrelation
from evaluation.metrics.landmarks.variants import (
    FaceAligned,
    FaceCentred,
    MouthAligned,
    MouthCentred,
    MouthOverSixtyEight,
    MouthPixels,
)
from evaluation.metrics.motion.blinks import BlinkLength, BlinkRate
from evaluation.metrics.motion.expression import CentredExpressionOfSets, ExpressionOfSets
from evaluation.metrics.motion.face_dynamics import BrowDynamics, LipDynamics
from evaluation.metrics.motion.head_dynamics import HeadDynamics
from evaluation.metrics.motion.head_pose import HeadAngleRange, HeadAngleSpeed, HeadRange, HeadSpeed
from evaluation.metrics.motion.mesh_dynamics import (
    MeshBlinkLength,
    MeshBlinkRate,
    MeshBrowDynamics,
    MeshLipDynamics,
)
from evaluation.metrics.pictures.perceptual import Lpips, LpipsVgg
from evaluation.metrics.pictures.psnr import Psnr
from evaluation.metrics.pictures.ssim import Ssim, SsimUniform
from evaluation.metrics.pictures.texture import Flicker, Grain, Sharpness
from evaluation.metrics.sets.distances import PICTURE_METRICS
from evaluation.metrics.sets.frechet import EmbeddedFid, ExpressionFrechet, frechet_distance
from evaluation.metrics.sets.kid import kid, kid_subsets
from evaluation.metrics.sync.confidence import (
    EmbeddedSyncConfidence,
    EmbeddedSyncDistance,
    EmbeddedSyncOffset,
    SyncConfidence,
    SyncDistance,
    SyncOffset,
    ValidSyncConfidence,
    ValidSyncDistance,
)
from evaluation.metrics.sync.lip_loudness import LipLoudness, SilentLips

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
