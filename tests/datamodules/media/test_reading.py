"""Reading of video, sound and pictures, against files whose content is known."""

import wave
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from media_files import pattern, sine, write_sound, write_video
from PIL import Image
from places import SHARED

from datamodules.media.reading import (
    open_media,
    read_image,
    read_sound,
    read_video,
    sound_blocks,
    video_frames,
    video_info,
)

DATA = SHARED / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the shared real data is not here")


def numbers(frames: torch.Tensor) -> list[int]:
    """Which frame of the pattern each is."""
    plain = frames[:, :, -16:, -16:].float().mean((1, 2, 3))
    return [round((value.item() - 40) / 6) for value in plain]


@pytest.mark.parametrize(
    ("name", "codec", "rate", "channels"),
    [
        ("a.wav", "pcm_f32le", 48_000, 2),
        ("b.flac", "flac", 44_100, 1),
        ("c.m4a", "aac", 48_000, 2),
        ("d.ogg", "libopus", 48_000, 1),
        ("e.mp3", "libmp3lame", 44_100, 1),
        ("f.wav", "pcm_s16le", 8_000, 1),
    ],
)
def test_any_sound_becomes_16_khz_mono_without_padding_or_delay(tmp_path, name, codec, rate, channels):
    tone = sine(1.0, rate)
    samples = np.stack([tone] * channels, 1) if channels > 1 else tone
    waveform = read_sound(write_sound(tmp_path / name, samples, rate, codec))
    assert abs(len(waveform) - 16_000) <= 2 if codec != "libmp3lame" else abs(len(waveform) - 16_000) < 1200
    assert waveform.dtype == torch.float32
    ours, truth = waveform[2000:14_000].numpy(), sine(1.0, 16_000)[2000:14_000]
    assert np.corrcoef(ours, truth)[0, 1] > 0.995


def test_stereo_is_averaged(tmp_path):
    tone = sine(0.5)
    path = write_sound(tmp_path / "x.wav", np.stack([tone, 0.5 * tone], 1), 48_000, "pcm_f32le")
    assert read_sound(path)[2000:6000].abs().max() == pytest.approx(0.75 * 0.5, abs=0.01)


@pytest.mark.parametrize("right", [-1.0, -0.8])
@pytest.mark.parametrize(("name", "codec"), [("x.wav", "pcm_s16le"), ("x.m4a", "aac")])
def test_a_voice_in_opposite_phase_is_heard(tmp_path, name, codec, right):
    """The mean of the channels would be silent where a listener hears the voice."""
    tone = sine(1.0)
    path = write_sound(tmp_path / name, np.stack([tone, right * tone], 1), 48_000, codec)
    waveform = read_sound(path)[2000:14_000].numpy()
    assert np.abs(waveform).max() == pytest.approx(0.5 * (1 - right) / 2, abs=0.02)
    assert np.corrcoef(waveform, sine(1.0, 16_000)[2000:14_000])[0, 1] > 0.99


def test_unlike_channels_are_averaged_not_subtracted(tmp_path):
    rng = np.random.default_rng(0)
    both, left, right = rng.normal(0, 0.1, (3, 48_000)).astype(np.float32)
    for name, samples in (("wide.wav", np.stack([left, right], 1)), ("voice.wav", np.stack([both, both], 1))):
        path = write_sound(tmp_path / name, samples, 48_000, "pcm_f32le")
        mean = write_sound(tmp_path / f"mono-{name}", samples.mean(1), 48_000, "pcm_f32le")
        assert np.corrcoef(read_sound(path), read_sound(mean))[0, 1] > 0.999


def test_blocks_are_exact_and_join_to_the_whole(tmp_path):
    path = write_sound(tmp_path / "x.flac", sine(2.5, 16_000), 16_000, "flac")
    blocks = list(sound_blocks(path, 1.0))
    assert [len(block) for block in blocks] == [16_000, 16_000, 8_000]
    assert torch.equal(torch.cat(blocks), read_sound(path))
    assert len(read_sound(path, 1.25)) == 20_000


def test_long_sound_is_read_in_bounded_memory(tmp_path):
    path = write_sound(tmp_path / "x.flac", np.zeros(16_000 * 30, np.float32), 16_000, "flac")
    assert max(len(block) for block in sound_blocks(path, 5.0)) == 80_000


