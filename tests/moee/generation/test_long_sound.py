"""A long sound becomes a video in memory that does not grow with its length."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT, SUPPORT

# Measured over two more minutes: up to 7 MB, the allocator's; more than 17 MB where each chunk of frames is
# kept. Stereo kept as 48 kHz would take 23 MB or more.
ALLOWED_MB = 14

PROGRAM = """
import argparse, json, resource, sys, wave
from pathlib import Path

sys.path[:0] = sys.argv[1:3]
import torch
from PIL import Image

from mouth_painter import MouthPainter
from moee.commands.making import animate
from moee.generation import generator

RATE = 48_000
torch.set_num_threads(1)
made = generator.LoadedGenerator(MouthPainter(), Path("stand-in"), "0" * 64)
generator.load_generator = lambda *_: made
parser = argparse.ArgumentParser()
animate.add_arguments(parser)
Image.new("RGB", (120, 90), (90, 120, 150)).save("face.png")
second = (torch.sin(torch.arange(RATE) / 20) * torch.linspace(0, 9000, RATE)).short()

def peak_mb(seconds):
    name = f"{seconds}.wav"
    with wave.open(name, "wb") as file:
        file.setparams((2, 2, RATE, 0, "NONE", ""))
        for _ in range(seconds):
            file.writeframes(second[:, None].repeat(1, 2).numpy().tobytes())
    given = ["--portrait", "face.png", "--face-box", "30 15 50 60", "--audio", name, "--out", "out.mp4"]
    assert animate.run(parser.parse_args(given)) == 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)

print(json.dumps([peak_mb(int(seconds)) for seconds in sys.argv[3:]]))
"""


@pytest.mark.slow
def test_minutes_need_no_more_memory_than_seconds(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="this system does not tell a process's peak of memory")
    command = [sys.executable, "-c", PROGRAM, str(ROOT), str(SUPPORT), "20", "140"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    short, long = json.loads(told.stdout.splitlines()[-1])
    assert "3500 frames, 140.00 s" in told.stdout
    assert long - short < ALLOWED_MB, f"{short:.1f} MB for 20 s, {long:.1f} MB for 140 s"
