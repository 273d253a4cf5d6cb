"""Head motion read off 68 landmarks, against the reference picture. F frame, K landmark.

A part of the contract: it imports torch only, so that data, models and measures agree on what motion means.
"""

import torch
from torch import Tensor

RIGHT_EYE, LEFT_EYE = slice(36, 42), slice(42, 48)  # iBUG 300-W order
NOSE_TIP = 30

# Points of the 478-point mesh that lie on the 68 of iBUG 300-W, read off the published mesh topology (face
# oval, brow, eye and lip rings of MediaPipe Face Mesh). Left and right are the person's.
MESH_TO_IBUG = (
    *(127, 234, 93, 132, 58, 172, 150, 176, 152, 400, 379, 397, 288, 361, 323, 454, 356),  # jaw
    *(70, 63, 105, 66, 107),  # right brow
    *(336, 296, 334, 293, 300),  # left brow
    *(168, 197, 5, 4),  # bridge of the nose
    *(98, 97, 2, 326, 327),  # nostrils
    *(33, 160, 158, 133, 153, 144),  # right eye
    *(362, 385, 387, 263, 373, 380),  # left eye
    *(61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91),  # outer lip
    *(78, 81, 13, 311, 308, 402, 14, 178),  # inner lip
)


def eye_centres(landmarks_FK2: Tensor) -> tuple[Tensor, Tensor]:
    """Centres (F, 2) of the person's right and left eye, in pixels."""
    return landmarks_FK2[:, RIGHT_EYE].mean(1), landmarks_FK2[:, LEFT_EYE].mean(1)


def _measures(landmarks_FK2: Tensor) -> dict[str, Tensor]:
    right_F2, left_F2 = eye_centres(landmarks_FK2)
    across_F2 = left_F2 - right_F2
    width_F = across_F2.norm(dim=-1).clamp(min=1e-3)
    axis_F2 = across_F2 / width_F[:, None]
    down_F2 = torch.stack([-axis_F2[:, 1], axis_F2[:, 0]], -1)
    middle_F2 = (right_F2 + left_F2) / 2
    nose_F2 = landmarks_FK2[:, NOSE_TIP] - middle_F2
    return {
        "middle": middle_F2,
        "width": width_F,
        "roll": torch.atan2(across_F2[:, 1], across_F2[:, 0]),
        "yaw": (nose_F2 * axis_F2).sum(-1) / width_F,
        "pitch": (nose_F2 * down_F2).sum(-1) / width_F,
        "opening": eye_opening(landmarks_FK2),
    }


def eye_opening(landmarks_FK2: Tensor) -> Tensor:
    """Eye aspect ratio (F,): lid distance over eye width, both eyes' mean (Soukupova & Cech 2016, eq. 1)."""
    ratios = []
    for eye in (RIGHT_EYE, LEFT_EYE):
        p = landmarks_FK2[:, eye]
        lids = (p[:, 1] - p[:, 5]).norm(dim=-1) + (p[:, 2] - p[:, 4]).norm(dim=-1)
        ratios.append(lids / (2 * (p[:, 0] - p[:, 3]).norm(dim=-1).clamp(min=1e-3)))
    return (ratios[0] + ratios[1]) / 2


def head_motion(landmarks_FK2: Tensor, reference_K2: Tensor) -> Tensor:
    """Motion (F, 7) in the order of `HEAD_MOTION`: how the head stands, compared with the reference picture.

    Shifts are of the point between the eyes in inter-ocular distances of the reference; `log_scale` is the
    log ratio of inter-ocular distances, roll in radians, yaw and pitch the change of the nose tip's place
    between the eyes in inter-ocular distances; `eye_closure` is 1 - opening / reference opening, clamped to
    [-1, 1].

    Raises:
        ValueError: if the shapes are not (F, 68, 2) and (68, 2).
    """
    if landmarks_FK2.shape[1:] != (68, 2) or reference_K2.shape != (68, 2):
        raise ValueError(
            f"expected landmarks (F, 68, 2) and (68, 2), got {tuple(landmarks_FK2.shape)} and "
            f"{tuple(reference_K2.shape)}"
        )
    now, ref = _measures(landmarks_FK2.float()), _measures(reference_K2[None].float())
    shift_F2 = (now["middle"] - ref["middle"]) / ref["width"]
    closure_F = (1 - now["opening"] / ref["opening"].clamp(min=0.05)).clamp(-1, 1)
    turn = torch.stack([now[name] - ref[name] for name in ("roll", "yaw", "pitch")], -1)
    scale_F = (now["width"] / ref["width"]).log()
    return torch.cat([shift_F2, scale_F[:, None], turn, closure_F[:, None]], -1)


def lip_opening(landmarks_FK2: Tensor) -> Tensor:
    """Inner-lip distance over the inter-ocular distance (F,), mean of three point pairs of the inner lip."""
    right_F2, left_F2 = eye_centres(landmarks_FK2)
    inner_F = sum(
        (landmarks_FK2[:, a] - landmarks_FK2[:, b]).norm(dim=-1) for a, b in ((61, 67), (62, 66), (63, 65))
    )
    return inner_F / 3 / (left_F2 - right_F2).norm(dim=-1).clamp(min=1e-3)  # type: ignore[operator]
