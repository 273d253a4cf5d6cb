"""Files cut off and with flipped bits: a reader gives what is there or one line, soon, in bounded memory."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from damaged_files import Kinds, check_reader
from media_files import pattern, sine, write_sound, write_video
from PIL import Image

from datamodules.loading.shards import read_members, write_shard
from datamodules.media.pictures import picture_size
from datamodules.media.reading import read_image, read_sound, read_video, video_info
from moee.generation.video_writer import sound_from_file


def picture(path: Path) -> Path:
    rng = np.random.default_rng(0)
    noisy = pattern(3, 120, 160).astype(int) + rng.integers(-9, 9, (120, 160, 3))
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(path)
    return path


def video(path: Path) -> Path:
    return write_video(path, 25, sound=sine(1.0))


def shard(path: Path) -> Path:
    write_shard(path, [(f"clip{i}", {"json": b"{}" * 99, "flac": bytes(3000)}) for i in range(3)])
    return path


def see(path: Path) -> None:
    read_image(path, 64)
    picture_size(path)


def hear(path: Path) -> None:
    read_sound(path)
    for _ in sound_from_file(path).blocks:
        pass


def watch(path: Path) -> None:
    video_info(path)
    read_video(path)


def unpack(path: Path) -> None:
    list(read_members(path))


def sound(codec: str) -> Callable[[Path], Path]:
    return lambda path: write_sound(path, sine(1.0), 48_000, codec)


KINDS: Kinds = {
    "x.png": (picture, see),
    "x.jpg": (picture, see),
    "x.webp": (picture, see),
    "x.tif": (picture, see),
    "x.gif": (picture, see),
    "x.wav": (sound("pcm_s16le"), hear),
    "x.flac": (sound("flac"), hear),
    "x.mp3": (sound("libmp3lame"), hear),
    "x.m4a": (sound("aac"), hear),
    "x.ogg": (sound("libopus"), hear),
    "x.mp4": (video, watch),
    "x.mkv": (video, watch),
    "x.avi": (video, watch),
    "x.ts": (video, watch),
    "x.tar": (shard, unpack),
}


@pytest.mark.parametrize("name", KINDS)
def test_damaged_files_give_a_line_or_what_is_there(tmp_path, name):
    check_reader(tmp_path, name, KINDS)
