"""The 52 facial actions and what they say about action units. F frame, N action, A action unit.

A part of the contract: it imports torch and `datamodules.batch` only. The names are those of ARKit's blend
shapes (Apple's documentation of `ARFaceAnchor.BlendShapeLocation`), which MediaPipe's face landmarker and
MakeHuman's face units share. Left and right are the person's. Values are in [0, 1].

Which action shows which unit follows the muscles that the FACS manual (Ekman, Friesen & Hager 2002) names for
the unit and Apple's one-line description of the shape; where a unit has no shape of its own (23) the row says
what comes nearest.
"""

import torch
from torch import Tensor

from datamodules.batch import ACTION_UNITS


def _sides(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}{side}" for name in names for side in ("Left", "Right"))


FACIAL_ACTIONS: tuple[str, ...] = (
    *_sides("browDown"),
    "browInnerUp",
    *_sides("browOuterUp"),
    "cheekPuff",
    *_sides(
        "cheekSquint",
        "eyeBlink",
        "eyeLookDown",
        "eyeLookIn",
        "eyeLookOut",
        "eyeLookUp",
        "eyeSquint",
        "eyeWide",
    ),
    "jawForward",
    "jawLeft",
    "jawOpen",
    "jawRight",
    "mouthClose",
    *_sides("mouthDimple", "mouthFrown"),
    "mouthFunnel",
    "mouthLeft",
    *_sides("mouthLowerDown", "mouthPress"),
    "mouthPucker",
    "mouthRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    *_sides("mouthSmile", "mouthStretch", "mouthUpperUp", "noseSneer"),
    "tongueOut",
)
ACTION = {name: index for index, name in enumerate(FACIAL_ACTIONS)}

# What a unit at full strength sets. Its strength is read from the first actions of its row, both sides where
# there are two: their value over their weight.
UNIT_ACTIONS: dict[int, dict[str, float]] = {
    1: {"browInnerUp": 1.0},  # frontalis, medial part
    2: dict.fromkeys(_sides("browOuterUp"), 1.0),  # frontalis, lateral part
    4: dict.fromkeys(_sides("browDown"), 1.0),  # corrugator, depressor supercilii
    5: dict.fromkeys(_sides("eyeWide"), 1.0),  # levator palpebrae
    6: dict.fromkeys(_sides("cheekSquint"), 1.0),  # orbicularis oculi, orbital part
    7: dict.fromkeys(_sides("eyeSquint"), 1.0),  # orbicularis oculi, palpebral part
    9: dict.fromkeys(_sides("noseSneer"), 1.0),  # levator labii superioris alaeque nasi
    10: dict.fromkeys(_sides("mouthUpperUp"), 1.0),  # levator labii superioris
    12: dict.fromkeys(_sides("mouthSmile"), 1.0),  # zygomaticus major
    15: dict.fromkeys(_sides("mouthFrown"), 1.0),  # depressor anguli oris
    17: {"mouthShrugLower": 1.0},  # mentalis
    20: dict.fromkeys(_sides("mouthStretch"), 1.0),  # risorius
    # Orbicularis oris tightens and thins the lips: no shape of its own; pressing (24) with rolled lips (28).
    # Little of `mouthPress`, which also lifts the corners.
    23: {**dict.fromkeys(_sides("mouthPress"), 0.4), "mouthRollUpper": 0.6, "mouthRollLower": 0.5},
    25: dict.fromkeys(_sides("mouthLowerDown"), 0.45),  # depressor labii, relaxed mentalis
    26: {"jawOpen": 0.6},  # masseter relaxed; the shape at full strength is a mouth wide open (27)
}
# Units that we do not carry, for the record: mouthDimple 14, mouthPucker 18, tongueOut 19, mouthFunnel 22,
# mouthRoll 28, jawForward 29, jawLeft and jawRight 30, cheekPuff 34, eyeBlink 45, eyeLook 61 to 64.


def unit_matrix() -> Tensor:
    """What each unit at full strength sets: (A, N)."""
    out = torch.zeros(len(ACTION_UNITS), len(FACIAL_ACTIONS))
    for row, unit in enumerate(ACTION_UNITS):
        for name, weight in UNIT_ACTIONS[unit].items():
            out[row, ACTION[name]] = weight
    return out


def actions_from_units(units: Tensor) -> Tensor:
    """The plain, symmetric face of action units: (..., A) to actions (..., N)."""
    return (units @ unit_matrix().to(units)).clamp(0, 1)


def units_from_actions(actions: Tensor) -> Tensor:
    """Action units that a coder reads off the actions: (..., N) to (..., A) in [0, 1].

    Lips also part (25) where the jaw drops, less what `mouthClose` closes.
    """
    column = {}
    for unit, row in UNIT_ACTIONS.items():
        first = next(iter(row))
        carriers = [name for name in row if name.removesuffix("Right") == first.removesuffix("Left")] or [
            first
        ]
        columns = [ACTION[name] for name in ([first, *carriers] if first not in carriers else carriers)]
        column[unit] = (actions[..., columns].mean(-1) / row[first]).clamp(max=1)
    jaw = 1 - (1 - column[26] * 1.4).clamp(min=0) * (1 - column[25])
    column[25] = torch.maximum(column[25], jaw) * (1 - actions[..., ACTION["mouthClose"]])
    return torch.stack([column[unit] for unit in ACTION_UNITS], -1).clamp(0, 1)
