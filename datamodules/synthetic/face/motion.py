"""How skin moves and folds: for each control a field of displacement and a change of relief.

A displacement is a sum of Gaussian hills (both halves of the face mirrored), a relief likewise; grooves are
thin negative hills. The light then makes folds visible: nothing is painted. N control column, G grid cell.
"""

import torch
from torch import Tensor

from datamodules.batch import ACTION_UNITS
from datamodules.synthetic.face.geometry import CENTRE_X, EYE_Y, HEAD_Y
from datamodules.synthetic.face.identity import Identity
from datamodules.synthetic.face.textures import bump, smoothstep

# Columns of the control vector: action units, then lips (rounding, spreading, pressing), then yaw and pitch.
ROUNDING, SPREADING, PRESSING, YAW, PITCH = range(len(ACTION_UNITS), len(ACTION_UNITS) + 5)
COLUMNS = len(ACTION_UNITS) + 5


def mirrored(x: Tensor, y: Tensor, cx: float, cy: float, sx: float, sy: float) -> tuple[Tensor, Tensor]:
    """A hill at `cx` from the middle line on both sides: its height and its sign across (right +, left -)."""
    right, left = (torch.exp(-0.5 * ((x - CENTRE_X - side) / sx) ** 2) for side in (cx, -cx))
    down = torch.exp(-0.5 * ((y - cy) / sy) ** 2)
    return (right + left) * down, (right - left) * down


def displacement(identity: Identity, x: Tensor, y: Tensor) -> Tensor:
    """Displacement (N, 2, *) of the skin at head places `x`, `y` for each control at full strength."""
    shape = identity.shape
    mouth_y, nose_y = EYE_Y + shape.mouth_height, EYE_Y + shape.nose_length
    half = shape.mouth_width
    field = {
        unit: torch.zeros(2, *torch.broadcast_shapes(x.shape, y.shape)) for unit in (*ACTION_UNITS, *"rspyt")
    }

    def push(key: int | str, cx: float, cy: float, sx: float, sy: float, dx: float, dy: float) -> None:
        hill, sign = mirrored(x, y, cx, cy, sx, sy)
        field[key][0] += dx * sign
        field[key][1] += dy * hill

    brow = EYE_Y - shape.brow_height
    push(1, 0.03, brow - 0.02, 0.05, 0.045, 0, -0.016)
    push(2, 0.13, brow - 0.02, 0.05, 0.045, 0, -0.020)
    push(4, 0.06, brow, 0.06, 0.045, -0.010, 0.012)
    push(6, 0.125, EYE_Y + 0.085, 0.06, 0.045, 0.004, -0.014)
    push(9, 0.030, nose_y - 0.01, 0.030, 0.050, 0.003, -0.011)
    push(10, 0.035, mouth_y - 0.05, 0.040, 0.030, 0.002, -0.010)
    push(12, half + 0.03, mouth_y - 0.03, 0.055, 0.055, 0.016, -0.018)
    push(15, half, mouth_y + 0.03, 0.040, 0.045, 0.003, 0.014)
    push(17, 0.02, mouth_y + 0.085, 0.055, 0.035, 0, -0.010)
    push(20, half + 0.02, mouth_y + 0.01, 0.050, 0.060, 0.020, 0.004)
    push("r", half, mouth_y, 0.05, 0.05, -0.014, 0)
    push("s", half, mouth_y, 0.05, 0.05, 0.010, 0)
    drop = smoothstep(y, mouth_y - 0.02, HEAD_Y + shape.length + 0.005)
    field[26][1] += 0.062 * drop
    field[26][0] -= 0.10 * (x - CENTRE_X) * bump(x, y, CENTRE_X, mouth_y + 0.04, 0.3, 0.07)
    field[25][1] += 0.006 * drop
    tip = bump(x, y, CENTRE_X, nose_y - 0.03, 0.040, 0.055)
    field["y"][0] += 0.055 * tip
    field["t"][1] += 0.045 * tip
    return torch.stack(list(field.values()))


