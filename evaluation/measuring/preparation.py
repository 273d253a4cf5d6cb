"""What both videos of a pair go through before anything measures them. F frame, H row, W column.

Either they are square already, or, with `face_crop: reference`, both are cut to the square that frames the
face of the true one: a generated face that sits elsewhere or has another size stays so, and is seen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from datamodules.faces.crop import crop
from evaluation.clips.pair import Pair
from evaluation.extractors.interface import Extractor
from evaluation.measuring.feature_cache import FeatureCache
from evaluation.protocol import check_video, prepare
from evaluation.results.data import Rates, lengths_apart

FIELD = "face_square"
SAME_SHAPE = 0.01  # by which two aspect ratios may differ, as encoders round to whole blocks
Square = tuple[int, int, int]  # left, top, side
Prepare = Callable[[Tensor], Tensor]  # frames (F, 3, H, W) uint8 -> (F, 3, size, size) uint8


def face_crops(frames_F3HW: Tensor, square: Square, shape: tuple[int, int], size: int) -> Tensor:
    """The square of a true clip, cut from a video of the same shape: (F, 3, size, size) uint8.

    A picture of another size is first scaled to the true one's, bilinearly and antialiased. The cut is that
    of `moee prepare`: bicubic, antialiased, the edge repeated outside the picture.

    Args:
        frames_F3HW: uint8 RGB.
        square: left, top and side in pixels of the true clip.
        shape: height and width of the true clip.
        size: of the cut, pixels.

    Raises:
        ValueError: for other frames, or another aspect ratio.
    """
    check_video(frames_F3HW)
    (height, width), (true_height, true_width) = frames_F3HW.shape[-2:], shape
    if abs(width * true_height / (height * true_width) - 1) > SAME_SHAPE:
        raise ValueError(
            f"the video is {width} x {height}, the true one {true_width} x {true_height}: its face is cut "
            "where the true one is, so both must show the same part of the picture"
        )
    return torch.stack([crop(_scaled(frame_3HW, shape), square, size) for frame_3HW in frames_F3HW])


def _scaled(frame_3HW: Tensor, shape: tuple[int, int]) -> Tensor:
    if frame_3HW.shape[-2:] == shape:
        return frame_3HW
    scaled = F.interpolate(frame_3HW[None].float(), size=shape, mode="bilinear", antialias=True)[0]
    return scaled.round().clamp(0, 255).to(torch.uint8)


class Preparation:
    """A protocol's preparation.

    Args:
        settings: `preprocessing` of the protocol.
        extractors: of the evaluation; with `face_crop` one of them fills `face_square`.
        cache: what was measured before.

    Raises:
        ValueError: if none of them finds the face.
    """

    def __init__(
        self, settings: Mapping[str, int | str], extractors: Sequence[Extractor], cache: FeatureCache
    ) -> None:
        self.size, self.extra_frames, self.cache = int(settings["size"]), int(settings["extra_frames"]), cache
        self.finder = next((x for x in extractors if FIELD in x.provides), None)
        if "face_crop" not in settings:
            self.finder = None
        elif self.finder is None:
            raise ValueError("face_crop needs a network that finds the face: name face-square-mediapipe")

    def common_length(self, generated_F3HW: Tensor, true_F3HW: Tensor, rates: Rates = (None, None)) -> int:
        """Frames over which two videos are compared.

        Args:
            generated_F3HW: the generated video.
            true_F3HW: the true one.
            rates: of their files, for the line that says what is wrong.

        Raises:
            ValueError: if one is longer by more than the protocol's `extra_frames`.
        """
        generated, true = len(generated_F3HW), len(true_F3HW)
        if abs(generated - true) > self.extra_frames:
            raise ValueError(lengths_apart(generated, true, self.extra_frames, rates))
        return min(generated, true)

    def of_generated(self, pair: Pair) -> Prepare:
        """What is done to the generated video: the same as to the true one, unless its face is its own.

        Raises:
            ValueError: as `of`.
        """
        own = {"frames": pair.generated, "file": "shown instead"}
        return self.of(replace(pair, truth=own) if pair.own_face else pair)

    def of(self, pair: Pair) -> Prepare:
        """What is done to the true video of a pair, and to its reference picture.

        Raises:
            ValueError: if the true clip has no face, or more than one; names it.
        """
        if self.finder is None:
            return partial(prepare, size=self.size)
        frames_F3HW = pair.truth["frames"]
        check_video(frames_F3HW)
        try:
            left, top, side = self.cache.measure(self.finder, frames_F3HW)[FIELD].tolist()
        except ValueError as error:
            raise ValueError(f"the true clip {pair.truth.get('file', pair.key)}: {error}") from None
        height, width = frames_F3HW.shape[-2:]
        return partial(face_crops, square=(left, top, side), shape=(height, width), size=self.size)
