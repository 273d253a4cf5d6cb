"""Stand-ins for networks that measure, and clips they measure exactly.

Shared by the tests of the evaluation.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from places import PROTOCOL_FOLDER
from torch import Tensor

from datamodules.batch import ACTION_UNITS, CLASSES, Sample, parse_blend
from evaluation.clips.floors import ceiling_and_floors
from evaluation.clips.pair import Pair
from evaluation.clips.pairing import generated_pairs
from evaluation.clips.samples import clips_of_samples
from evaluation.metrics.emotion.scores import class_target

PROTOCOL = PROTOCOL_FOLDER / "embedded-v0.yaml"
QUICK = """\
{name: quick, version: 0, description: three metrics, metrics: [psnr, csim_reference, emotion_accuracy],
 extractors: {judge: embedded-judge, identity: embedded-identity},
 preprocessing: {fps: 25, size: 128, extra_frames: 2}, statistics: {level: 0.95, resamples: 20, seed: 0}}
"""
FRAMES, SIZE = 4, 128
EMOTION_NAMES = ("happy", "sad", "neutral", "happily_surprised", "fear", "angry")


class PaintedJudge:
    """Reads what `painted` wrote into the first rows of each frame."""

    name, published, fingerprint = "embedded-judge", False, "a" * 64
    provides = ("action_units", "emotion", "lip_opening", "landmarks", "features")

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        x = frames_F3HW.float() / 255
        marks_FK2 = torch.stack([x[:, 0, 2, :68], x[:, 0, 3, :68]], -1) * 128
        return {
            "action_units": x[:, 0, 0, : len(ACTION_UNITS)],
            "emotion": x[:, 0, 1, : len(CLASSES)] + 1e-3,
            "lip_opening": x[:, 0, 0, 40],
            "landmarks": marks_FK2,
            "features": x.flatten(1)[:, :64],
        }


class PaintedIdentity:
    name, published, fingerprint = "embedded-identity", False, "b" * 64
    provides = ("identity",)

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        return {"identity": frames_F3HW[:, 1, 4, :16].float() + 1}


class PaintedSync:
    """Listens too; windows of five frames, so that painted clips have none."""

    name, published, fingerprint = "embedded-sync", False, "c" * 64
    provides = ("embedded_sync_video", "embedded_sync_audio")

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        return {"embedded_sync_video": frames_F3HW[4:, 0, 5, :8].float()}

    def measure_sound(self, sound_S: Tensor) -> dict[str, Tensor]:
        return {"embedded_sync_audio": sound_S.reshape(-1, 640)[4:, :8]}


def judges() -> list:
    return [PaintedJudge(), PaintedIdentity(), PaintedSync()]


def quick_protocol(folder: Path) -> Path:
    """A protocol file for tests that are not about metrics."""
    path = folder / "quick.yaml"
    path.write_text(QUICK)
    return path


def painted(i: int, person: int | None = None) -> Sample:
    """A clip whose frames carry their own truth, in steps of 1/255."""
    g = torch.Generator().manual_seed(i)
    blend = parse_blend(EMOTION_NAMES[i % len(EMOTION_NAMES)])
    frames = torch.randint(100, 120, (FRAMES, 3, SIZE, SIZE), generator=g, dtype=torch.uint8)
    frames[:, :, 64:] = 110  # a flat place, where grain shows
    units = torch.randint(0, 256, (FRAMES, len(ACTION_UNITS)), generator=g, dtype=torch.uint8)
    frames[:, 0, 0, : len(ACTION_UNITS)] = units
    frames[:, 0, 0, 40] = torch.randint(0, 256, (FRAMES,), generator=g, dtype=torch.uint8)
    frames[:, 0, 1, : len(CLASSES)] = (class_target(blend) * 255).to(torch.uint8)
    frames[:, 0, 2:4, :68] = torch.randint(0, 256, (FRAMES, 2, 68), generator=g, dtype=torch.uint8)
    person = i // 2 if person is None else person
    face = torch.randint(
        0, 256, (16,), generator=torch.Generator().manual_seed(1000 + person), dtype=torch.uint8
    )
    frames[:, 1, 4, :16] = face
    return {
        "key": f"clip-{i}",
        "corpus": "painted",
        "identity": f"person-{person}",
        "frames": frames,
        "reference": frames[0].clone(),
        "waveform": torch.zeros(FRAMES * 640),
        "blend": blend,
        "action_units": units.float() / 255,
    }


def limit_pairs(name: str, samples: Sequence[Sample]) -> Iterator[Pair]:
    """The pairs of `real video`, `static reference` or `shuffled clips`."""
    clips = clips_of_samples(samples)
    return generated_pairs(clips, next(make for row, _, make in ceiling_and_floors(clips) if row == name))