def relief(identity: Identity, x: Tensor, y: Tensor) -> Tensor:
    """Resting relief (*) of the face above the head's dome, in image sides."""
    s = identity.shape
    mouth_y, nose_y = EYE_Y + s.mouth_height, EYE_Y + s.nose_length
    wide = s.nose_width

    def pair(cx: float, cy: float, sx: float, sy: float) -> Tensor:
        return mirrored(x, y, cx, cy, sx, sy)[0]

    ridge = torch.exp(-0.5 * ((x - CENTRE_X) / (0.013 + 0.009 * smoothstep(y, EYE_Y, nose_y))) ** 2)
    along = smoothstep(y, EYE_Y - 0.05, nose_y - 0.02) * smoothstep(-y, -nose_y - 0.006, -nose_y + 0.018)
    height = ridge * along * (0.010 + s.nose_bridge)
    height = height + 0.020 * bump(x, y, CENTRE_X, nose_y - 0.018, 0.40 * wide, 0.015)
    height = height + 0.011 * pair(0.66 * wide, nose_y - 0.010, 0.24 * wide, 0.012)
    height = height - 0.004 * pair(wide + 0.004, nose_y - 0.008, 0.006, 0.014)
    height = height + 0.010 * pair(0.085, EYE_Y - s.brow_height + 0.008, 0.060, 0.016)
    height = height - 0.016 * pair(s.eye_distance - 0.03, EYE_Y - 0.010, 0.032, 0.020)
    height = height - 0.007 * pair(s.eye_distance + 0.01, EYE_Y + 0.01, 0.055, 0.028)
    height = height + 0.008 * pair(s.eye_distance, EYE_Y + 0.002, 0.045, 0.018)
    height = height + (0.008 + 0.010 * s.cheekbone) * pair(0.140, EYE_Y + 0.085, 0.045, 0.035)
    height = height - 0.006 * s.cheekbone * pair(0.150, mouth_y - 0.02, 0.035, 0.045)
    height = height + 0.012 * bump(x, y, CENTRE_X, mouth_y, 0.080, 0.045)
    height = height - 0.004 * bump(x, y, CENTRE_X, mouth_y - 0.048, 0.007, 0.016)
    height = height + 0.003 * pair(0.015, mouth_y - 0.048, 0.006, 0.018)
    height = height - 0.008 * bump(x, y, CENTRE_X, mouth_y + 0.045, 0.05, 0.012)
    height = height + 0.013 * bump(x, y, CENTRE_X, mouth_y + 0.085, 0.040, 0.026)
    age = identity.skin.age
    return height + age * _fold(x, y, half=s.mouth_width, mouth_y=mouth_y, nose_y=nose_y, wide=wide) * 0.5


def _line(
    x: Tensor, y: Tensor, start: tuple[float, float], end: tuple[float, float], bow: float, soft: float
) -> Tensor:
    """A groove of depth 1 along a bent line between (distance from the middle, height) pairs, both sides."""
    side = (x - CENTRE_X).abs()
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = (dx * dx + dy * dy) ** 0.5
    t = ((side - start[0]) * dx + (y - start[1]) * dy) / length**2
    off = ((side - start[0]) * dy - (y - start[1]) * dx) / length - bow * 4 * t * (1 - t)
    fade = smoothstep(t, -0.15, 0.2) * smoothstep(-t, -1.15, -0.8)
    return torch.exp(-0.5 * (off / soft) ** 2) * fade


def _fold(x: Tensor, y: Tensor, half: float, mouth_y: float, nose_y: float, wide: float) -> Tensor:
    """Nasolabial furrow with the cheek's roll beside it."""
    start, end = (wide + 0.002, nose_y - 0.015), (half + 0.022, mouth_y - 0.005)
    groove = _line(x, y, start, end, 0.008, 0.0055)
    roll = _line(x, y, (start[0] + 0.016, start[1]), (end[0] + 0.018, end[1] - 0.01), 0.008, 0.012)
    return 0.008 * roll - 0.007 * groove


