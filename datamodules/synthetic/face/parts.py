"""What moves too much to be a plate: brows, eyes and mouth, painted per frame in their own windows.

F frame, P pixel of a window (flattened). A part paints colour (3, F, P) and coverage (F, P).
"""

import torch
from torch import Tensor

from datamodules.synthetic.face.geometry import (
    CENTRE_X,
    EYE_Y,
    Features,
    brow_curve,
    lid_curves,
    lip_curves,
)
from datamodules.synthetic.face.identity import RGB, Identity
from datamodules.synthetic.face.textures import inside, smoothstep


class Layer:
    """Premultiplied colour and coverage over window pixels."""

    def __init__(self, like_FP: Tensor) -> None:
        self.rgb_3FP = torch.zeros(3, *like_FP.shape)
        self.alpha_FP = torch.zeros_like(like_FP)

    def paint(self, rgb: RGB, alpha_FP: Tensor, shade_FP: Tensor | float = 1.0) -> None:
        """One colour times a shade, over what is there."""
        keep = 1 - alpha_FP
        lit = alpha_FP * shade_FP
        for c in range(3):
            self.rgb_3FP[c].mul_(keep).add_(lit, alpha=rgb[c])
        self.alpha_FP = self.alpha_FP * keep + alpha_FP


def lamp(identity: Identity, share: float = 0.75) -> RGB:
    """Light that falls on small parts: the sky and most of the key."""
    red, green, blue = (
        a + share * k for a, k in zip(identity.light.ambient, identity.light.key, strict=True)
    )
    return red, green, blue


def _lit(rgb: RGB, light: RGB, factor: float = 1.0) -> RGB:
    return rgb[0] * light[0] * factor, rgb[1] * light[1] * factor, rgb[2] * light[2] * factor


def paint_brows(identity: Identity, f: Features, layer: Layer, x: Tensor, y: Tensor, soft: float) -> None:
    """Both brows at head places `x`, `y` (F, P)."""
    shape = identity.shape
    s = ((x - CENTRE_X).abs() - f.brow_inner_x) / f.brow_length
    inner = s.clamp(0, 1)
    thick = shape.brow_thickness * (0.72 + 0.75 * inner - 1.20 * inner * inner * inner)
    off = (y - brow_curve(f, inner)) / (1 + (0.6 * (f.brow_inner - f.brow_outer)).abs())
    hairs = 1 + 0.22 * torch.sin(s * 46 - off * 330) + 0.12 * torch.sin(s * 23 + off * 500)
    cover = inside(off.abs() - thick, soft * 1.5 + 0.5 * thick)
    ends = smoothstep(s, -0.06, 0.07) * smoothstep(-s, -1.03, -0.93)
    layer.paint(_lit(identity.hair.brow, lamp(identity)), (cover * ends * 0.88 * hairs).clamp(0, 1))


