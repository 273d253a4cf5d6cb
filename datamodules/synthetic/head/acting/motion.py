"""What the head does, from what an actor intends: controls to the 52 actions, in one person's way.

F frame, A action unit, N action. Controls are the record that `datamodules.synthetic.performance` fills:
action units with speech in them, lips, gaze, lids and pose.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.batch import ACTION_UNITS
from datamodules.facial_actions import ACTION, actions_from_units, units_from_actions
from datamodules.synthetic.face.controls import Controls, checked_controls
from datamodules.synthetic.head.person import Person
from datamodules.synthetic.head.renderer import Motion

Floats = NDArray[np.floating]

# What a unit brings along in a face that acts strongly, beside its own actions (after the FACS manual 2002):
# a smile bares the upper teeth and dimples, a dropped jaw rounds the mouth.
COMPANY: dict[int, dict[str, float]] = {
    12: {
        "mouthDimpleLeft": 0.20,
        "mouthDimpleRight": 0.20,
        "mouthUpperUpLeft": 0.3,
        "mouthUpperUpRight": 0.3,
    },
    9: {"eyeSquintLeft": 0.35, "eyeSquintRight": 0.35, "cheekSquintLeft": 0.4, "cheekSquintRight": 0.4},
    4: {"eyeSquintLeft": 0.15, "eyeSquintRight": 0.15},
    26: {"mouthFunnel": 0.18},
    15: {"mouthShrugLower": 0.15},
}
ROUNDED = {"mouthPucker": 0.55, "mouthFunnel": 0.45}
SPREAD = {
    "mouthStretchLeft": 0.25,
    "mouthStretchRight": 0.25,
    "mouthDimpleLeft": 0.1,
    "mouthDimpleRight": 0.1,
}
PRESSED = {"mouthPressLeft": 0.35, "mouthPressRight": 0.35, "mouthRollLower": 0.25, "mouthRollUpper": 0.2}


def motion_of(person: Person, controls: Controls) -> Motion:
    """The person's way of doing what the controls say; equal arguments give equal motions.

    Raises:
        ValueError: for controls of other shapes or values that are not finite.
    """
    values = checked_controls(controls)
    units = values.units.numpy()
    actions = actions_from_units(values.units).numpy().copy()
    for unit, company in COMPANY.items():
        strength = units[:, ACTION_UNITS.index(unit)]
        for name, weight in company.items():
            actions[:, ACTION[name]] = np.maximum(actions[:, ACTION[name]], weight * strength)
    # Brows that are raised and drawn together (1 + 4) do not come down.
    raised = units[:, ACTION_UNITS.index(1)]
    for side in ("Left", "Right"):
        actions[:, ACTION[f"browDown{side}"]] *= 1 - 0.6 * raised
    actions *= np.asarray(person.acting.gains, np.float32)
    _speak(actions, values.lips.numpy())
    look(actions, values.gaze.numpy())
    for side in ("Left", "Right"):
        blink, closure = ACTION[f"eyeBlink{side}"], values.closure.numpy()
        actions[:, blink] = np.maximum(actions[:, blink], closure)
        for name in (f"eyeWide{side}", f"eyeSquint{side}"):
            actions[:, ACTION[name]] *= 1 - closure
    return Motion(actions.clip(0, 1).astype(np.float32), values.pose.numpy())


def _speak(actions: Floats, lips_F3: Floats) -> None:
    """Rounding, spreading and pressing on top of what the face does: (1 - (1 - a)(1 - b)) for each action.

    Pressed lips stay closed over a dropped jaw: `mouthClose` follows the jaw.
    """
    rounding, spreading, pressing = lips_F3.T
    for strength, shape in ((rounding, ROUNDED), (spreading, SPREAD), (pressing, PRESSED)):
        for name, weight in shape.items():
            column = actions[:, ACTION[name]]
            actions[:, ACTION[name]] = 1 - (1 - column) * (1 - weight * strength)
    for name in ("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight"):
        actions[:, ACTION[name]] *= 1 - 0.9 * pressing
    actions[:, ACTION["mouthClose"]] = pressing * actions[:, ACTION["jawOpen"]]


def look(actions: Floats, gaze_F2: Floats) -> None:
    """Gaze, right and down in the picture, as the eight looking actions.

    The picture's right is the person's left.
    """
    right, down = gaze_F2.T
    for side, outward in (("Left", 1.0), ("Right", -1.0)):
        actions[:, ACTION[f"eyeLookOut{side}"]] = np.clip(outward * right, 0, 1)
        actions[:, ACTION[f"eyeLookIn{side}"]] = np.clip(-outward * right, 0, 1)
        actions[:, ACTION[f"eyeLookDown{side}"]] = np.clip(down, 0, 1)
        actions[:, ACTION[f"eyeLookUp{side}"]] = np.clip(-down, 0, 1)


def truth_units(motion: Motion) -> Floats:
    """Action units (F, A) that a coder would read off the motion."""
    return units_from_actions(torch.from_numpy(motion.actions)).numpy()
