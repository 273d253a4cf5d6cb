"""The small files that pages of the documentation name."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from places import ROOT


@pytest.fixture(scope="session")
def doc_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a page may name: a portrait, a line, recordings, true clips and another system's, who is who."""
    from media_files import write_sound
    from PIL import Image

    from datamodules.batch import parse_blend
    from datamodules.synthetic.clip import synthetic_clip
    from moee.generation.video_writer import write_video

    folder = tmp_path_factory.mktemp("files")
    for name in ("recordings", "held-out", "true", "made/theirs", "long", "made/long"):
        (folder / name).mkdir(parents=True)
    about = {}
    for number, emotion in enumerate(("happy", "sad", "neutral")):
        count, person = 50 if number < 2 else 12, 900 + number % 2
        clip = synthetic_clip(900 + number, count, 128, person, blend=parse_blend(emotion), split="test")
        frames, sound, stem = clip["frames"], clip["waveform"], f"clip_{number + 1}"
        about[stem] = {"identity": f"M{number % 2}", "emotion": emotion}
        write_video(folder / "true" / f"{stem}.mp4", frames[:12], sound[: 12 * 640])
        noise = torch.randint(-9, 9, frames[:12].shape, generator=torch.Generator().manual_seed(number))
        noisy = (frames[:12].int() + noise).clamp(0, 255).byte()
        write_video(folder / "made/theirs" / f"{stem}.mp4", noisy, sound[: 12 * 640])
        if number < 2:
            for source in ("recordings", "held-out"):
                write_video(folder / source / f"{stem}.mp4", frames[:12], sound[: 12 * 640])
            write_video(folder / "long" / f"{stem}.mp4", frames, sound)
            write_video(folder / "made/long" / f"{stem}.mp4", frames, sound)
        if number == 0:
            Image.fromarray(frames[0].permute(1, 2, 0).numpy()).save(folder / "me.jpg")
            torch.save(clip["landmarks"][0], folder / "landmarks.pt")
            write_sound(folder / "line.wav", sound[: 10 * 640].numpy(), 16_000, "pcm_s16le")
    (folder / "clips.json").write_text(json.dumps(about))
    shutil.copytree(ROOT / "docs" / "foreign", folder / "docs" / "foreign")
    return folder