def folds(identity: Identity, x: Tensor, y: Tensor) -> Tensor:
    """Change of relief (N, *) for each control at full strength."""
    s = identity.shape
    mouth_y, nose_y = EYE_Y + s.mouth_height, EYE_Y + s.nose_length
    half, wide, brow = s.mouth_width, s.nose_width, EYE_Y - s.brow_height

    def pair(cx: float, cy: float, sx: float, sy: float) -> Tensor:
        return mirrored(x, y, cx, cy, sx, sy)[0]

    def line(x0: float, y0: float, x1: float, y1: float, bow: float = 0.0, soft: float = 0.004) -> Tensor:
        return _line(x, y, (x0, y0), (x1, y1), bow, soft)

    furrow = _fold(x, y, half, mouth_y, nose_y, wide)
    zero = torch.zeros(torch.broadcast_shapes(x.shape, y.shape))
    change: dict[int | str, Tensor] = {unit: zero for unit in (*ACTION_UNITS, *"rspyt")}
    ripple = torch.cos((y - brow + 0.035) * 2 * torch.pi / 0.032)
    change[1] = 0.0042 * ripple * bump(x, y, CENTRE_X, brow - 0.070, 0.055, 0.026)
    change[2] = 0.0036 * ripple * pair(0.125, brow - 0.062, 0.032, 0.026)
    change[4] = -0.010 * line(0.017, brow - 0.022, 0.015, brow + 0.022, 0.002, 0.0045) + 0.008 * bump(
        x, y, CENTRE_X, brow - 0.002, 0.010, 0.024
    )
    change[4] = change[4] + 0.006 * pair(0.034, brow - 0.004, 0.014, 0.016)
    crow = sum(
        line(
            s.eye_distance + s.eye_size + 0.012,
            EYE_Y + 0.010 * k,
            s.eye_distance + s.eye_size + 0.042,
            EYE_Y + 0.022 * k,
        )
        for k in (-1, 0, 1)
    )
    change[6] = 0.016 * pair(0.120, EYE_Y + 0.070, 0.048, 0.024) - 0.0055 * crow
    change[6] = change[6] - 0.006 * line(0.055, EYE_Y + 0.036, 0.150, EYE_Y + 0.036, 0.010, 0.0045)
    change[7] = 0.005 * pair(s.eye_distance, EYE_Y + 0.030, 0.042, 0.007)
    root = torch.cos((y - EYE_Y) * 2 * torch.pi / 0.021) * bump(x, y, CENTRE_X, EYE_Y + 0.012, 0.026, 0.026)
    change[9] = 0.0055 * root + 0.006 * pair(wide, nose_y - 0.012, 0.014, 0.016) + 0.5 * furrow
    change[10] = 0.9 * furrow + 0.005 * pair(0.040, mouth_y - 0.055, 0.020, 0.016)
    dimple = line(half + 0.034, mouth_y - 0.052, half + 0.040, mouth_y - 0.006, 0.006, 0.0045)
    change[12] = 0.9 * furrow + 0.014 * pair(0.125, EYE_Y + 0.115, 0.042, 0.030) - 0.006 * dimple
    change[15] = -0.007 * line(half * 0.98, mouth_y + 0.035, half * 0.86, mouth_y + 0.085, 0.0, 0.006)
    change[15] = change[15] + 0.007 * pair(half + 0.012, mouth_y + 0.055, 0.018, 0.022)
    pebble = torch.cos(x * 2 * torch.pi / 0.024 + 9 * y) * torch.cos(y * 2 * torch.pi / 0.021 - 14 * x)
    change[17] = (0.012 + 0.0028 * pebble) * bump(x, y, CENTRE_X, mouth_y + 0.075, 0.038, 0.024)
    change[17] = change[17] - 0.006 * line(-0.04, mouth_y + 0.044, 0.04, mouth_y + 0.044, 0, 0.006)
    change[20] = -0.006 * line(
        half * 1.30 + 0.008, mouth_y - 0.030, half * 1.30 + 0.012, mouth_y + 0.035, 0.004, 0.005
    )
    change[20] = change[20] + 0.004 * pair(half * 1.3 + 0.035, mouth_y, 0.016, 0.035)
    change[23] = 0.006 * bump(x, y, CENTRE_X, mouth_y - 0.030, 0.060, 0.008) + 0.006 * bump(
        x, y, CENTRE_X, mouth_y + 0.034, 0.055, 0.008
    )
    change[26] = -0.007 * pair(0.140, mouth_y + 0.005, 0.030, 0.060)
    change["r"] = 0.006 * bump(x, y, CENTRE_X, mouth_y, 0.055, 0.04)
    return torch.stack([c + zero for c in change.values()])
