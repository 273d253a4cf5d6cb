"""The contract: what a clip is, in one place.

B clip, F frame, C channel, H row, W column, E expert, A action unit, K landmark, S sample.

Imports torch only, so that models, metrics and data agree without knowing each other.
"""

from difflib import get_close_matches
from typing import Any, NotRequired, TypedDict

import torch
from torch import Tensor

FPS = 25
SAMPLE_RATE = 16_000
SAMPLES_PER_FRAME = SAMPLE_RATE // FPS
LANDMARKS = 68

EMOTIONS = ("happy", "sad", "angry", "disgust", "fear", "surprise")
NEUTRAL = "neutral"
CLASSES = (*EMOTIONS, NEUTRAL)
COMPOUNDS: dict[str, dict[str, float]] = {
    "angrily_disgusted": {"angry": 0.5, "disgust": 0.5},
    "sadly_surprised": {"sad": 0.5, "surprise": 0.5},
    "happily_surprised": {"happy": 0.5, "surprise": 0.5},
    "fearfully_surprised": {"fear": 0.5, "surprise": 0.5},
}
LABELS = (*CLASSES, *COMPOUNDS)
REGIONS = ("upper", "lower")  # brows and eyes; nose, cheeks and mouth: each can show an emotion of its own
MODALITIES = ("label", "text", "speech", "action_units")
UNKNOWN_WORD = "\N{REPLACEMENT CHARACTER}"  # in a training text: some word that nobody knows

# FACS numbers and names (Ekman, Friesen & Hager 2002): all that the EMFACS prototypes of the six emotions
# need.
ACTION_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 15, 17, 20, 23, 25, 26)
ACTION_UNIT_NAMES = {
    1: "inner brow raiser",
    2: "outer brow raiser",
    4: "brow lowerer",
    5: "upper lid raiser",
    6: "cheek raiser",
    7: "lid tightener",
    9: "nose wrinkler",
    10: "upper lip raiser",
    12: "lip corner puller",
    15: "lip corner depressor",
    17: "chin raiser",
    20: "lip stretcher",
    23: "lip tightener",
    25: "lips part",
    26: "jaw drop",
}
# Motion of the head against the reference picture, and how far the eyes are closed; see
# `datamodules.head_motion`.
HEAD_MOTION = ("shift_x", "shift_y", "log_scale", "roll", "yaw", "pitch", "eye_closure")

BLEND_TOLERANCE = 1e-4


class Sample(TypedDict):
    """One clip. A field that is missing is not there: never zeros that look like data.

    `provenance` names for each optional field who produced it: `corpus`, `detector:<name>@<hash>` or
    `synthetic`.
    """

    key: str
    corpus: str
    identity: str
    frames: Tensor  # (F, 3, H, W) uint8 RGB
    reference: Tensor  # (3, H, W) uint8 RGB, the same person
    waveform: Tensor  # (F * 640,) float32 mono in [-1, 1]
    label: NotRequired[str]  # the corpus's own word
    blend: NotRequired[Tensor]  # (E,) non-negative, sum <= 1; all zero is neutral
    regions: NotRequired[Tensor]  # (2, E) blends of the upper and the lower face, where they differ
    text: NotRequired[str]
    action_units: NotRequired[Tensor]  # (F, A) in [0, 1], as a FACS coder would see them
    landmarks: NotRequired[Tensor]  # (F, 68, 2) pixels, x then y
    mouth_mask: NotRequired[Tensor]  # (F, H, W) bool
    head_motion: NotRequired[Tensor]  # (F, 7) relative to the reference, in the order of HEAD_MOTION
    points: NotRequired[Tensor]  # (F, 478, 2) pixels of the mesh; faces are laid out flat then
    reference_points: NotRequired[Tensor]  # (478, 2)
    provenance: NotRequired[dict[str, str]]
    voice: NotRequired[Tensor]  # (V,) more of the same voice in the same tone, for the speech cue
    expression: NotRequired[Tensor]  # (F, A) the units held under the speech: `tonic` over the whole clip
    latent: NotRequired[Tensor]  # (F, C, h, w) the frames, encoded ahead of time by a frozen codec
    reference_latent: NotRequired[Tensor]  # (C, h, w)
    speech_tokens: NotRequired[Tensor]  # (F, T, D) the sound, encoded ahead of time
    reference_tokens: NotRequired[Tensor]  # (N,) what a frozen reference network makes of the portrait
    voice_tokens: NotRequired[Tensor]  # (1, T, D) emotion tokens of the voice


ENCODED_CLIPS = ("reference_latent", "reference_tokens", "voice_tokens")  # one row a clip
AHEAD_OF_TIME = (
    "points",
    "reference_points",
    "voice",
    "expression",
    "latent",
    "speech_tokens",
    *ENCODED_CLIPS,
)
OPTIONAL_TENSORS = ("blend", "regions", "action_units", "landmarks", "mouth_mask", "head_motion")


