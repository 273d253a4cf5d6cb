"""Results with invented rows, for tests of what is made of results. Examples, not measurements."""

from dataclasses import replace
from functools import cache
from hashlib import sha256

import torch

from evaluation.metrics import METRICS
from evaluation.metrics.correlation import moment_sums
from evaluation.metrics.sets.frechet import FrechetDistance, pack_moments
from evaluation.results.result import Result
from evaluation.results.rows import Row

MP4 = b"\0\0\0\x18ftypmp42 not really a video"
CLIPS, PEOPLE, FRAMES = 32, 8, 40
LABELS = ("happy", "sad", "angry", "fear", "surprise", "disgust", "neutral", "happily_surprised")
# metric -> mean per clip of a perfect system, and how much an error of 1 takes away
MEANS = {
    "psnr": (36.0, -12.0),
    "ssim": (0.97, -0.3),
    "m_lmd": (0.8, 3.0),
    "f_lmd": (0.9, 2.6),
    "akd": (0.6, 2.0),
    "csim_reference": (0.95, -0.5),
    "csim_frame": (0.97, -0.6),
    "compound_emotion": (1.0, -1.2),
}
COMMON = ("psnr", "ssim", "fid_embedded", "m_lmd", "f_lmd", "au_correlation", "emotion_accuracy")
METRIC_NAMES = (*COMMON, "compound_emotion", "csim_reference", "csim_frame")


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def clip_sums(name: str, error: float, label: int, noise: torch.Generator) -> torch.Tensor:
    """Sums of one clip of a system that is wrong by `error` (0 perfect, 1 hopeless)."""
    kind = METRICS[name]
    if name in MEANS:
        middle, slope = MEANS[name]
        value = middle + slope * error + 0.06 * slope * float(torch.randn((), generator=noise))
        sums = [value * FRAMES, *[FRAMES] * (kind().sums.numel() - 1)]
        return torch.tensor(sums, dtype=torch.float64)
    if name == "emotion_accuracy":
        confusion = torch.zeros(7, 7, dtype=torch.float64)
        right = float(torch.rand((), generator=noise)) > error
        if label < 7:
            confusion[label, label if right else (label + 3) % 7] = 1
        return confusion.flatten()
    if name == "au_correlation":
        true = torch.rand(FRAMES, 15, generator=noise)
        seen = (1 - error) * true + error * torch.rand(FRAMES, 15, generator=noise)
        return moment_sums(seen, true).flatten()
    assert issubclass(kind, FrechetDistance)
    width = kind().width
    true = torch.randn(FRAMES, width, generator=noise)
    made = torch.randn(FRAMES, width, generator=noise) * (1 + 0.2 * error) + error
    return torch.cat([pack_moments(made), pack_moments(true)])


def board_result(
    name: str, error: float, role: str = "system", ms: float | None = None, clips: int = CLIPS, seed: int = 0
) -> Result:
    """A result whose numbers follow from invented rows."""
    noise = torch.Generator().manual_seed(seed + 1)
    rows, large = [], {}
    for i in range(clips):
        row = Row(f"clip-{i:02d}", f"person-{i % PEOPLE}", LABELS[i // 4 % len(LABELS)], frames=FRAMES)
        for metric in METRIC_NAMES:
            sums = clip_sums(metric, error, i // 4 % len(LABELS), noise)
            if METRICS[metric].in_json:
                row.sums[metric] = sums.tolist()
                value = float(METRICS[metric]().finish(sums))
                row.values[metric] = value if value == value else None
            else:
                large.setdefault(metric, []).append(sums)
        rows.append(row)
    limit = role != "system"
    result = Result(
        protocol={
            "tag": "example-v1",
            "sha256": digest("protocol"),
            "statistics": {"level": 0.95, "resamples": 400, "seed": 0},
        },
        system={
            **{"name": name, "role": role, "run_signature": "", "seeds": [0]},
            "checkpoint_sha256": "" if limit else digest(name),
            "settings": {}
            if limit
            else {"steps": 4, "sampled_by": "Example lab", "evaluated_by": "Example lab"},
            "seconds_per_frame": ms / 1000 if ms else None,
            "peak_memory_mb": 2200.0 if ms else None,
        },
        data={
            **{"sha256": digest("data"), "truth": "exact", "clips": clips, "identities": min(clips, PEOPLE)},
            **{"frames": clips * FRAMES, "failed": 0, "keys": sorted(row.key for row in rows)},
        },
        extractors={
            "embedded-judge": {
                **{"name": "embedded-judge", "published": False, "sha256": digest("judge")},
                "provides": ["action_units", "emotion", "lip_opening", "landmarks", "features"],
            }
        },
        rows=rows,
        environment={"python": "3.12", "torch": "2.10", "system": "Linux x86_64"},
        cost={},
        created="2026-01-01T00:00:00+00:00",
        large={metric: torch.stack(sums) for metric, sums in large.items()},
    )
    result.aggregate()
    return result


def named(result: Result, name: str, **changes) -> Result:
    return replace(result, system=result.system | {"name": name, **changes})


@cache
def example_board() -> list[Result]:
    """Ceiling, four systems of which two are nearly alike, two floors. Copy one before you change it."""
    return [
        board_result("real video", 0.0, "ceiling"),
        board_result("Swift", 0.42, ms=24, seed=1),
        board_result("Steady", 0.21, ms=310, seed=2),
        board_result("Steady, distilled", 0.22, ms=62, seed=3),
        board_result("Ornate", 0.3, ms=1450, seed=4),
        board_result("static reference", 0.8, "floor"),
        board_result("shuffled clips", 0.95, "floor", seed=5),
    ]
