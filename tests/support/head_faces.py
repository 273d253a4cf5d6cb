"""Motions of the three-dimensional head, by the names of their actions."""

import numpy as np

from datamodules.facial_actions import ACTION, FACIAL_ACTIONS
from datamodules.synthetic.head.renderer import Motion


def motion(*faces, pose=None):
    """One frame for each dictionary of actions; a name without a side sets both."""
    actions = np.zeros((len(faces), len(FACIAL_ACTIONS)), np.float32)
    for row, face in zip(actions, faces, strict=True):
        for name, amount in face.items():
            for side in ("", "Left", "Right"):
                if name + side in ACTION:
                    row[ACTION[name + side]] = amount
    return Motion(
        actions, np.zeros((len(faces), 6), np.float32) if pose is None else np.array(pose, np.float32)
    )