def test_video_of_25_fps_comes_back_frame_by_frame_with_640_samples_each(tmp_path):
    clip = read_video(write_video(tmp_path / "x.mp4", 20, sound=sine(0.9)))
    assert clip.frames.shape == (20, 3, 64, 96)
    assert numbers(clip.frames) == list(range(20))
    assert clip.waveform.shape == (20 * 640,)
    assert clip.fps_source == pytest.approx(25)


@pytest.mark.parametrize(("fps", "count"), [(30, 25), (50, 15), (12.5, 60), (29.97, 25)])
def test_other_rates_are_sampled_at_the_nearest_time_stamp(tmp_path, fps, count):
    path = write_video(tmp_path / "x.mp4", 30, fps)
    clip = read_video(path)
    times = np.arange(30) / fps
    wanted = [int(np.abs(times - k / 25).argmin()) for k in range(len(clip.frames))]
    assert abs(len(clip.frames) - count) <= 1
    assert np.abs(np.subtract(numbers(clip.frames), wanted)).max() <= (1 if fps in (50, 12.5) else 0)


def test_uneven_time_stamps_are_honoured(tmp_path):
    times = [0.0, 0.04, 0.08, 0.28, 0.32]
    clip = read_video(write_video(tmp_path / "x.mp4", 5, times=times))
    assert numbers(clip.frames)[:9] == [0, 1, 2, 2, 2, 3, 3, 3, 4]


def test_sound_that_begins_late_is_padded_to_the_first_frame(tmp_path):
    """A click half a second into the picture lies half a second into the waveform, in any container."""
    click = np.zeros(48_000, np.float32)
    click[24_000:24_048] = 0.9
    for name in ("x.mp4", "x.mkv"):
        clip = read_video(write_video(tmp_path / name, 25, sound=click))
        assert abs(int(clip.waveform.abs().argmax()) - 8_000) < 40


def test_max_frames_cuts_picture_and_sound(tmp_path):
    clip = read_video(write_video(tmp_path / "x.mp4", 20, sound=sine(0.8)), max_frames=7)
    assert len(clip.frames) == 7
    assert len(clip.waveform) == 7 * 640


def test_a_video_without_sound_says_so(tmp_path):
    path = write_video(tmp_path / "x.mp4", 5)
    assert read_video(path).waveform is None
    assert not video_info(path).has_sound
    with pytest.raises(ValueError, match="has no sound"):
        read_sound(path)


