"""What action units say about emotions, and what other tools call them. F frame, E expert, A action unit.

A part of the contract: it imports torch and `datamodules.batch` only. Intensities are in [0, 1] (FACS A-E
over five).
"""

from difflib import get_close_matches

import torch
from torch import Tensor

from datamodules.batch import ACTION_UNITS, EMOTIONS

# Which units make an emotion: EMFACS (Ekman & Friesen 1983; FACS Investigator's Guide, Ekman, Friesen & Hager
# 2002, ch. 12), checked against table 1 of Du, Tao & Martinez (2014). The intensities are ours: clearly
# visible.
PROTOTYPES: dict[str, dict[int, float]] = {
    "happy": {6: 0.8, 12: 0.95, 25: 0.4},
    "sad": {1: 0.85, 4: 0.6, 15: 0.9, 17: 0.55},
    "angry": {4: 0.95, 5: 0.4, 7: 0.85, 23: 0.85},
    "disgust": {4: 0.25, 9: 0.95, 10: 0.85, 17: 0.5},
    "fear": {1: 0.85, 2: 0.5, 4: 0.65, 5: 0.8, 7: 0.35, 20: 0.9, 25: 0.5, 26: 0.25},
    "surprise": {1: 0.85, 2: 0.95, 5: 0.7, 25: 0.75, 26: 0.8},
}
SPEECH_UNITS = (25, 26)  # what speaking moves most
UPPER_UNITS = (1, 2, 4, 5, 6, 7)  # brows, lids and cheeks: FACS' upper face; all others are the lower face's
TONIC_SHARE = 0.2

# Columns of other tools, to our numbers; units that we do not carry are left out.
OPENFACE = {f"AU{unit:02d}_r": unit for unit in (1, 2, 4, 5, 6, 7, 9, 10, 12, 15, 17, 20, 23, 25, 26)}  # 0..5
PY_FEAT = {f"AU{unit:02d}": unit for unit in (1, 2, 4, 5, 6, 7, 9, 10, 12, 15, 17, 20, 23, 25, 26)}  # 0..1
ME_GRAPHAU_BP4D = {f"AU{unit}": unit for unit in (1, 2, 4, 6, 7, 10, 12, 15, 17, 23)}  # of 12; also 14, 24
ME_GRAPHAU_DISFA = {f"AU{unit}": unit for unit in (1, 2, 4, 6, 9, 12, 25, 26)}  # all 8
OPEN_GRAPH_AU = {f"AU{unit}": unit for unit in ACTION_UNITS}  # all ours, of 27 and 14 halves
LIBREFACE = {f"au_{unit}_intensity": unit for unit in (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)}  # 0..5
TOOLS = {
    "openface": OPENFACE,
    "py-feat": PY_FEAT,
    "me-graphau-bp4d": ME_GRAPHAU_BP4D,
    "me-graphau-disfa": ME_GRAPHAU_DISFA,
    "open-graph-au": OPEN_GRAPH_AU,
    "libreface": LIBREFACE,
}

# Blendshapes of MediaPipe's face landmarker (ARKit names) whose mean stands for a unit, and the gain on that
# mean.
BLENDSHAPES: dict[int, tuple[tuple[str, ...], float]] = {
    1: (("browInnerUp",), 1.0),
    2: (("browOuterUpLeft", "browOuterUpRight"), 1.0),
    4: (("browDownLeft", "browDownRight"), 1.0),
    5: (("eyeWideLeft", "eyeWideRight"), 1.5),
    6: (("cheekSquintLeft", "cheekSquintRight"), 1.0),
    7: (("eyeSquintLeft", "eyeSquintRight"), 1.0),
    9: (("noseSneerLeft", "noseSneerRight"), 1.5),
    10: (("mouthUpperUpLeft", "mouthUpperUpRight"), 1.0),
    12: (("mouthSmileLeft", "mouthSmileRight"), 1.0),
    15: (("mouthFrownLeft", "mouthFrownRight"), 1.0),
    17: (("mouthShrugLower",), 1.0),
    20: (("mouthStretchLeft", "mouthStretchRight"), 1.0),
    23: (("mouthPressLeft", "mouthPressRight"), 1.0),
    26: (("jawOpen",), 1.5),
}


def prototype_matrix() -> Tensor:
    """The six emotions' prototypes (E, A), in the orders of the contract."""
    return torch.tensor([[PROTOTYPES[name].get(unit, 0.0) for unit in ACTION_UNITS] for name in EMOTIONS])


def prototype(blend: Tensor) -> Tensor:
    """The expression of a blend: (..., E) to (..., A) in [0, 1].

    The blend's sum is the intensity. The strongest emotion shows at that intensity, the others in proportion
    to it, and where several move one unit the strongest wins (a union: Du et al. 2014 find the units of both
    emotions in a compound face). So `happy:0.5,surprise:0.5` shows both in full, and `happy:0.5` a half
    smile.
    """
    total = blend.sum(-1, keepdim=True).clamp(max=1.0)
    strength = blend / blend.amax(-1, keepdim=True).clamp(min=1e-6) * total
    return (strength.unsqueeze(-1) * prototype_matrix().to(blend)).amax(-2)


