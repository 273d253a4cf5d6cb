"""Clips are judged by their own sound, with a stated share."""

import numpy as np
import pytest
import torch
from media_files import sine, write_sound, write_video
from PIL import Image

from datamodules.corpora.folder import Source, list_sources, unread_files
from datamodules.preparation.clips import ClipSettings, PreparedClip, clips_of, sound_of_clip

SETTINGS = ClipSettings(size=32, frames=10, face_box="20 8 56 56")


def outcomes(folder, source):
    return {key: outcome for key, outcome in clips_of(source, folder, SETTINGS, None)}


def test_a_clip_whose_sound_ends_early_is_rejected_by_its_share(tmp_path):
    """2.4 s of picture, 1.0 s of sound: the clips after the first second have none of their own."""
    write_video(tmp_path / "x.mp4", 60, sound=sine(1.0))
    result = outcomes(tmp_path, list_sources(tmp_path)[0])
    assert [key for key, outcome in result.items() if isinstance(outcome, PreparedClip)] == [
        "x-000000",
        "x-000010",
    ]
    assert "sound ends early: it lasts 5" in result["x-000020"]
    assert "90% are needed" in result["x-000020"]
    assert "lasts 0% of the clip" in result["x-000050"]


def test_a_clip_that_is_nearly_silent_is_rejected_by_its_share():
    waveform = torch.zeros(10 * 640)
    waveform[:640] = 0.1
    with pytest.raises(ValueError, match="silent: above -60 dB in 10% of the frames, 20% are needed"):
        sound_of_clip(waveform, 10)
    waveform[:1280] = 0.1
    assert torch.equal(sound_of_clip(waveform, 10), waveform)
    with pytest.raises(ValueError, match="ends early: it lasts 0%"):
        sound_of_clip(None, 10)
    assert len(sound_of_clip(torch.ones(10 * 640 - 300), 10)) == 6400


def test_a_voice_in_opposite_phase_makes_a_clip(tmp_path):
    write_video(tmp_path / "x.mp4", 10)
    tone = sine(0.4)
    write_sound(tmp_path / "x.wav", np.stack([tone, -tone], 1), 48_000, "pcm_s16le")
    clip = outcomes(tmp_path, list_sources(tmp_path)[0])["x-000000"]
    assert isinstance(clip, PreparedClip)
    assert clip.sample["waveform"].abs().max() == pytest.approx(0.5, abs=0.02)


def test_folders_of_frames_are_clips_and_the_rest_is_named(tmp_path):
    (tmp_path / "take.1").mkdir()
    for index in range(12):
        Image.new("RGB", (96, 64), (index, 0, 0)).save(tmp_path / "take.1" / f"{index}.png")
    write_sound(tmp_path / "take.1.wav", sine(0.48, 16_000), 16_000, "pcm_s16le")
    (tmp_path / "x.xyz").write_bytes(b"1")
    assert unread_files(tmp_path) == {"x.xyz": "left out: .xyz is not read"}
    (source,) = list_sources(tmp_path)
    assert (source.kind, source.sound, source.frame_rate) == ("clip", "take.1.wav", 25)
    (clip,) = outcomes(tmp_path, source).values()
    assert isinstance(clip, PreparedClip)
    (tmp_path / "manifest.csv").write_text("path,frame_rate\ntake.1,12.5\n")
    (slow,) = list_sources(tmp_path)
    assert slow.frame_rate == 12.5
    (tmp_path / "manifest.csv").write_text("path,frame_rate\ntake.1,fast\n")
    with pytest.raises(ValueError, match=r"frame_rate 'fast' of take\.1: expected frames per second"):
        list_sources(tmp_path)


def test_a_sound_of_its_own_is_needed(tmp_path):
    write_video(tmp_path / "x.mp4", 10)
    with pytest.raises(ValueError, match="no sound"):
        outcomes(tmp_path, Source("x", "x.mp4", "clip", "folder", "x"))
