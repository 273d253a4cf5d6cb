import resource
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from moee.generation.video_writer import (
    VideoWriter,
    check_target,
    sound_from_file,
    sound_from_waveform,
    write_video,
)


def ramp(frames: int, height: int = 48, width: int = 64) -> torch.Tensor:
    picture = torch.zeros(3, height, width)
    picture[0], picture[1], picture[2] = torch.linspace(0, 255, width), torch.linspace(255, 0, width), 90
    return picture.byte().expand(frames, -1, -1, -1)


def sound_of(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], 1)


def test_colours_survive(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", ramp(3))
    with av.open(str(tmp_path / "a.mp4")) as container:
        got = next(container.decode(video=0)).to_ndarray(format="rgb24")
        assert not container.streams.audio
    error = np.abs(got.astype(float) - ramp(1)[0].permute(1, 2, 0).numpy())
    assert error.mean() < 3


def test_the_sound_starts_where_the_pictures_start(tmp_path: Path) -> None:
    wave_S = torch.zeros(16_000)
    wave_S[8_000:8_800] = 0.5 * torch.sin(torch.arange(800) * 0.4)
    write_video(tmp_path / "a.mp4", ramp(25), wave_S)
    heard = np.abs(sound_of(tmp_path / "a.mp4")[0])
    onset = np.argmax(heard > 0.2) / 48_000
    assert onset == pytest.approx(0.5, abs=0.004)
    assert len(heard) / 48_000 == pytest.approx(1.0, abs=0.0214)


def test_sound_written_and_read_again_stays_in_place(tmp_path: Path) -> None:
    wave_S = torch.zeros(16_000)
    wave_S[8_000:8_800] = 0.5 * torch.sin(torch.arange(800) * 0.4)
    write_video(tmp_path / "a.mp4", ramp(25), wave_S)
    source = sound_from_file(tmp_path / "a.mp4")
    again = np.concatenate(list(source.blocks), 1)
    assert source.channels == 1
    assert np.argmax(np.abs(again[0]) > 0.2) / 48_000 == pytest.approx(0.5, abs=0.004)


def test_stereo_stays_stereo(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "s.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=44_100, layout="stereo")
        packed = np.stack([np.full(44_100, 8_000), np.zeros(44_100)], 1).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="s16", layout="stereo")
        frame.sample_rate = 44_100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with VideoWriter(tmp_path / "a.mp4", 64, 48, sound_from_file(tmp_path / "s.wav")) as writer:
        writer.write(ramp(25))
    heard = sound_of(tmp_path / "a.mp4")
    assert heard.shape[0] == 2
    assert np.abs(heard[0]).mean() > 20 * np.abs(heard[1]).mean()


def test_resampling_keeps_the_length(tmp_path: Path) -> None:
    blocks = sound_from_waveform(torch.randn(16_123, generator=torch.Generator().manual_seed(0)) * 0.1).blocks
    assert sum(block.shape[1] for block in blocks) == pytest.approx(16_123 * 3, abs=64)


@pytest.mark.parametrize("size", [(63, 48), (64, 47), (0, 48)])
def test_odd_sizes_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="even sides"):
        VideoWriter(tmp_path / "a.mp4", *size)
    assert not list(tmp_path.iterdir())


def test_pictures_of_another_size_are_refused_and_nothing_stays(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected"), VideoWriter(tmp_path / "a.mp4", 64, 64) as writer:
        writer.write(ramp(1))
    assert not list(tmp_path.iterdir())


def test_an_empty_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no pictures"), VideoWriter(tmp_path / "a.mp4", 64, 64):
        pass
    assert not list(tmp_path.iterdir())


def test_a_finished_video_is_replaced_only_by_a_finished_one(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", ramp(2))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="expected"), VideoWriter(path, 64, 48) as writer:
        writer.write(torch.cat([ramp(1), ramp(1)], 2))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_a_full_disk_is_an_error_of_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    noise = torch.randint(0, 256, (40, 3, 128, 128), generator=torch.Generator().manual_seed(0)).byte()
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError, match=r"/a\.mp4"):
            write_video(tmp_path / "a.mp4", noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_targets_that_cannot_be_written_are_refused_early(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder"):
        check_target(tmp_path / "missing" / "a.mp4")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(ValueError, match="is a folder"):
        check_target(tmp_path / "folder.mp4")


def test_a_name_with_a_colon_is_a_file(tmp_path: Path) -> None:
    """FFmpeg takes what stands before a colon for a protocol, unless it is told that this is a file."""
    path = write_video(tmp_path / "10:30.mp4", ramp(3), torch.zeros(1920))
    assert path.is_file()
    assert [file.name for file in tmp_path.iterdir()] == ["10:30.mp4"]
