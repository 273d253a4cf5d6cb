"""What is measured of a clip, and the protocol of whatever measures it. F frame, H row, W column, D width."""

from typing import Protocol, TypedDict, runtime_checkable

from torch import Tensor


class Measured(TypedDict, total=False):
    """A clip as the metrics see it; each extractor fills its own fields. Frames without a face hold NaN.

    Beside these, fields named by what decides them: `inception_<filter>` (N, 2048) of pictures, for FID and
    KID; `i3d_<crop>_<window>` (V, 400) and `videomae_<crop>_<window>` (V, 1408) of windows of the video, for
    FVD; `mesh_478` (F, 478, 2) pixels; `expression_3ddfa` (F, 10) coefficients, for E-FID, and `pose_3ddfa`
    (F, 3) degrees; `emotion_<classifier>` (F, L) probabilities in that classifier's own order, see
    `metrics.emotion_labels`.
    """

    frames: Tensor  # (F, 3, H, W) uint8 RGB
    face_square: Tensor  # (3,) left, top, side in pixels of the picture as it came; for the preparation
    action_units: Tensor  # (F, A) in [0, 1]
    measured_action_units: Tensor  # (F, A), measured even where the exact ones are known
    emotion: Tensor  # (F, L) probabilities in the order of CLASSES
    blend: Tensor  # (E,) that was asked for
    lip_opening: Tensor  # (F,) in inter-ocular distances
    loudness: Tensor  # (F,) of the true clip's sound, which no network measures
    landmarks: Tensor  # (F, 68, 2) pixels
    identity: Tensor  # (F, D) unit embeddings
    identity_reference: Tensor  # (1, D) of the reference picture
    features: Tensor  # (F, D) for the Fréchet distance
    sync_video: Tensor  # (N, 1024) of windows of the lips, one frame apart
    sync_audio: Tensor  # (N, 1024) of the speech beside them
    embedded_sync_video: Tensor  # (N, 64) likewise, unit vectors of the embedded lip-sync judge
    embedded_sync_audio: Tensor  # (N, 64)


@runtime_checkable
class Extractor(Protocol):
    """A network that measures.

    Attributes:
        name: what result files call it.
        published: True for the network of a publication, False for one trained on the synthetic world.
        fingerprint: sha256 of its weights file.
        provides: the fields of `Measured` it fills.
    """

    @property
    def name(self) -> str: ...

    @property
    def published(self) -> bool: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def provides(self) -> tuple[str, ...]: ...

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """The provided fields of uint8 RGB frames."""
        ...


@runtime_checkable
class Listener(Extractor, Protocol):
    """An extractor that also listens."""

    def measure_sound(self, sound_S: Tensor) -> dict[str, Tensor]:
        """Fields of a mono sound at 16 kHz in [-1, 1]."""
        ...


@runtime_checkable
class Configured(Extractor, Protocol):
    """An extractor that can look at a picture in more than one way.

    Attributes:
        settings: filter, crop, windows, batch size: whatever decides its numbers besides the weights.
    """

    settings: dict[str, object]


OTHER_WEIGHTS = "other weights than the published ones"
UNCHECKED_WEIGHTS = "weights not checked, no sha256 of the published file is known"


def doubt_of(network: object) -> dict[str, str]:
    """What a result says of a published network whose file is not known to be the published one.

    One of the two texts, which whoever knows the published hashes has put on the network as `doubt`.
    """
    doubt = getattr(network, "doubt", "")
    return {"doubt": doubt} if doubt else {}


def describe(extractor: Extractor) -> dict[str, object]:
    """What a result records of an extractor."""
    record: dict[str, object] = {
        "name": extractor.name,
        "published": extractor.published,
        "sha256": extractor.fingerprint,
        "provides": list(extractor.provides),
    }
    return record | ({"settings": dict(extractor.settings)} if isinstance(extractor, Configured) else {})
