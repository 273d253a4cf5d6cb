"""Where things are: outline, brows, lids and lips as curves of the controls, and the map of the head's pose.

All curves live in head coordinates: fractions of the image side, x right, y down, as the neutral face stands
in the picture. Both halves of the face share their curves. F frame, K landmark, P point (any shape).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from datamodules.batch import ACTION_UNITS
from datamodules.synthetic.face.identity import Identity, Shape

CENTRE_X, HEAD_Y, EYE_Y = 0.5, 0.475, 0.43
PIVOT_Y = 0.62
DEPTH, DEPTH_X, DEPTH_Y = 0.19, 0.27, 0.46
COLUMN = {unit: i for i, unit in enumerate(ACTION_UNITS)}


@dataclass
class Pose:
    """Columns (F, 1) of the pose: yaw, pitch, roll in radians, shifts in image sides, log scale."""

    yaw: Tensor
    pitch: Tensor
    roll: Tensor
    shift_x: Tensor
    shift_y: Tensor
    log_scale: Tensor

    @classmethod
    def from_controls(cls, pose_F6: Tensor) -> "Pose":
        return cls(*(pose_F6[:, i : i + 1] for i in range(6)))

    def upright(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Picture places (F, P) or (1, P) to places with roll, scale and shift undone."""
        scale = torch.exp(-self.log_scale)
        cos, sin = self.roll.cos() * scale, self.roll.sin() * scale
        dx, dy = x - CENTRE_X - self.shift_x, y - PIVOT_Y - self.shift_y
        return CENTRE_X + cos * dx + sin * dy, PIVOT_Y - sin * dx + cos * dy

    def facing(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Upright places to head coordinates: each slides by its depth on a smooth dome (2.5D rotation)."""
        radius = ((x - CENTRE_X) / DEPTH_X) ** 2 + ((y - HEAD_Y) / DEPTH_Y) ** 2
        depth = DEPTH * (2 / (1 + radius) - 1)
        return x - depth * self.yaw.sin(), y - depth * self.pitch.sin()


def outline_radius(shape: Shape, cos: Tensor, sin: Tensor) -> Tensor:
    """Distance of the face's outline from the head's centre in direction (cos, sin), down is positive."""
    down = (sin > 0).float()
    height = shape.length * down + shape.skull * (1 - down)
    base = ((cos / shape.width) ** 2 + (sin / height) ** 2).clamp(min=1e-6).rsqrt()
    angle = torch.atan2(sin, cos.abs())
    corner = torch.exp(-0.5 * ((angle - 0.80) / 0.26) ** 2)
    hollow = torch.exp(-0.5 * ((angle - 1.18) / 0.20) ** 2)
    tip = torch.exp(-0.5 * ((angle - 1.571) / 0.22) ** 2)
    return base + corner * (shape.jaw - 0.4 * shape.taper) - shape.taper * hollow + shape.chin * tip


@dataclass
class Features:
    """The moving curves: each field is (F, 1), in fractions of the image side unless said otherwise."""

    brow_inner_x: Tensor
    brow_length: Tensor
    brow_y: Tensor
    brow_inner: Tensor
    brow_outer: Tensor
    brow_arch: Tensor
    lid_upper: Tensor
    lid_lower: Tensor
    closure: Tensor
    mouth_y: Tensor
    mouth_half: Tensor
    corner: Tensor
    gap_up: Tensor
    gap_down: Tensor
    roundness: Tensor
    upper: Tensor
    lower: Tensor
    jaw: Tensor


def features(identity: Identity, units_FA: Tensor, lips_F3: Tensor, closure_F: Tensor) -> Features:
    """What the controls make of the neutral curves.

    Linear in each action unit, lids and lips then close over it.
    """
    shape = identity.shape
    a = {unit: units_FA[:, i : i + 1] for unit, i in COLUMN.items()}
    rounding, spreading, pressing = (lips_F3[:, i : i + 1] for i in range(3))
    half = shape.eye_size
    opening = shape.eye_height * half
    gap = (0.024 * a[25] + 0.050 * a[26] + 0.004 * rounding) * (1 - pressing)
    thin = (1 - 0.62 * a[23]) * (1 - 0.55 * pressing)
    lift = 0.010 * a[10] + 0.005 * a[9] + 0.012 * a[17]
    return Features(
        brow_inner_x=0.042 - 0.014 * a[4],
        brow_length=0.128 + 0.010 * a[4],
        brow_y=EYE_Y - shape.brow_height + 0 * a[4],
        brow_inner=0.007 + shape.brow_tilt - 0.036 * a[1] + 0.028 * a[4] + 0.012 * a[9],
        brow_outer=0.008 - shape.brow_tilt - 0.036 * a[2] + 0.010 * a[4],
        brow_arch=shape.brow_arch + 0.010 * a[2] - 0.004 * a[4],
        lid_upper=opening * 0.52 + 0.017 * a[5] - 0.009 * a[7] - 0.003 * a[4] - 0.003 * a[9],
        lid_lower=opening * 0.34 - 0.009 * a[7] - 0.005 * a[6] - 0.004 * a[9] + 0.002 * a[5],
        closure=closure_F[:, None],
        mouth_y=EYE_Y + shape.mouth_height - lift - 0.002 * a[12],
        mouth_half=shape.mouth_width
        * (1 + 0.20 * a[12] + 0.30 * a[20] - 0.13 * a[23] + 0.16 * spreading - 0.08 * a[17] - 0.10 * a[26])
        * (1 - 0.42 * rounding),
        corner=-0.003 - 0.036 * a[12] + 0.034 * a[15] + 0.006 * a[20] - 0.004 * spreading,
        gap_up=0.22 * gap + 0.006 * a[10] * a[25],
        gap_down=0.78 * gap,
        roundness=0.35 * rounding + 0.4 * a[26],
        upper=shape.upper_lip * thin * (1 + 0.30 * rounding - 0.18 * a[12] - 0.22 * a[20]) + 0.009 * a[10],
        lower=shape.lower_lip * thin * (1 + 0.30 * rounding - 0.12 * a[12] - 0.20 * a[20] + 0.08 * a[17]),
        jaw=0.062 * a[26] + 0.006 * a[25],
    )


def brow_curve(f: Features, s: Tensor) -> Tensor:
    """Height (y) of the brow's middle line at `s` in 0 (inner end) .. 1 (outer end)."""
    inner = (1 - s) * (1 - s)
    return (
        f.brow_y
        + f.brow_inner * inner
        + f.brow_outer * s * s
        - 4 * f.brow_arch * s * (1 - s) * (0.4 + 0.8 * s)
    )


def lid_curves(identity: Identity, f: Features, s: Tensor) -> tuple[Tensor, Tensor]:
    """Heights (y) of the upper and lower lid at `s` in -1 (inner corner) .. 1 (outer corner)."""
    shape = identity.shape
    arc = (1 - s * s).clamp(min=0)
    tilt = -shape.eye_tilt * shape.eye_size * s
    high = arc.sqrt() * (0.35 + 0.65 * arc.sqrt()) * (1 - 0.10 * s)
    low = arc.sqrt() * (0.30 + 0.70 * arc.sqrt()) * (1 + 0.14 * s)
    shut = f.lid_lower.clamp(min=0) * 0.75 + 0.002
    upper = -f.lid_upper * (1 - f.closure) + shut * f.closure
    lower = f.lid_lower * (1 - f.closure) + shut * f.closure
    return EYE_Y + tilt + upper * high, EYE_Y + tilt + lower * low


def lip_curves(identity: Identity, f: Features, s: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Heights (y) of the four lip lines at `s` in -1 .. 1 (corners).

    Outer upper, inner upper, inner lower, outer lower.
    """
    q = (1 - s * s).clamp(min=0)
    root = q.sqrt()
    middle = f.mouth_y + f.corner * s * s + 0.0020 * torch.exp(-0.5 * (s / 0.2) ** 2)
    profile = q * (1 - f.roundness) + root * f.roundness
    bow = 1 - identity.shape.cupid * torch.exp(-0.5 * (s / 0.11) ** 2)
    inner_up, inner_down = middle - f.gap_up * profile, middle + f.gap_down * profile
    outer_up = inner_up - f.upper * (0.55 * q + 0.45 * root) * bow
    outer_down = inner_down + f.lower * (0.45 * q + 0.55 * root)
    return outer_up, inner_up, inner_down, outer_down


def feature_points(identity: Identity, f: Features) -> dict[int, tuple[Tensor, Tensor]]:
    """Head coordinates of brows, eyes and lips.

    First landmark index -> x, y, each (F, n), iBUG 300-W order.
    """
    shape = identity.shape
    frames = f.mouth_y.shape[0]
    brow_s = torch.tensor([[0.04, 0.27, 0.5, 0.74, 0.98]])
    brow_x = f.brow_inner_x + f.brow_length * brow_s
    brow_y = brow_curve(f, brow_s)
    lid_s = torch.tensor([[-1.0, -0.36, 0.36, 1.0]])
    upper, lower = lid_curves(identity, f, lid_s.expand(frames, -1))
    eye_x = (shape.eye_distance + shape.eye_size * lid_s).expand(frames, -1)
    outer_s = torch.tensor([[-1.0, -0.62, -0.24, 0.0, 0.24, 0.62, 1.0]])
    up, _, _, down = lip_curves(identity, f, outer_s.expand(frames, -1))
    inner_s = torch.tensor([[-0.88, -0.40, 0.0, 0.40, 0.88]])
    _, in_up, in_down, _ = lip_curves(identity, f, inner_s.expand(frames, -1))
    outer_x, inner_x = CENTRE_X + f.mouth_half * outer_s, CENTRE_X + f.mouth_half * inner_s
    middle = 0.5 * (in_up + in_down)
    in_y = torch.cat([middle[:, :1], in_up[:, 1:4], middle[:, 4:], in_down[:, 1:4].flip(1)], 1)
    in_x = torch.cat([inner_x, inner_x[:, 1:4].flip(1)], 1)
    right_eye_y = torch.cat([upper.flip(1), lower[:, 1:3]], 1)
    right_eye_x = CENTRE_X - torch.cat([eye_x.flip(1), eye_x[:, 1:3]], 1)
    left_eye_y = torch.cat([upper, lower[:, 1:3].flip(1)], 1)
    left_eye_x = CENTRE_X + torch.cat([eye_x, eye_x[:, 1:3].flip(1)], 1)
    return {
        17: (CENTRE_X - brow_x.flip(1), brow_y.flip(1)),
        22: (CENTRE_X + brow_x, brow_y),
        36: (right_eye_x, right_eye_y),
        42: (left_eye_x, left_eye_y),
        48: (torch.cat([outer_x, outer_x[:, 1:6].flip(1)], 1), torch.cat([up, down[:, 1:6].flip(1)], 1)),
        60: (in_x, in_y),
    }


def skin_points(identity: Identity) -> tuple[Tensor, Tensor]:
    """Resting places (1, 26) of the landmarks that ride on the skin: jaw 0-16, then nose 27-35."""
    shape = identity.shape
    angle = torch.linspace(torch.pi + 0.08, -0.08, 17)
    cos, sin = angle.cos(), angle.sin()
    radius = outline_radius(shape, cos, sin)
    base = EYE_Y + shape.nose_length
    wing = shape.nose_width * torch.tensor([-0.78, -0.42, 0.0, 0.42, 0.78])
    ridge_y = torch.linspace(EYE_Y - 0.012, base - 0.028, 4)
    wing_y = base + torch.tensor([0.000, 0.005, 0.009, 0.005, 0.000])
    x = torch.cat([CENTRE_X + radius * cos, torch.full((4,), CENTRE_X), CENTRE_X + wing])
    y = torch.cat([HEAD_Y + radius * sin, ridge_y, wing_y])
    return x[None], y[None]


SKIN_INDICES = (*range(17), *range(27, 36))
