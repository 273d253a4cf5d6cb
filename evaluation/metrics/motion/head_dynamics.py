"""How lively the head turns, as THEval measures it, against the truth. F frame, P angle."""

import torch
from torch import Tensor

from evaluation.metrics.motion.face_dynamics import DynamicsMetric


def head_dynamics(angle_FP: Tensor) -> Tensor:
    """Root of the angles' mean deviation times the mean variance of their steps (), both divided by N.

    The turning part of THEval's head motion dynamics (CVPR 2026 Findings; rule read in its code,
    Newbyl/THEval at 3603338, `head_motion_dynamics.py`), where FaceXFormer tells the angles. Its other part,
    the variance of the face's place in pixels of the whole picture, says how a video is framed and is left
    out: protocols compare face crops. Only frames that follow each other make a step; NaN without two steps.

    Args:
        angle_FP: degrees; NaN where a frame has no face.
    """
    angle_FP = angle_FP.double()
    step_FP = angle_FP.diff(dim=0)
    seen_NP, step_NP = (x[torch.isfinite(x).all(-1)] for x in (angle_FP, step_FP))
    if len(step_NP) < 2:
        return angle_FP.new_tensor(torch.nan)
    return (seen_NP.std(0, correction=0).mean() * step_NP.var(0, correction=0).mean()).sqrt()


class HeadDynamics(DynamicsMetric):
    """How much and how unevenly the head turns, generated over true; under 1 is stiff. By 3DDFA_V2."""

    name, title = "head_dynamics_3ddfa", "Head dynamics (3DDFA_V2)"
    needs = ("pose_3ddfa", "pose_3ddfa")
    absent = "the true head does not turn, or too few frames have a face"

    def dynamics(self, landmarks_FK2: Tensor) -> Tensor:
        return head_dynamics(landmarks_FK2)