def regional_prototype(regions_2E: Tensor) -> Tensor:
    """The expression (..., A) of a face whose upper and lower halves show blends of their own (..., 2, E).

    The same blend in both is `prototype` of it.
    """
    upper, lower = prototype(regions_2E).unbind(-2)
    is_upper_A = torch.tensor([unit in UPPER_UNITS for unit in ACTION_UNITS], device=regions_2E.device)
    return torch.where(is_upper_A, upper, lower)


def tonic(action_units_FA: Tensor, window: int = 25) -> Tensor:
    """The expression held under the speech: (..., F, A) to the same shape.

    AU25 and AU26 become their rolling low percentile (20 % over `window` frames, edges repeated), which
    speech only reaches where the lips come back to rest; the other units are left as they are. A generator is
    told this and must take the movement of the lips from the sound.

    Raises:
        ValueError: if the last dimension is not A, or `window` is not a positive odd number.
    """
    if action_units_FA.shape[-1] != len(ACTION_UNITS):
        raise ValueError(
            f"expected {len(ACTION_UNITS)} action units, got shape {tuple(action_units_FA.shape)}"
        )
    if window < 1 or window % 2 == 0:
        raise ValueError(f"window {window} of tonic must be a positive odd number of frames")
    speech = [ACTION_UNITS.index(unit) for unit in SPEECH_UNITS]
    tracks = action_units_FA[..., speech].transpose(-1, -2)
    reach = window // 2
    edges = (
        tracks[..., :1].expand(*tracks.shape[:-1], reach),
        tracks[..., -1:].expand(*tracks.shape[:-1], reach),
    )
    windows = torch.cat([edges[0], tracks, edges[1]], -1).unfold(-1, window, 1)
    rank = max(1, round(TONIC_SHARE * window))
    out = action_units_FA.clone()
    out[..., speech] = windows.kthvalue(rank, -1).values.transpose(-1, -2)
    return out


def parse_action_units(text: str) -> Tensor:
    """`AU12=0.8,AU6=0.5` to intensities (A,); units that are not named are zero.

    Raises:
        ValueError: for an unknown unit (the nearest known ones are named), no number, or a value outside
            0..1.
    """
    out = torch.zeros(len(ACTION_UNITS))
    known = [f"AU{unit}" for unit in ACTION_UNITS]
    for part in text.split(","):
        name, equals, amount = (piece.strip() for piece in part.partition("="))
        name = name.upper().replace("AU0", "AU")
        if name not in known:
            near = get_close_matches(name, known, n=2, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}? " if near else ""
            raise ValueError(f"unknown action unit {part.strip()!r}: {hint}known are {', '.join(known)}")
        try:
            value = float(amount)
        except ValueError:
            shown = amount if equals else "nothing"
            raise ValueError(f"{name}: {shown!r} is not a number between 0 and 1; write {name}=0.8") from None
        if not 0 <= value <= 1:
            raise ValueError(f"{name}: {amount} is outside 0..1")
        out[known.index(name)] = value
    return out


def from_blendshapes(scores: dict[str, float]) -> Tensor:
    """MediaPipe's 52 blendshape scores to intensities (A,): a rough mapping, not a FACS coder.

    ARKit shapes were drawn for animation. Known weak spots: `cheekSquint` and `noseSneer` hardly move in
    MediaPipe, so AU6 and AU9 are low; AU23 is read from `mouthPress`, which also answers AU24; AU25 is put
    together from the lips' opening shapes and the jaw, less `mouthClose`.

    Raises:
        ValueError: if a blendshape that is needed is missing.
    """
    needed = {name for names, _ in BLENDSHAPES.values() for name in names}
    needed |= {"mouthClose", "mouthLowerDownLeft", "mouthLowerDownRight"}
    missing = sorted(needed - scores.keys())
    if missing:
        raise ValueError(
            f"blendshapes without {', '.join(missing)}: expected the 52 names of MediaPipe's face landmarker"
        )
    out = torch.zeros(len(ACTION_UNITS))
    for unit, (names, gain) in BLENDSHAPES.items():
        out[ACTION_UNITS.index(unit)] = gain * sum(scores[name] for name in names) / len(names)
    lower = (scores["mouthLowerDownLeft"] + scores["mouthLowerDownRight"]) / 2
    upper = (scores["mouthUpperUpLeft"] + scores["mouthUpperUpRight"]) / 2
    apart = max(lower, upper, 2.0 * scores["jawOpen"]) - scores["mouthClose"]
    out[ACTION_UNITS.index(25)] = apart
    return out.clamp(0.0, 1.0)
