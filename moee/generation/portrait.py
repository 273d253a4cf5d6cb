"""From a picture to the generator's crop, and from generated crops back into the picture.

F frame, H row, W column, S side of the generator's picture, N side of the crop in the picture's own pixels.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_SIDE = 4096  # pixels; H.264 players rarely go beyond
DETAIL_SIGMA = 14.0  # grey levels; where the generated picture departs by more, fine detail is left out
MASK_RADIUS, MASK_FEATHER, MASK_POWER = (
    0.97,
    0.30,
    3.0,
)  # of the half side; between disc and square


@dataclass
class Portrait:
    """A picture and the square in it that is animated.

    Args:
        picture: (3, H, W) uint8 RGB, even sides.
        box: x, y, side of the square in pixels; it may reach beyond the picture.
        reference: (3, S, S) uint8, the square at the generator's size.
    """

    picture: Tensor
    box: tuple[int, int, int]
    reference: Tensor


def open_portrait(
    path: str | Path,
    size: int,
    face_box: tuple[float, float, float, float] | None = None,
    detector: str | Path | None = None,
) -> Portrait:
    """Read a picture and find the one face in it, or trust `face_box` (x, y, width, height in pixels).

    Args:
        path: a picture of any size.
        size: the generator's picture side.
        face_box: the face, given by hand; no detector is needed then.
        detector: the landmark model's file; searched among the known weights if None.

    Raises:
        ValueError: if the picture cannot be read, has no face or more than one, or the box is not in it.
        FileNotFoundError: if the picture or the detector is missing.
    """
    from datamodules.faces.crop import FaceFinder, crop, crop_box, single_face
    from datamodules.media.reading import read_image

    original_3HW = read_image(path)
    picture_3HW = _even(_bounded(original_3HW))
    height, width = picture_3HW.shape[1:]
    if face_box is not None:
        _check_inside(face_box, original_3HW, str(path))
        scale = width / original_3HW.shape[2]
        x, y, w, h = (value * scale for value in face_box)
        box = crop_box((x, y, w, h), width, height)
    else:
        with FaceFinder(_detector(detector)) as finder:
            box = crop_box(single_face(finder, picture_3HW, str(path)).landmarks, width, height)
    padded_3HW, shifted = extend(picture_3HW, box)
    return Portrait(picture_3HW, box, crop(padded_3HW, shifted, size))


def _detector(path: str | Path | None) -> Path:
    from moee.weights.registry import find

    if path is None:
        try:
            return find("face_landmarker")
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{error}; or say where the face is with --face-box") from None
    if not Path(path).is_file():
        raise FileNotFoundError(f"--detector {path}: no such file")
    return Path(path)


def _check_inside(box: tuple[float, float, float, float], picture_3HW: Tensor, source: str) -> None:
    x, y, w, h = box
    height, width = picture_3HW.shape[1:]
    if x < 0 or y < 0 or x + w > width or y + h > height:
        given = " ".join(f"{value:g}" for value in box)
        raise ValueError(f"--face-box {given} reaches outside {source}, which has {width} x {height} pixels")


def _bounded(picture_3HW: Tensor) -> Tensor:
    longest = max(picture_3HW.shape[1:])
    if longest <= MAX_SIDE:
        return picture_3HW
    sides = [max(2, round(side * MAX_SIDE / longest)) for side in picture_3HW.shape[1:]]
    return _resized(picture_3HW[None].float(), sides)[0].round().clamp(0, 255).byte()


def _even(picture_3HW: Tensor) -> Tensor:
    height, width = picture_3HW.shape[1:]
    return picture_3HW[:, : height - height % 2, : width - width % 2]


def extend(picture_3HW: Tensor, box: tuple[int, int, int]) -> tuple[Tensor, tuple[int, int, int]]:
    """The picture grown so that the box lies inside it, and the box's place there.

    What is added continues the edge and gets blurrier outwards, like a background out of focus: plain
    replication would draw streaks that the generator takes for hair.
    """
    x, y, side = box
    height, width = picture_3HW.shape[1:]
    left, top = max(0, -x), max(0, -y)
    right, bottom = max(0, x + side - width), max(0, y + side - height)
    if not (left or top or right or bottom):
        return picture_3HW, box
    sharp_3HW = F.pad(picture_3HW[None].float(), (left, right, top, bottom), mode="replicate")[0]
    rows, columns = _beyond(height, top, bottom), _beyond(width, left, right)
    away_HW = torch.maximum(rows[:, None], columns[None, :])
    reach, grown_3HW = max(left, top, right, bottom), sharp_3HW
    for radius in (max(1, reach // 8), max(1, reach // 3), reach):  # the farther out, the blurrier
        soft_3HW = _box_blur(_box_blur(grown_3HW, radius), radius)
        grown_3HW = torch.lerp(grown_3HW, soft_3HW, (away_HW / radius).clamp(max=1))
    return grown_3HW.round().clamp(0, 255).byte(), (x + left, y + top, side)


def _beyond(side: int, before: int, after: int) -> Tensor:
    """How many pixels each row lies outside the picture, 0 inside."""
    place = torch.arange(-before, side + after)
    return torch.maximum(-place, place - side + 1).clamp(min=0).float()


def _box_blur(x_CHW: Tensor, radius: int) -> Tensor:
    padded = F.pad(x_CHW[None], (radius,) * 4, mode="replicate")
    across = F.avg_pool2d(padded, (1, 2 * radius + 1), stride=1)
    return F.avg_pool2d(across, (2 * radius + 1, 1), stride=1)[0]


def _resized(x_FCHW: Tensor, sides: list[int]) -> Tensor:
    return F.interpolate(x_FCHW, size=sides, mode="bicubic", antialias=True, align_corners=False)


class PasteBack:
    """Puts generated crops (F, 3, S, S) back into the portrait, frame by frame, at the portrait's resolution.

    The crop's colours are brought to the portrait's by one gain and offset per channel, fitted on the first
    frame and kept, so that nothing flickers. Fine detail that the small crop cannot hold (pores, hair) comes
    from the portrait wherever the generated picture has stayed as it was.
    """

    def __init__(self, portrait: Portrait) -> None:
        self.portrait = portrait
        x, y, side = portrait.box
        padded_3HW, (px, py, _) = extend(portrait.picture, portrait.box)
        self._original_3NN = padded_3HW[:, py : py + side, px : px + side].float()
        self._reference_3SS = portrait.reference.float()
        small = list(self._reference_3SS.shape[1:])
        self._smooth_3NN = _resized(_resized(self._original_3NN[None], small), [side, side])[0]
        self._mask_NN = head_mask(side)
        self._colour: tuple[Tensor, Tensor] | None = None
        height, width = portrait.picture.shape[1:]
        self._rows = slice(max(0, y), min(height, y + side)), slice(max(0, -y), min(side, height - y))
        self._columns = slice(max(0, x), min(width, x + side)), slice(max(0, -x), min(side, width - x))

    def __call__(self, crop_3SS: Tensor) -> Tensor:
        """The whole picture (3, H, W) uint8 with one generated crop (3, S, S) uint8 in it."""
        crop = self._matched(crop_3SS.float())
        side = self._original_3NN.shape[1]
        changed_SS = _box_blur((crop - self._reference_3SS).abs().mean(0, keepdim=True), 1)
        still_1SS = torch.exp(-((changed_SS / DETAIL_SIGMA) ** 2))
        grown = _resized(crop[None], [side, side])[0]
        still_NN = F.interpolate(still_1SS[None], size=[side, side], mode="bilinear", align_corners=False)[
            0, 0
        ]
        grown = grown + still_NN * (self._original_3NN - self._smooth_3NN)
        blended = torch.lerp(self._original_3NN, grown, self._mask_NN).round_().clamp_(0, 255).byte()
        picture_3HW = self.portrait.picture.clone()
        (rows, crop_rows), (columns, crop_columns) = self._rows, self._columns
        picture_3HW[:, rows, columns] = blended[:, crop_rows, crop_columns]
        return picture_3HW

    def _matched(self, crop_3SS: Tensor) -> Tensor:
        if self._colour is None:
            self._colour = colour_match(crop_3SS, self._reference_3SS, head_mask(crop_3SS.shape[1]))
        gain_3, offset_3 = self._colour
        return crop_3SS * gain_3[:, None, None] + offset_3[:, None, None]


def colour_match(source_3HW: Tensor, target_3HW: Tensor, weight_HW: Tensor) -> tuple[Tensor, Tensor]:
    """Gain and offset (3,) per channel that give the source the target's mean and spread under the weights.

    Statistics transfer after Reinhard et al. 2001, "Color transfer between images", in RGB; the gain is held
    within 0.8..1.25, so that an unlike picture cannot blow up the contrast.
    """
    weight = weight_HW / weight_HW.sum()
    mean_s, mean_t = ((x * weight).sum((1, 2)) for x in (source_3HW, target_3HW))
    spread_s, spread_t = (
        ((x - mean[:, None, None]).square() * weight).sum((1, 2)).sqrt()
        for x, mean in ((source_3HW, mean_s), (target_3HW, mean_t))
    )
    gain_3 = (spread_t / spread_s.clamp(min=1e-3)).clamp(0.8, 1.25)
    return gain_3, mean_t - gain_3 * mean_s


def head_mask(side: int) -> Tensor:
    """Weights (side, side) in [0, 1]: 1 over the head, softly to 0 before the square's border."""
    axis = (torch.arange(side) + 0.5) / side * 2 - 1
    radius = (axis[:, None].abs() ** MASK_POWER + axis[None, :].abs() ** MASK_POWER) ** (1 / MASK_POWER)
    share = ((MASK_RADIUS - radius) / MASK_FEATHER).clamp(0, 1)
    return share * share * (3 - 2 * share)
