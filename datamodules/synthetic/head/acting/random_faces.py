"""Faces that no emotion prescribes: each part of the face does something of its own. F frame, N action."""

import numpy as np
from numpy.typing import NDArray

from datamodules.facial_actions import ACTION, FACIAL_ACTIONS
from datamodules.synthetic.head.acting.motion import look

Floats = NDArray[np.floating]

# What each part may do, one of these at a time, and how often.
PARTS: dict[str, tuple[tuple[float, tuple[str, ...]], ...]] = {
    "brows": (
        (0.20, ()),
        (0.25, ("browDown",)),
        (0.20, ("browInnerUp",)),
        (0.15, ("browOuterUp",)),
        (0.20, ("browInnerUp", "browOuterUp")),
    ),
    "lids": (
        (0.25, ()),
        (0.20, ("eyeBlink",)),
        (0.20, ("eyeSquint",)),
        (0.20, ("eyeWide",)),
        (0.15, ("eyeSquint", "cheekSquint")),
    ),
    "cheeks": ((0.60, ()), (0.20, ("noseSneer",)), (0.10, ("cheekPuff",)), (0.10, ("cheekSquint",))),
    "mouth": (
        (0.06, ()),
        (0.14, ("mouthSmile",)),
        *(
            (0.06, (name,))
            for name in ("mouthFrown", "mouthPucker", "mouthFunnel", "mouthStretch", "mouthUpperUp")
        ),
        *((0.05, (name,)) for name in ("mouthDimple", "mouthPress", "mouthLowerDown", "mouthShrugLower")),
        *((0.04, (name,)) for name in ("mouthRollLower", "mouthRollUpper", "mouthShrugUpper", "mouthLeft")),
        *((0.04, (name,)) for name in ("mouthRight", "mouthClose", "tongueOut")),
        (0.02, ("mouthUpperUp", "mouthLowerDown")),
    ),
    "jaw": ((0.80, ()), (0.06, ("jawLeft",)), (0.06, ("jawRight",)), (0.08, ("jawForward",))),
}
NEEDS_JAW = ("mouthClose", "tongueOut")


def random_actions(rng: np.random.Generator, frames: int) -> Floats:
    """Faces (F, N): each part of the face draws for itself, at 0.4 to 1; a quarter of them on one side only.

    `mouthClose` closes the jaw's opening, and the tongue comes out of an open mouth.
    """
    out = np.zeros((frames, len(FACIAL_ACTIONS)), np.float32)
    for row in out:
        for choices in PARTS.values():
            shares = np.array([share for share, _ in choices])
            names = choices[int(rng.choice(len(choices), p=shares / shares.sum()))][1]
            sides = ("Left", "Right") if rng.random() < 0.75 else (str(rng.choice(["Left", "Right"])),)
            amount = rng.uniform(0.4, 1.0)
            for name in names:
                for action in (name, *(f"{name}{side}" for side in sides)):
                    if action in ACTION and not (action != name and name in ACTION):
                        row[ACTION[action]] = amount
                if name in NEEDS_JAW or rng.random() < 0.2:
                    row[ACTION["jawOpen"]] = rng.uniform(0.2, 0.8)
        row[ACTION["mouthClose"]] = np.minimum(row[ACTION["mouthClose"]], 1) * row[ACTION["jawOpen"]]
        if rng.random() < 0.6:
            gaze = rng.uniform(-1, 1, (1, 2)).astype(np.float32)
            closed = max(row[ACTION["eyeBlinkLeft"]], row[ACTION["eyeBlinkRight"]])
            look(row[None], gaze * np.float32(closed == 0))  # nobody sees where a closed eye looks
    return out