def paint_eyes(
    identity: Identity, f: Features, gaze_F2: Tensor, layer: Layer, x: Tensor, y: Tensor, soft: float
) -> None:
    """Both eyes: lid fold, white, iris, pupil, highlights, lashes."""
    shape, eyes, skin = identity.shape, identity.eyes, identity.skin
    light = lamp(identity)
    side = x - CENTRE_X
    half = shape.eye_size
    s = (side.abs() - shape.eye_distance) / half
    upper, lower = lid_curves(identity, f, s.clamp(-1, 1))
    within = inside((s.abs() - 1) * half, soft)
    open_FP = inside(upper - y, soft) * inside(y - lower, soft) * within
    # Lid skin between the fold and the lashes.
    reach = smoothstep(s, -1.12, -0.7) * smoothstep(-s, -1.25, -0.75)
    fold = upper - 0.0125 - 0.010 * f.closure
    lid = smoothstep(y, fold - 0.001, fold + 0.002) * inside(y - upper, soft) * reach
    tone: RGB = tuple(
        t * 0.86 * (1 - 0.55 * skin.make_up) + e * 0.55 * skin.make_up
        for t, e in zip(skin.tone, skin.eyeshadow, strict=True)
    )  # type: ignore[assignment]
    layer.paint(_lit(tone, light), lid * 0.75)
    crease = torch.exp(-0.5 * ((y - fold) / 0.0032) ** 2) * reach
    layer.paint(_lit(skin.tone, light, 0.52), crease * 0.6)
    # Under-lid shadow line.
    bag = torch.exp(-0.5 * ((y - lower - 0.006) / 0.0035) ** 2) * reach
    layer.paint(_lit(skin.tone, light, 0.66), bag * 0.35)
    # White of the eye, darker below the upper lid and in the corners.
    shadow = 0.94 - 0.42 * (1 - smoothstep(y - upper, -0.004, 0.016)) - 0.20 * s.clamp(-1, 1) ** 2
    layer.paint(_lit(eyes.white, light), open_FP, shadow)
    iris = eyes.iris_size * half
    gx = gaze_F2[:, :1] * 0.42 * half
    gy = EYE_Y - 0.004 + gaze_F2[:, 1:] * 0.22 * half
    dx = torch.where(side > 0, side - shape.eye_distance, side + shape.eye_distance) - gx
    dy = y - gy
    radius = (dx * dx + dy * dy + 1e-9).sqrt()
    rays = 0.82 + 0.16 * torch.cos(9 * torch.atan2(dy, dx)) + 0.35 * smoothstep(dy, -iris, iris)
    ring = 1 - 0.55 * smoothstep(radius, 0.72 * iris, iris)
    layer.paint(_lit(eyes.iris, light), inside(radius - iris, soft) * open_FP, rays * ring * shadow)
    layer.paint((0.02, 0.02, 0.02), inside(radius - 0.42 * iris, soft) * open_FP)
    hx = 0.35 * iris * (1.0 if identity.light.direction[0] > 0 else -1.0)
    spark = ((dx + gx * 0.3 - hx) ** 2 + (dy + 0.42 * iris) ** 2 + 1e-9).sqrt()
    layer.paint((1.0, 1.0, 1.0), inside(spark - 0.24 * iris, soft) * open_FP * 0.92)
    # Inner corner and lashes.
    corner = torch.exp(-0.5 * (((s + 0.93) / 0.10) ** 2 + ((y - EYE_Y - shape.eye_tilt * half) / 0.006) ** 2))
    layer.paint(_lit(identity.skin.lip, light), corner * open_FP * 0.6)
    line = 0.0028 + 0.0032 * eyes.lash * smoothstep(s, -1.0, 0.6)
    lash = (
        inside((y - upper + 0.3 * line).abs() - line, soft)
        * smoothstep(s, -1.10, -0.9)
        * smoothstep(-s, -1.20, -0.98)
    )
    layer.paint((0.07, 0.05, 0.05), lash * (0.65 + 0.35 * eyes.lash))
    below = inside((y - lower).abs() - 0.0014, soft) * within * smoothstep(s, -0.9, 0.2)
    layer.paint((0.16, 0.10, 0.09), below * (0.25 + 0.40 * eyes.lash))


