"""Frames a second of the shard loader, against a plain DataLoader that decodes the same members with PyAV.

    python benchmarks/loader.py SHARDS [--batch 4] [--window 16] [--seconds 10]

Rates are per CPU second of this process, which other work disturbs little, and per wall second.
"""

import argparse
import io
import os
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import av
import torch
from torch.utils.data import DataLoader, Dataset

from datamodules.loading.clip_stream import ClipLoader, ClipStream, StreamPlan
from datamodules.loading.shards import ShardIndex, read_index, read_members


class PlainClips(Dataset):
    """The peer: members in memory, every frame of a clip decoded, a window cut out, nothing else read."""

    def __init__(self, index: ShardIndex, window: int):
        self.videos = [
            members["mp4"]
            for shard in index.of_kind("clip")
            for _, members in read_members(index.folder / shard.name)
        ]
        self.window = window

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, i: int) -> torch.Tensor:
        with av.open(io.BytesIO(self.videos[i])) as container:
            frames = [torch.from_numpy(f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
        return torch.stack(frames)[: self.window].permute(0, 3, 1, 2).contiguous()


def forever(loader) -> Iterator:
    for _ in count():
        yield from loader


def measure(batches: Iterator, seconds: float, frames_of) -> tuple[float, float]:
    """Frames per CPU second of this process, and per wall second; the first batch is not timed."""
    next(batches)
    frames, cpu, wall = 0, time.process_time(), time.perf_counter()
    while time.perf_counter() - wall < seconds:
        frames += frames_of(next(batches))
    return frames / (time.process_time() - cpu), frames / (time.perf_counter() - wall)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shards", type=Path)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--window", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10)
    args = parser.parse_args()
    index = read_index(args.shards)
    plain = DataLoader(PlainClips(index, args.window), args.batch, shuffle=True, drop_last=True)
    cpu, wall = measure(forever(plain), args.seconds, lambda x: x.shape[0] * x.shape[1])
    print(f"plain DataLoader, video only, this process   {cpu:7.0f} frames/CPU-s {wall:7.0f} frames/s")
    for workers in (0, 1, 2):
        plan = StreamPlan("train", args.batch, args.window, workers, validation_share=0)
        loader = ClipLoader(ClipStream(index, plan))
        cpu, wall = measure(
            forever(loader), args.seconds, lambda b: b["frames"].shape[0] * b["frames"].shape[1]
        )
        shown = f"{cpu:7.0f} frames/CPU-s" if workers == 0 else " " * 20
        print(f"ClipLoader, whole samples, {workers} workers          {shown} {wall:7.0f} frames/s")
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"torch {torch.__version__}, PyAV {av.__version__}"
    )


if __name__ == "__main__":
    main()
