"""What a video declares is taken: pixel shape, orientation, colours, tracks."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from icc_profiles import to_d50
from media_files import sine
from places import SHARED

from datamodules.media.reading import read_sound, read_video, video_frames, video_info
from moee.generation.video_writer import sound_from_file

SKIN, RED = (194, 150, 139), (220, 40, 30)
INPUTS = SHARED / "inputs"


def picture(height: int = 64, width: int = 96) -> np.ndarray:
    """Skin with a red corner, top left, that is wider than high."""
    rgb_HW3 = np.full((height, width, 3), SKIN, np.uint8)
    rgb_HW3[: height // 4, : width // 2] = RED
    return rgb_HW3


def write(
    path: Path,
    rgb_HW3: np.ndarray,
    declare: Callable[[av.VideoStream], None] = lambda stream: None,
    codec: str = "libx264",
    pixels: str = "yuv444p",
    colorspace: Colorspace = Colorspace.ITU709,
    full: bool = False,
) -> Path:
    """Five equal frames, coded in a colour space and range that the stream also declares."""
    options = {"libx264": {"crf": "1"}, "libx265": {"x265-params": "log-level=none:crf=1"}}.get(codec, {})
    levels = ColorRange.JPEG if full else ColorRange.MPEG
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = rgb_HW3.shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.colorspace, stream.codec_context.color_range = colorspace, levels
        declare(stream)
        for index in range(5):
            frame = VideoReformatter().reformat(
                av.VideoFrame.from_ndarray(rgb_HW3, format="rgb24"),
                format=pixels,
                dst_colorspace=colorspace,
                dst_color_range=levels,
            )
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def shown(path: Path) -> np.ndarray:
    return next(video_frames(path)).permute(1, 2, 0).numpy().astype(int)


@pytest.mark.parametrize("name", ["x.mp4", "x.mkv"])
@pytest.mark.parametrize(
    ("size", "aspect", "square"),
    [((96, 48), (2, 1), (96, 96)), ((48, 96), (1, 2), (96, 96)), ((60, 60), (4, 3), (60, 80))],
)
def test_pixels_that_are_not_square_are_stretched(tmp_path, name, size, aspect, square):
    def declare(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(*aspect)

    path = write(tmp_path / name, picture(*size), declare)
    info = video_info(path)
    assert (info.height, info.width) == square
    rgb = shown(path)
    assert rgb.shape[:2] == square
    assert np.abs(rgb[square[0] // 8, square[1] // 4] - RED).max() <= 4
    assert np.abs(rgb[square[0] // 2, square[1] // 4] - SKIN).max() <= 4


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_all_eight_orientations_are_shown_upright(tmp_path, quarters, mirrored):
    path = write(
        tmp_path / "x.mp4", picture(), lambda s: s.set_display_rotation(90 * quarters, hflip=mirrored)
    )
    truth = np.rot90(picture(), quarters)
    truth = truth[:, ::-1] if mirrored else truth
    assert shown(path).shape == truth.shape
    assert np.abs(shown(path) - truth).mean() < 4


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("colorspace", [Colorspace.ITU601, Colorspace.ITU709])
@pytest.mark.parametrize(
    ("name", "codec"),
    [("x.mp4", "libx264"), ("x.mkv", "libx264"), ("x.webm", "libvpx-vp9"), ("x.mkv", "ffv1")],
)
def test_colour_matrix_and_range_are_those_declared(tmp_path, name, codec, colorspace, full):
    path = write(tmp_path / name, picture(), codec=codec, colorspace=colorspace, full=full)
    assert np.abs(shown(path)[48, 48] - SKIN).max() <= 3


@pytest.mark.parametrize(("transfer", "word"), [(ColorTrc.SMPTE2084, "PQ"), (ColorTrc.ARIB_STD_B67, "HLG")])
def test_high_dynamic_range_is_refused_in_one_line(tmp_path, transfer, word):
    def declare(stream: av.VideoStream) -> None:
        stream.codec_context.color_trc = transfer
        stream.codec_context.color_primaries = ColorPrimaries.BT2020

    path = write(tmp_path / "x.mp4", picture(), declare, colorspace=Colorspace.BT2020)
    with pytest.raises(ValueError, match=rf"x\.mp4: high dynamic range \({word}\)") as caught:
        read_video(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("primaries", [ColorPrimaries.BT2020, ColorPrimaries.SMPTE432])
def test_wide_primaries_become_srgb(tmp_path, primaries):
    """The same skin, coded in the wider primaries, is shown as it is."""
    name = "p3" if primaries == ColorPrimaries.SMPTE432 else "bt2020"
    linear = ((np.array(SKIN) / 255 + 0.055) / 1.055) ** 2.4
    wide = np.linalg.solve(to_d50(name), to_d50("srgb") @ linear)
    coded = (255 * (1.055 * wide ** (1 / 2.4) - 0.055)).round()
    assert np.abs(coded - SKIN).max() > 5

    def declare(stream: av.VideoStream) -> None:
        stream.codec_context.color_primaries = primaries

    rgb_HW3 = np.full((64, 96, 3), coded, np.uint8)
    path = write(tmp_path / "x.mp4", rgb_HW3, declare)
    assert np.abs(shown(path)[48, 48] - SKIN).max() <= 3


def two_tracks(path: Path, default: int) -> Path:
    """A silent track and a voice; `default` of them is flagged so."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.height, video.width, video.pix_fmt = 64, 64, "yuv420p"
        tracks = [container.add_stream("aac", rate=48_000, layout="mono") for _ in range(2)]
        for index, track in enumerate(tracks):
            track.disposition = Disposition.default if index == default else Disposition(0)
        for index in range(25):
            frame = av.VideoFrame.from_ndarray(picture(64, 64), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for track, sound in zip(tracks, (np.zeros(48_000, np.float32), sine(1.0)), strict=True):
            frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
            container.mux(track.encode(frame))
            container.mux(track.encode(None))
    return path


@pytest.mark.parametrize("name", ["x.mkv", "x.mp4"])
@pytest.mark.parametrize("default", [0, 1])
def test_the_default_sound_track_is_heard(tmp_path, name, default):
    path = two_tracks(tmp_path / name, default)
    loudness = read_video(path).waveform.abs().max()
    written = max(float(np.abs(block).max(initial=0)) for block in sound_from_file(path).blocks)
    assert (loudness > 0.3) == (written > 0.3) == bool(default)


@pytest.mark.weights
@pytest.mark.skipif(not INPUTS.is_dir(), reason="the shared inputs are not here")
def test_the_shared_inputs_are_heard():
    assert read_sound(INPUTS / "second-track-is-default.mkv").abs().max() > 0.05
    assert read_sound(INPUTS / "opposite-phase.wav").abs().max() > 0.05