def paint_mouth(identity: Identity, f: Features, layer: Layer, x: Tensor, y: Tensor, soft: float) -> Tensor:
    """Lips, teeth, tongue and cavity.

    Returns the mouth mask's score (F, P), positive inside the dilated lips.
    """
    skin, light = identity.skin, lamp(identity)
    s = (x - CENTRE_X) / f.mouth_half
    t = s.clamp(-1, 1)
    outer_up, inner_up, inner_down, outer_down = lip_curves(identity, f, t)
    within = inside((s.abs() - 1) * f.mouth_half, soft)
    lips = inside(outer_up - y, soft * 1.5) * inside(y - outer_down, soft * 1.5) * within
    # Soft shadow under the lower lip and in the corners.
    under = torch.exp(-0.5 * (((y - outer_down - 0.008) / 0.008) ** 2 + (s / 0.55) ** 4))
    layer.paint(_lit(skin.tone, light, 0.45), under * 0.35)
    tuck = ((x - CENTRE_X).abs() - f.mouth_half) ** 2
    nook = torch.exp(-0.5 * (tuck / 0.010**2 + ((y - f.mouth_y - f.corner) / 0.011) ** 2))
    layer.paint(_lit(skin.tone, light, 0.35), nook * 0.32)
    # Lips: the upper turns to the ground, the lower to the sky.
    seam = 0.5 * (inner_up + inner_down)
    upper_part = (y < seam).float()
    rise = ((y - inner_down) / (outer_down - inner_down).clamp(min=1e-4)).clamp(0, 1)
    up = ((inner_up - y) / (inner_up - outer_up).clamp(min=1e-4)).clamp(0, 1)
    streak = 0.05 * torch.sin(s * 38 + 3 * s * s) + 0.03 * torch.sin(s * 71)
    low_shade = 0.86 + 0.62 * rise * (1 - rise) - 0.18 * rise * rise + streak
    high_shade = 0.66 + 0.22 * up + streak
    layer.paint(_lit(skin.lip, light), lips, upper_part * high_shade + (1 - upper_part) * low_shade)
    gloss = torch.exp(
        -0.5 * (((s + 0.25 * (-identity.light.direction[0])) / 0.36) ** 2 + ((rise - 0.42) / 0.16) ** 2)
    )
    layer.paint(
        _lit((1.0, 0.96, 0.95), light),
        gloss * lips * (1 - upper_part) * (0.10 + 0.22 * identity.light.highlight),
    )
    _paint_opening(identity, f, layer, x, y, soft)
    # The dark line between closed lips, the shadow of the upper lip on the teeth.
    slit = torch.exp(-0.5 * ((y - inner_up) / 0.0032) ** 2) * within
    layer.paint(_lit(skin.lip, light, 0.22), slit * 0.75)
    margin = 0.020
    return (
        torch.minimum(torch.minimum(y - outer_up, outer_down - y), f.mouth_half - (x - CENTRE_X).abs())
        + margin
    )


def _paint_opening(identity: Identity, f: Features, layer: Layer, x: Tensor, y: Tensor, soft: float) -> None:
    """What parted lips show: cavity, tongue, upper teeth, and lower teeth that go down with the jaw."""
    eyes, light = identity.eyes, lamp(identity)
    s = (x - CENTRE_X) / f.mouth_half
    _, inner_up, inner_down, _ = lip_curves(identity, f, s.clamp(-1, 1))
    within = inside((s.abs() - 1) * f.mouth_half, soft)
    open_FP = inside(inner_up - y, soft) * inside(y - inner_down, soft) * within
    open_FP = open_FP * smoothstep(inner_down - inner_up, 0.0005, 0.004)
    depth = smoothstep(y - inner_up, 0.0, 0.05)
    layer.paint(_lit(eyes.cavity, light), open_FP, 0.55 + 0.45 * depth)
    tongue_y = f.mouth_y + 0.030 + 0.75 * f.jaw
    tongue = inside((((x - CENTRE_X) / 0.050) ** 2 + ((y - tongue_y) / 0.024) ** 2 + 1e-9).sqrt() - 1, 0.25)
    layer.paint(
        _lit(eyes.tongue, light, 0.8), tongue * open_FP, 0.7 + 0.3 * smoothstep(y - tongue_y, -0.02, 0.01)
    )
    side = (x - CENTRE_X).abs()
    teeth_y = f.mouth_y + 0.0075 - 1.1 * (x - CENTRE_X) ** 2
    gaps = 1 - 0.16 * torch.exp(-0.5 * (((side / 0.0165) % 1.0 - 0.5).abs().sub(0.5) / 0.07) ** 2)
    fade = 1 - 0.55 * smoothstep(side, 0.02, 0.075)
    layer.paint(
        _lit(eyes.teeth, light),
        inside(y - teeth_y, soft * 1.3) * open_FP * inside(side - 0.072, 0.012),
        gaps * fade,
    )
    lower_y = f.mouth_y + 0.017 + 0.85 * f.jaw
    lower_teeth = inside(lower_y - y, soft * 1.3) * open_FP * inside(side - 0.05, 0.012)
    layer.paint(_lit(eyes.teeth, light, 0.8), lower_teeth * 0.9, gaps * fade)
