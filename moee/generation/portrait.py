"""From a picture to the generator's crop, and from generated crops back into the picture.

F frame, H row, W column, S side of the generator's picture, N side of the crop in the picture's own pixels.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from moee.console import warn

MAX_SIDE = 4096  # pixels; H.264 players rarely go beyond
LEAST_SIDE = 16  # pixels of a picture
WORK_SIDE = 512  # pixels; a larger square that reaches past the picture is reduced before it is continued
DETAIL_SIGMA = 14.0  # grey levels; where the generated picture departs by more, fine detail is left out
MASK_RADIUS, MASK_FEATHER, MASK_POWER = 0.97, 0.30, 3.0  # of the half side; between disc and square

DOUBTFUL = 0.5  # score of a face in a box below which a line says so

Square = tuple[int, int, int]  # x, y, side in pixels; it may reach beyond its picture


@dataclass
class Portrait:
    """A picture and the square in it that is animated.

    Args:
        picture: (3, H, W) uint8 RGB, upright, even sides of at most 4096 pixels.
        box: the square in it.
        reference: (3, S, S) uint8, the square at the generator's size.
        points: the face's 478 points (K, 2) in pixels of the reference; None where nobody looked.
    """

    picture: Tensor
    box: Square
    reference: Tensor
    points: Tensor | None = None


def open_portrait(
    path: str | Path,
    size: int,
    face_box: tuple[float, float, float, float] | None = None,
    detector: str | Path | None = None,
) -> Portrait:
    """Read a picture and find the one face in it, or trust `face_box` (x, y, width, height in pixels).

    A head that lies on its side is turned upright, the picture with it; a line says so.

    Args:
        path: a picture of up to 100 megapixels; it is reduced to 4096 pixels a side.
        size: the generator's picture side.
        face_box: the face, given by hand; only its points are read then.
        detector: MediaPipe's landmarker, a file; if None, that among the known weights, or ours that ships.

    Raises:
        ValueError: if the picture cannot be read, has no face or more than one, or the box is not in it.
        FileNotFoundError: if the picture or the detector is missing.
    """
    from datamodules.faces.crop import crop_box
    from datamodules.media.pictures import picture_size
    from datamodules.media.reading import read_image

    full_width, full_height = picture_size(Path(path))
    if min(full_width, full_height) < LEAST_SIDE:
        raise ValueError(
            f"{path}: {full_width} x {full_height} pixels hold no face; give at least {LEAST_SIDE} a side, "
            "better 256"
        )
    if face_box is not None:
        _check_inside(face_box, full_width, full_height, str(path))
    picture_3HW = read_image(path, MAX_SIDE)
    scale = picture_3HW.shape[2] / full_width
    picture_3HW = _even(picture_3HW)
    if face_box is not None:
        x, y, w, h = (value * scale for value in face_box)
        box = crop_box((x, y, w, h), *_width_height(picture_3HW))
        return _framed_face(picture_3HW, box, size, read_box(picture_3HW, (x, y, w, h)))
    return portrait_in(picture_3HW, size, str(path), detector, scale)


def portrait_in(
    picture_3HW: Tensor,
    size: int,
    source: str,
    detector: str | Path | None = None,
    shrink: float = 1.0,
) -> Portrait:
    """The one face in a picture (3, H, W) uint8 of even sides, framed; a head on its side is turned upright.

    Args:
        picture_3HW: the picture.
        size: the generator's picture side.
        source: how errors name it.
        detector: as in `open_portrait`.
        shrink: size of the picture over that of its file, so that errors speak of the file's pixels.

    Raises:
        ValueError, FileNotFoundError: as `open_portrait`.
    """
    from datamodules.faces.crop import crop_box
    from datamodules.faces.finder import open_finder
    from datamodules.faces.single_face import upright_face
    from moee.weights.face_finder import finder_file

    with open_finder(finder_file(detector)) as finder:
        picture_3HW, face, was_turned = upright_face(finder, picture_3HW, source, shrink)
    if was_turned:
        warn(f"moee: {source}: the head lies on its side or upside down; the picture is turned upright")
    box = crop_box(face.landmarks, *_width_height(picture_3HW))
    return _framed_face(picture_3HW, box, size, face.mesh)


def _framed_face(picture_3HW: Tensor, box: Square, size: int, mesh_K2: Tensor | None) -> Portrait:
    from datamodules.faces.crop import to_crop

    points_K2 = None if mesh_K2 is None else to_crop(mesh_K2, box, size)
    return Portrait(picture_3HW, box, framed(picture_3HW, box, size), points_K2)


def _width_height(picture_3HW: Tensor) -> tuple[int, int]:
    return picture_3HW.shape[2], picture_3HW.shape[1]


def read_box(picture_3HW: Tensor, box: tuple[float, float, float, float]) -> Tensor | None:
    """The 478 points (K, 2), in pixels of the picture, of the face that is said to lie in a box.

    A line says so where nothing there looks like a face.
    """
    from datamodules.faces.small_finder import SmallFaceFinder
    from moee.weights.face_finder import SHIPPED
    from moee.weights.registry import find

    with SmallFaceFinder(find(SHIPPED)) as finder:
        face = finder.read(picture_3HW, box)
    if face.score < DOUBTFUL:
        warn("moee: --face-box: nothing in it looks like a face from the front; its points are guessed")
    return face.mesh


def _check_inside(box: tuple[float, float, float, float], width: int, height: int, source: str) -> None:
    x, y, w, h = box
    if x < 0 or y < 0 or x + w > width or y + h > height:
        given = " ".join(f"{value:g}" for value in box)
        raise ValueError(f"--face-box {given} reaches outside {source}, which has {width} x {height} pixels")


def _even(picture_3HW: Tensor) -> Tensor:
    height, width = picture_3HW.shape[1:]
    return picture_3HW[:, : height - height % 2, : width - width % 2]


def framed(picture_3HW: Tensor, box: Square, size: int) -> Tensor:
    """The square as (3, size, size) uint8, softly continued where it reaches beyond the picture.

    What this costs depends on the square's side up to `WORK_SIDE`, never on the picture.
    """
    from datamodules.faces.crop import crop

    if max(_overhang(picture_3HW, box)) == 0:
        return crop(picture_3HW, box, size)
    shrunk = _reduced if box[2] > WORK_SIDE else _surroundings
    extended_3HW, square = extend(*shrunk(picture_3HW, box))
    return crop(extended_3HW, square, size)


def _overhang(picture_3HW: Tensor, box: Square) -> tuple[int, int, int, int]:
    """By how many pixels the square reaches beyond the picture: left, right, top, bottom; 0 inside."""
    x, y, side = box
    height, width = picture_3HW.shape[1:]
    return max(0, -x), max(0, x + side - width), max(0, -y), max(0, y + side - height)


def _reduced(picture_3HW: Tensor, box: Square) -> tuple[Tensor, Square]:
    """What of the picture lies in the square, at `WORK_SIDE` pixels to its side, and the square there."""
    from datamodules.faces.crop import crop

    shrink = WORK_SIDE / box[2]
    left, right, top, bottom = (round(reach * shrink) for reach in _overhang(picture_3HW, box))
    square_3WW = crop(picture_3HW, box, WORK_SIDE)
    visible_3HW = square_3WW[:, top : WORK_SIDE - bottom, left : WORK_SIDE - right]
    return visible_3HW, (-left, -top, WORK_SIDE)


def _surroundings(picture_3HW: Tensor, box: Square) -> tuple[Tensor, Square]:
    """What of the picture can show in the continued square, and the square there."""
    x, y, side = box
    margin = (
        3 * max(_overhang(picture_3HW, box)) + 8
    )  # two box blurs of each radius reach as far, see `extend`
    left, top = max(0, x - margin), max(0, y - margin)
    near_3HW = picture_3HW[:, top : y + side + margin, left : x + side + margin]
    return near_3HW, (x - left, y - top, side)


def extend(picture_3HW: Tensor, box: Square) -> tuple[Tensor, Square]:
    """The picture grown so that the box lies inside it, and the box's place there.

    What is added continues the edge and gets blurrier outwards, like a background out of focus: plain
    replication would draw streaks that the generator takes for hair.
    """
    x, y, side = box
    height, width = picture_3HW.shape[1:]
    left, right, top, bottom = _overhang(picture_3HW, box)
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


class PasteBack:
    """Puts generated crops (3, S, S) back into the portrait, frame by frame, at the portrait's resolution.

    The crop's colours are brought to the portrait's by one gain and offset per channel, fitted on the first
    frame and kept, so that nothing flickers. Fine detail that the small crop cannot hold (pores, hair) comes
    from the portrait wherever the generated picture has stayed as it was.
    """

    def __init__(self, portrait: Portrait) -> None:
        self.portrait, self._reference_3SS = portrait, portrait.reference.float()
        x, y, side = portrait.box
        left, right, top, bottom = _overhang(portrait.picture, portrait.box)
        # What of the square lies in the picture: rows and columns of the picture, and of the square.
        self.place = slice(y + top, y + side - bottom), slice(x + left, x + side - right)
        self._visible = slice(top, side - bottom), slice(left, side - right)
        self._detail_3HW = portrait.picture[:, *self.place].float()
        for detail_HW, channel_SS in zip(self._detail_3HW, self._reference_3SS, strict=True):
            detail_HW -= self._grown(channel_SS)
        self._mask_HW = head_mask(side)[self._visible]
        self._colour: tuple[Tensor, Tensor] | None = None

    def __call__(self, crop_3SS: Tensor) -> Tensor:
        """The whole picture (3, H, W) uint8 with one generated crop (3, S, S) uint8 in it."""
        picture_3HW = self.portrait.picture.clone()
        picture_3HW[:, *self.place] = self.part(crop_3SS)
        return picture_3HW

    def part(self, crop_3SS: Tensor) -> Tensor:
        """What of the picture changes, its rows and columns `place`, with one generated crop: uint8."""
        crop_3SS = self._matched(crop_3SS.float())
        changed_1SS = _box_blur((crop_3SS - self._reference_3SS).abs().mean(0, keepdim=True), 1)
        still_HW = self._grown(torch.exp(-((changed_1SS[0] / DETAIL_SIGMA) ** 2)), "bilinear")
        part_3HW = self.portrait.picture[:, *self.place].clone()
        for channel, crop_SS in enumerate(crop_3SS):  # one at a time: large pictures stay within memory
            grown_HW = self._grown(crop_SS).addcmul_(still_HW, self._detail_3HW[channel])
            blended_HW = part_3HW[channel].float().lerp_(grown_HW, self._mask_HW)
            part_3HW[channel] = blended_HW.round_().clamp_(0, 255)
        return part_3HW

    def _grown(self, crop_SS: Tensor, mode: str = "bicubic") -> Tensor:
        """One channel of the generator's size at the portrait's resolution, where the picture is."""
        side = self.portrait.box[2]
        smooth = mode == "bicubic"
        grown_NN = F.interpolate(
            crop_SS[None, None], size=[side, side], mode=mode, antialias=smooth, align_corners=False
        )[0, 0]
        return grown_NN[self._visible]

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
