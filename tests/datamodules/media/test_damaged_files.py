"""Files cut off and with flipped bits: a reader gives what is there or one line, soon, in bounded memory."""

import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from media_files import pattern, sine, write_sound, write_video
from PIL import Image

from datamodules.loading.shards import read_members, write_shard
from datamodules.media.pictures import picture_size
from datamodules.media.reading import read_image, read_sound, read_video, video_info
from moee.generation.video_writer import sound_from_file

MOST_SECONDS, MOST_MEMORY = 20, 1_000_000  # kilobytes


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


KINDS: dict[str, tuple[Callable[[Path], Path], Callable[[Path], None]]] = {
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


def damaged(data: bytes, seed: int) -> bytes:
    """The file cut off, with flipped bits, or with a stretch of zeros or noise in it."""
    rng = np.random.default_rng(seed)
    content = bytearray(data)
    if seed % 3 == 0:
        return bytes(content[: int(rng.integers(len(content)))])
    if seed % 3 == 1:
        for place in rng.integers(len(content), size=int(rng.integers(1, 30))):
            content[place] ^= 1 << int(rng.integers(8))
        return bytes(content)
    start, length = int(rng.integers(len(content))), int(rng.integers(1, 400))
    filling = bytes(length) if rng.random() < 0.5 else rng.bytes(length)
    return bytes(content[:start] + filling + content[start + length :])


def refusal(read: Callable[[Path], None], path: Path) -> str:
    """What the reader says of a file that it refuses; empty if it reads it. Another error is a fault."""
    try:
        read(path)
    except (ValueError, FileNotFoundError) as error:
        return str(error)
    return ""


def check_reader(tmp_path: Path, name: str, seeds: range) -> None:
    write, read = KINDS[name]
    data = write(tmp_path / name).read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in seeds:
        path = tmp_path / f"damaged{seed}-{name}"
        path.write_bytes(damaged(data, seed))
        start = time.monotonic()
        line = refusal(read, path)
        assert "\n" not in line
        assert not line or path.name in line
        assert time.monotonic() - start < MOST_SECONDS, seed
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY


@pytest.mark.parametrize("name", KINDS)
def test_damaged_files_give_a_line_or_what_is_there(tmp_path, name):
    check_reader(tmp_path, name, range(4))


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_many_damaged_files_give_a_line_or_what_is_there(tmp_path, name):
    check_reader(tmp_path, name, range(4, 44))