class TalkingHeadBatch(TypedDict):
    """Stacked samples.

    `present[name]` (B,) says which clips have an optional field; absent rows hold zeros.
    """

    key: list[str]
    corpus: list[str]
    identity: list[str]
    frames: Tensor
    reference: Tensor
    waveform: Tensor
    label: list[str]
    text: list[str]
    blend: Tensor
    regions: Tensor
    action_units: Tensor
    landmarks: Tensor
    mouth_mask: Tensor
    head_motion: Tensor
    present: dict[str, Tensor]
    points: NotRequired[Tensor]
    reference_points: NotRequired[Tensor]
    voice: NotRequired[Tensor]
    expression: NotRequired[Tensor]
    latent: NotRequired[Tensor]
    reference_latent: NotRequired[Tensor]
    speech_tokens: NotRequired[Tensor]
    reference_tokens: NotRequired[Tensor]
    voice_tokens: NotRequired[Tensor]


def collate(samples: list[Sample]) -> TalkingHeadBatch:
    """Stack clips of one length and size; optional fields become zeros plus a `present` mask.

    Raises:
        ValueError: if the clips differ in frame count or size; names the first that does.
    """
    first = samples[0]
    for sample in samples:
        if sample["frames"].shape != first["frames"].shape:
            raise ValueError(
                f"{sample['key']}: frames {tuple(sample['frames'].shape)}, but {first['key']} has "
                f"{tuple(first['frames'].shape)}: cut clips to one length before batching"
            )
    frames, _, height, width = first["frames"].shape
    shapes = {
        "blend": (len(EMOTIONS),),
        "regions": (len(REGIONS), len(EMOTIONS)),
        "action_units": (frames, len(ACTION_UNITS)),
        "landmarks": (frames, LANDMARKS, 2),
        "mouth_mask": (frames, height, width),
        "head_motion": (frames, len(HEAD_MOTION)),
    }
    batch: dict = {name: [s[name] for s in samples] for name in ("key", "corpus", "identity")}
    batch |= {name: torch.stack([s[name] for s in samples]) for name in ("frames", "reference", "waveform")}
    batch |= {name: [s.get(name, "") for s in samples] for name in ("label", "text")}
    for name in OPTIONAL_TENSORS:
        empty = torch.zeros(shapes[name], dtype=torch.bool if name == "mouth_mask" else torch.float32)
        batch[name] = torch.stack([s.get(name, empty) for s in samples])
    plain: list[dict[str, Any]] = [dict(sample) for sample in samples]
    batch |= {name: torch.stack([p[name] for p in plain]) for name in AHEAD_OF_TIME if name in first}
    batch["present"] = {
        name: torch.tensor([bool(s.get("text")) if name == "text" else name in s for s in samples])
        for name in (*OPTIONAL_TENSORS, "text")
    }
    return batch  # type: ignore[return-value]


def check_blend(blend: Tensor, source: str = "blend") -> Tensor:
    """The blend (..., E) itself, or a `ValueError` naming `source`: non-negative, finite, sum at most 1."""
    if blend.shape[-1] != len(EMOTIONS):
        raise ValueError(
            f"{source}: {blend.shape[-1]} weights, expected {len(EMOTIONS)} ({', '.join(EMOTIONS)})"
        )
    if not torch.isfinite(blend).all():
        raise ValueError(f"{source}: weights must be finite")
    if (blend < 0).any():
        raise ValueError(f"{source}: weights must not be negative, got {blend.min().item():g}")
    if (blend.sum(-1) > 1 + BLEND_TOLERANCE).any():
        raise ValueError(f"{source}: weights sum to {blend.sum(-1).max().item():g}, at most 1 is allowed")
    return blend


def parse_blend(text: str) -> Tensor:
    """`happy`, `angrily_disgusted`, `neutral` or `happy:0.5,surprise:0.3` to a blend (E,).

    Raises:
        ValueError: for an unknown emotion (the nearest name is suggested), one named twice, a weight that is
            no number, or a bad sum.
    """
    blend, named = torch.zeros(len(EMOTIONS)), set[str]()
    for part in text.split(","):
        name, _, amount = part.strip().partition(":")
        name = name.strip().lower()
        if not name or name in named:
            fault = f"{name!r} is named twice" if name else "a part without a name"
            raise ValueError(f"emotion {text!r}: {fault}; write for example happy:0.5,surprise:0.3")
        named.add(name)
        if name not in LABELS:
            near = get_close_matches(name, LABELS, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ValueError(f"unknown emotion {name!r}: {hint}known are {', '.join(LABELS)}")
        try:
            weight = float(amount) if amount else 1.0
        except ValueError:
            raise ValueError(f"emotion {name!r}: {amount!r} is not a number between 0 and 1") from None
        if not 0 <= weight <= 1:
            raise ValueError(f"emotion {name!r}: weight {amount} is outside 0..1")
        for emotion, share in COMPOUNDS.get(name, {} if name == NEUTRAL else {name: 1.0}).items():
            blend[EMOTIONS.index(emotion)] += weight * share
    return check_blend(blend, f"emotion {text!r}")


def blend_label(blend: Tensor) -> str:
    """The nearest name of `LABELS` for a blend (E,): what a caption says."""
    if blend.sum() < 0.1:
        return NEUTRAL
    names = list(LABELS)
    names.remove(NEUTRAL)
    known = torch.stack([parse_blend(name) for name in names])
    return names[torch.cosine_similarity(known, blend[None].float()).argmax()]
