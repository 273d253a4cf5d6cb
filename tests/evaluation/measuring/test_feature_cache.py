"""The true clips are measured once, whoever is compared with them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from judges import PROTOCOL, PaintedIdentity, PaintedJudge, judges, painted
from places import ROOT, SUPPORT
from torch import Tensor

from evaluation.evaluate import evaluate
from evaluation.extractors.interface import Listener
from evaluation.measuring.feature_cache import FeatureCache
from evaluation.runtime.cache_files import CacheFolder


class Counting(PaintedJudge):
    """Counts the clips it looks at, and the sounds."""

    def __init__(self, deadly: int = 0) -> None:
        self.calls, self.heard, self.deadly = 0, 0, deadly

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        self.calls += 1
        if self.calls == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().measure(frames_F3HW)

    def measure_sound(self, sound_S: Tensor) -> dict[str, Tensor]:
        self.heard += 1
        return {"sync_audio": sound_S[:, None]}


SAMPLES = [painted(i) for i in range(4)]


def system(shift: int) -> dict[str, Tensor]:
    return {sample["key"]: painted(i + shift)["frames"] for i, sample in enumerate(SAMPLES)}


def scored(made: dict[str, Tensor], cache: Path | None, judge: Counting):
    return evaluate(made, SAMPLES, PROTOCOL, extractors=[judge, PaintedIdentity()], cache=cache)


def test_a_second_system_does_not_measure_the_true_clips_again(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    scored(system(10), tmp_path, first)
    assert (first.calls, first.heard) == (8, 1)  # all four clips are silent
    found = scored(system(20), tmp_path, second)
    assert (second.calls, second.heard) == (4, 0)
    alone = Counting()
    assert scored(system(20), None, alone).digest == found.digest
    assert (alone.calls, alone.heard) == (8, 4)


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_what_it_measured(tmp_path: Path) -> None:
    """In earnest: SIGKILL within the sixth measurement, after the third clip was begun."""
    code = (
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent), str(SUPPORT), str(ROOT)]!r}\n"
        "from pathlib import Path; import torch; torch.set_num_threads(1)\n"
        "from test_feature_cache import Counting, scored, system\n"
        f"scored(system(10), Path({str(tmp_path)!r}), Counting(deadly=6))"
    )
    killed = subprocess.run([sys.executable, "-c", code], check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    rest = Counting()
    found = scored(system(10), tmp_path, rest)
    assert rest.calls == 8 - 5
    assert found.digest == scored(system(10), None, Counting()).digest


def test_other_preparation_other_weights_and_other_ways_are_measured(tmp_path: Path) -> None:
    cache, frames = FeatureCache(tmp_path), SAMPLES[0]["frames"]
    seen = Counting()
    cache.measure(seen, frames)
    again = cache.measure(seen, frames.clone())
    assert seen.calls == 1
    assert all(torch.equal(again[name], x) for name, x in PaintedJudge().measure(frames).items())
    cache.measure(seen, frames[:-1])
    cache.measure(seen, frames.flip(0))
    assert seen.calls == 3
    for name, value in (("fingerprint", "c" * 64), ("settings", {"hop": 2}), ("settings", {"hop": 3})):
        setattr(seen, name, value)
        cache.measure(seen, frames)
    assert seen.calls == 6
    assert isinstance(seen, Listener)
    cache.measure_sound(seen, torch.zeros(3))
    cache.measure_sound(seen, torch.zeros(3))
    assert seen.heard == 1


def test_nothing_is_written_without_a_folder(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    evaluate(SAMPLES, SAMPLES, PROTOCOL, extractors=judges())
    assert not list(tmp_path.iterdir())


def test_the_folder_stays_bounded_and_what_is_used_stays(tmp_path: Path) -> None:
    files = CacheFolder(tmp_path, most_bytes=20_000)
    for i in range(40):
        files.put(f"{i:02}", i, {"x": torch.full((250,), float(i))})
        for number, path in enumerate(sorted(tmp_path.glob("*.safetensors"))):
            os.utime(path, (number, number))  # clocks are too coarse for a quick test
        assert files.get("00") is not None
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 21_200
    about, tensors = files.get("39") or (None, {})
    assert (about, tensors["x"][0].item()) == (39, 39.0)
    assert files.get("01") is None


def test_what_a_killed_writer_left_goes_after_a_while(tmp_path: Path) -> None:
    old, new = tmp_path / "a.safetensors.1.part", tmp_path / "b.safetensors.2.part"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    CacheFolder(tmp_path)
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, b"{}"])
def test_a_damaged_file_is_measured_again(tmp_path: Path, content: bytes) -> None:
    cache, seen = FeatureCache(tmp_path), Counting()
    cache.measure(seen, SAMPLES[0]["frames"])
    (path,) = (tmp_path / "features").iterdir()
    path.write_bytes(content)
    cache.measure(seen, SAMPLES[0]["frames"])
    cache.measure(seen, SAMPLES[0]["frames"])
    assert seen.calls == 2