def damaged(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def test_what_cannot_be_heard_is_refused_in_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_sound(tmp_path / "nothing.wav")
    lost = tmp_path / "lost.wav"
    lost.symlink_to("nothing.wav")
    for path, said in ((lost, "a link to a file that is not there"), (tmp_path, "is a folder")):
        with pytest.raises(FileNotFoundError, match=said):
            read_sound(path)
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("this is no sound at all\n" * 50)
    with wave.open(str(tmp_path / "silent.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
    noise = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    bad = noise.copy()
    bad[1000] = np.nan
    loud = noise * 30_000
    cases = {
        tmp_path / "empty.wav": "empty",
        tmp_path / "text.wav": "not readable",
        tmp_path / "silent.wav": "the sound is empty",
        write_sound(tmp_path / "nan.wav", bad, 16_000, "pcm_f32le"): r"no numbers, the first near 0\.0",
        write_sound(tmp_path / "loud.wav", loud, 16_000, "pcm_f32le"): "scaled to",
        damaged(write_sound(tmp_path / "cut.wav", noise, 16_000, "pcm_s16le"), 0.5): "cut off",
        damaged(write_sound(tmp_path / "cut.flac", noise, 16_000, "flac"), 0.5): "cut off|damaged",
        damaged(write_sound(tmp_path / "cut.m4a", noise, 16_000, "aac"), 0.5): "not readable",
    }
    for path, message in cases.items():
        with pytest.raises(ValueError, match=message) as caught:
            read_sound(path)
        assert "\n" not in str(caught.value)
        assert path.name in str(caught.value)


@pytest.mark.parametrize("tagged", [False, True])
def test_an_mp3_that_is_cut_off_is_refused(tmp_path, tagged):
    noise = np.random.default_rng(0).normal(0, 0.1, 96_000).astype(np.float32)
    path = write_sound(tmp_path / "line.mp3", noise, 48_000, "libmp3lame")
    sound = path.read_bytes()
    sound = sound[10 + int.from_bytes(sound[8:10], "big") :] if sound[:3] == b"ID3" else sound
    tag = b"ID3\x04\0\0\0\0\x02\x0a" + bytes(266) if tagged else b""
    path.write_bytes(tag + sound)
    assert len(read_sound(path)) == pytest.approx(32_000, abs=800)
    with pytest.raises(ValueError, match="cut off"):
        read_sound(damaged(path, 0.5))


def test_what_cannot_be_seen_is_refused_in_one_line(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_video(tmp_path / "nothing.mp4")
    (tmp_path / "text.mp4").write_text("no video " * 100)
    cut = write_video(tmp_path / "cut.mkv", 60, size=(128, 128))
    for path in (
        tmp_path / "text.mp4",
        damaged(write_video(tmp_path / "cut.mp4", 60), 0.6),
        damaged(cut, 0.3),
    ):
        with pytest.raises(ValueError, match=r"not readable|damaged|cut off") as caught:
            list(video_frames(path))
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="has no video"):
        read_video(write_sound(tmp_path / "x.wav", sine(0.1), 48_000, "pcm_s16le"))


def test_playlists_cannot_reach_other_files(tmp_path):
    (tmp_path / "list.m3u8").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n"
    )
    with pytest.raises(ValueError, match=r"list\.m3u8"), open_media(tmp_path / "list.m3u8") as container:
        next(container.decode(video=0))


def test_pictures_are_upright_rgb_over_white(tmp_path):
    plain = Image.fromarray(pattern(0, 40, 60))
    plain.save(tmp_path / "plain.png")
    truth = read_image(tmp_path / "plain.png")
    assert truth.shape == (3, 40, 60)
    turned = plain.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[274] = 6  # to be shown a quarter turn clockwise
    turned.save(tmp_path / "turned.png", exif=exif)
    assert torch.equal(read_image(tmp_path / "turned.png"), truth)
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (read_image(tmp_path / "clear.png") == 255).all()
    Image.new("L", (4, 4), 90).save(tmp_path / "grey.png")
    assert (read_image(tmp_path / "grey.png") == 90).all()
    Image.fromarray(np.full((4, 4), 32_768, np.uint16)).save(tmp_path / "deep.png")
    assert ((read_image(tmp_path / "deep.png").int() - 127).abs() <= 1).all()


def test_what_is_no_picture_is_refused_in_one_line(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "nothing.png")
    (tmp_path / "text.png").write_text("no picture")
    noise = np.random.default_rng(0).integers(0, 255, (80, 80, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "cut.jpg")
    Image.new("1", (10_100, 10_100)).save(tmp_path / "bomb.png")
    damaged(tmp_path / "cut.jpg", 0.5)
    for name, message in (
        ("text.png", "not readable as a picture; give"),
        ("cut.jpg", "damaged"),
        ("bomb.png", "at most"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            read_image(tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.weights
@needs_data
def test_real_clips_agree_with_their_exact_sound():
    for name in ("grid_bbaf2n", "cremad_1001_DFA_ANG_XX"):
        clip = read_video(DATA / "clips" / f"{name}.mp4", max_frames=40)
        exact = read_sound(DATA / "clips" / f"{name}.flac")[: 40 * 640]
        assert np.corrcoef(clip.waveform, exact)[0, 1] > 0.999


def test_a_rate_that_is_the_clock_of_the_file_is_not_believed(tmp_path):
    """Copied packets of some MP4 files state 30000 frames a second, and lost their last frame by it."""
    made = write_video(tmp_path / "x.mp4", 12, sound=sine(0.48))
    with av.open(str(made)) as source, av.open(str(tmp_path / "x.mkv"), "w") as target:
        copies = [target.add_stream_from_template(stream) for stream in source.streams]
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                target.mux(packet)
    with av.open(str(tmp_path / "x.mkv")) as container:
        assert container.streams.video[0].average_rate == 30_000
    assert video_info(tmp_path / "x.mkv").fps == 25
    assert len(read_video(tmp_path / "x.mkv").frames) == 12
