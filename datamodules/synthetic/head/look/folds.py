"""Where skin folds, and which actions fold it: heights on the skin's plane and strengths by frame.

Each zone holds one kind of fold. The heights are painted once; a frame only says how deep each zone is.
Lengths in decimetres, coordinates of the template.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datamodules.facial_actions import ACTION
from datamodules.synthetic.head.look.canvas import SIDE, Canvas, bump, canvas, ease, groove

Floats = NDArray[np.floating]

# What deepens each zone: sums of actions. FACS manual (2002): which unit wrinkles what.
ZONES: dict[str, dict[str, float]] = {
    "none": {},
    "forehead": {"browInnerUp": 1.0},
    "forehead_left": {"browOuterUpLeft": 0.9, "browInnerUp": 0.2},
    "forehead_right": {"browOuterUpRight": 0.9, "browInnerUp": 0.2},
    "frown": {"browDownLeft": 0.55, "browDownRight": 0.55},
    "crow_left": {"cheekSquintLeft": 0.7, "eyeSquintLeft": 0.3, "mouthSmileLeft": 0.2},
    "crow_right": {"cheekSquintRight": 0.7, "eyeSquintRight": 0.3, "mouthSmileRight": 0.2},
    "nasolabial_left": {"mouthSmileLeft": 0.8, "mouthUpperUpLeft": 0.5, "noseSneerLeft": 0.5},
    "nasolabial_right": {"mouthSmileRight": 0.8, "mouthUpperUpRight": 0.5, "noseSneerRight": 0.5},
    "nose": {"noseSneerLeft": 0.55, "noseSneerRight": 0.55},
    "chin": {"mouthShrugLower": 1.0, "mouthPressLeft": 0.15, "mouthPressRight": 0.15},
    "corner_left": {
        "mouthSmileLeft": 0.5,
        "mouthDimpleLeft": 0.8,
        "mouthStretchLeft": 0.7,
        "mouthFrownLeft": 0.8,
    },
    "corner_right": {
        "mouthSmileRight": 0.5,
        "mouthDimpleRight": 0.8,
        "mouthStretchRight": 0.7,
        "mouthFrownRight": 0.8,
    },
    "under_eye_left": {"cheekSquintLeft": 0.8, "eyeSquintLeft": 0.6},
    "under_eye_right": {"cheekSquintRight": 0.8, "eyeSquintRight": 0.6},
    "lips": {"mouthPucker": 0.8, "mouthFunnel": 0.3},
}


def fold_depths(actions_FN: NDArray) -> Floats:
    """How deep each zone is folded (F, Z), 0 to 1, by actions (F, N)."""
    weights = np.zeros((len(actions_FN[0]), len(ZONES)), np.float32)
    for column, sums in enumerate(ZONES.values()):
        for name, weight in sums.items():
            weights[ACTION[name], column] = weight
    return np.clip(actions_FN @ weights, 0, 1).astype(np.float32)


@lru_cache(maxsize=2)
def zone_map(side: int = SIDE) -> NDArray[np.uint8]:
    """The zone (H, W) of each texel, a number into `ZONES`."""
    c = canvas(side)
    regions = {
        name: np.full((side, side), 0.25, np.float32) if name == "none" else _region(c, name)
        for name in ZONES
    }
    front = c.z > 0.1
    return np.where(front, np.stack(list(regions.values())).argmax(0), 0).astype(np.uint8)


def _region(c: Canvas, name: str) -> Floats:
    part, _, side = name.rpartition("_") if name.endswith(("_left", "_right")) else (name, "", "")
    x = c.x if side in ("", "left") else -c.x
    centres = {
        "forehead": (0.0, 0.50, 0.14, 0.20) if not side else (0.34, 0.48, 0.14, 0.16),
        "frown": (0.0, 0.25, 0.09, 0.09),
        "crow": (0.60, 0.06, 0.10, 0.12),
        "nasolabial": (0.26, -0.42, 0.10, 0.17),
        "nose": (0.0, 0.02, 0.11, 0.12),
        "chin": (0.0, -0.87, 0.22, 0.09),
        "corner": (0.37, -0.66, 0.09, 0.14),
        "under_eye": (0.31, -0.05, 0.16, 0.08),
        "lips": (0.0, -0.60, 0.20, 0.12),
    }
    return bump(x, c.y, *centres[part]).astype(np.float32)


@lru_cache(maxsize=2)
def fold_heights(side: int = SIDE) -> tuple[Floats, Floats]:
    """Heights (H, W) of all zones' folds at full depth, and of the lines that age leaves at rest."""
    c = canvas(side)
    x, y = np.abs(c.x), c.y
    wave = c.noise[5] * 0.012
    lines = sum(np.exp(-0.5 * ((y + wave - at - 0.03 * x) / 0.010) ** 2) for at in (0.42, 0.50, 0.585, 0.67))
    forehead = -0.006 * lines * ease(x, 0.55, 0.38) * ease(y, 0.34, 0.40)
    frown = -0.010 * groove(x, y, (0.055, 0.17), (0.045, 0.36), -0.008, 0.010)
    frown += 0.006 * bump(x, y, 0.0, 0.25, 0.025, 0.07) + 0.006 * bump(x, y, 0.11, 0.24, 0.03, 0.04)
    crow = -0.004 * sum(
        groove(x, y, (0.515, 0.075 + 0.018 * k), (0.66, 0.06 + 0.055 * k), 0.01, 0.0075)
        for k in (-1.3, -0.3, 0.7, 1.6)
    )
    smile = -0.011 * groove(x, y, (0.165, -0.27), (0.345, -0.62), 0.035, 0.020)
    smile += 0.012 * groove(x, y, (0.225, -0.26), (0.41, -0.59), 0.035, 0.045)
    nose = -0.005 * sum(groove(x, y, (0.02, at), (0.11, at + 0.045), 0.0, 0.008) for at in (0.0, 0.045, 0.09))
    pebbles = 0.0035 * c.noise[3] * bump(x, y, 0, -0.86, 0.15, 0.06)
    chin = pebbles - 0.008 * groove(c.x, y, (0.15, -0.775), (-0.15, -0.775), 0.02, 0.014)
    corner = -0.009 * groove(x, y, (0.325, -0.53), (0.345, -0.70), -0.02, 0.012)
    under = -0.005 * groove(x, y, (0.17, -0.015), (0.46, 0.0), -0.04, 0.010)
    under += 0.005 * groove(x, y, (0.18, 0.01), (0.44, 0.015), -0.03, 0.013)
    lips = -0.002 * np.cos(c.x * 2 * np.pi / 0.035) * c.lips
    folded = forehead + frown + crow + smile + nose + chin + corner + under + lips
    aged = 0.5 * forehead + 0.35 * frown + 0.8 * crow + 0.8 * smile + 0.8 * under
    aged += -0.008 * groove(x, y, (0.27, -0.64), (0.29, -0.86), -0.015, 0.014)
    aged += -0.007 * groove(x, y, (0.20, -0.06), (0.42, -0.07), -0.05, 0.02)
    return folded.astype(np.float32), aged.astype(np.float32)
