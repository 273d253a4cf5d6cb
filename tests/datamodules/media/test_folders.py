"""Folders of recordings: everything in them is used or named; numbered frames are a clip."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from media_files import pattern, write_video
from PIL import Image

from datamodules.media.folders import VIDEO, folder_contents, frame_files, left_out_line
from datamodules.media.reading import read_video, video_frames, video_info


def write_frames(folder: Path, count: int, name: str = "{:05d}.png", first: int = 0) -> Path:
    folder.mkdir(parents=True)
    for index in range(count):
        Image.fromarray(pattern(index, 48, 64)).save(folder / name.format(first + index))
    return folder


def test_everything_is_used_or_named(tmp_path):
    names = ["a.mp4", "b.MTS", "sub/c.ts", "d.wmv", "e.3gp", "f.gif", "g.m4v", "h.wav", "i.xyz", "j", "k.png"]
    (tmp_path / "sub").mkdir()
    for name in (*names, ".hidden.mp4", "notes.txt", "manifest.csv"):
        (tmp_path / name).write_bytes(b"1")
    write_frames(tmp_path / "frames" / "clip1", 2)
    contents = folder_contents(tmp_path)
    assert [p.as_posix() for p in contents.videos] == [
        "a.mp4", "b.MTS", "d.wmv", "e.3gp", "f.gif", "g.m4v", "sub/c.ts"
    ]  # fmt: skip
    assert [p.as_posix() for p in contents.sounds] == ["h.wav"]
    assert [p.as_posix() for p in contents.frame_folders] == ["frames/clip1"]
    assert {p.as_posix(): reason for p, reason in contents.left_out.items()} == {
        "i.xyz": "left out: .xyz is not read",
        "j": "left out: no ending is not read",
        "k.png": "left out: a single picture",
    }
    line = left_out_line(contents.left_out)
    assert line is not None
    assert line.startswith("left out: i.xyz, j, k.png (")
    assert "\n" not in line
    (tmp_path / "i.xyz").unlink()
    (tmp_path / "j").unlink()
    (tmp_path / "k.png").unlink()
    assert left_out_line(folder_contents(tmp_path).left_out) is None
    with pytest.raises(FileNotFoundError, match="no such folder"):
        folder_contents(tmp_path / "nothing")


@pytest.mark.parametrize("ending", [".mp4", ".m4v", ".mov", ".mkv", ".ts", ".mts", ".3gp", ".asf", ".flv"])
def test_what_counts_as_a_video_is_read(tmp_path, ending):
    assert ending in VIDEO
    made = write_video(tmp_path / f"x{'.ts' if ending == '.mts' else ending}", 10)
    path = made.rename(tmp_path / f"y{ending}")
    numbers = [round((x[:, -16:, -16:].float().mean().item() - 40) / 6) for x in read_video(path).frames]
    assert numbers in (list(range(10)), [*range(10), 9])


@pytest.mark.parametrize("name", ["x.avi", "x.wmv"])
@pytest.mark.parametrize(("codec", "between"), [("libx264", 0), ("libx264", 2), ("mpeg4", 0)])
def test_frames_come_in_order_where_only_decoding_is_stamped(tmp_path, name, codec, between):
    """AVI and ASF say when a frame is decoded, not when it is shown; with B-frames that is another order."""
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"bf": str(between), "crf": "10", "qmax": "2"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for index in range(12):
            frame = av.VideoFrame.from_ndarray(pattern(index, 64, 96), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    frames = read_video(tmp_path / name).frames
    assert [round((x[:, -16:, -16:].float().mean().item() - 40) / 6) for x in frames] == list(range(12))


def test_a_gif_is_a_silent_video(tmp_path):
    frames = [Image.fromarray(pattern(index, 48, 64)) for index in range(10)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:], duration=40)
    clip = read_video(tmp_path / "x.gif")
    assert clip.waveform is None
    assert len(clip.frames) == pytest.approx(10, abs=1)
    assert (clip.frames[3, :, 40, 40].float() - 58).abs().max() <= 4


@pytest.mark.parametrize(("rate", "count"), [(25, 12), (50, 6), (12.5, 24)])
def test_numbered_frames_are_a_clip_at_the_rate_given(tmp_path, rate, count):
    folder = write_frames(tmp_path / "clip", 12, "frame_{}.png", first=8)
    clip = read_video(folder, frame_rate=rate)
    assert clip.frames.shape == (count, 3, 48, 64)
    wanted = [min(int(np.abs(np.arange(12) / rate - k / 25).argmin()), 11) for k in range(count)]
    seen = [round((frame[:, -16:, -16:].float().mean().item() - 40) / 6) for frame in clip.frames]
    assert np.abs(np.subtract(seen, wanted)).max() <= (0 if rate == 25 else 1)
    info = video_info(folder, rate)
    assert (info.fps, info.width, info.height, info.has_sound) == (rate, 64, 48, False)
    assert info.seconds == pytest.approx(12 / rate)
    assert torch.equal(next(video_frames(folder)), torch.from_numpy(pattern(0, 48, 64)).permute(2, 0, 1))


def test_frames_that_are_no_clip_are_one_clear_line(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="without numbered pictures"):
        frame_files(tmp_path / "empty")
    twice = write_frames(tmp_path / "twice", 2, "{}.png")
    Image.fromarray(pattern(0, 48, 64)).save(twice / "01.png")
    with pytest.raises(ValueError, match="are both frame 1"):
        read_video(twice)
    unlike = write_frames(tmp_path / "unlike", 2)
    Image.fromarray(pattern(0, 32, 32)).save(unlike / "00002.png")
    with pytest.raises(ValueError, match="32 x 32 pixels, the frames before it are 64 x 48"):
        read_video(unlike)
    with pytest.raises(ValueError, match="frame_rate=0"):
        read_video(unlike, frame_rate=0)


def test_a_name_with_a_colon_is_a_file(tmp_path):
    path = write_video(tmp_path / "10:30.mp4", 5)
    assert len(read_video(path).frames) == 5
    with av.open(f"file:{path}") as container:
        assert container.streams.video
