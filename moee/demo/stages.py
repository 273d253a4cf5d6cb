"""What the demo makes: clips, videos, scores, a leaderboard. F frame, S side of the pictures."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.batch import CLASSES, COMPOUNDS, NEUTRAL
from moee.demo.steps import Outcome

if TYPE_CHECKING:
    from torch import Tensor

    from datamodules.batch import Sample
    from evaluation.clips.pair import Pair
    from moee.generation.generator import LoadedGenerator

PROTOCOL = "embedded-v0"
SHOWN = (NEUTRAL, *(name for name in CLASSES if name != NEUTRAL), *COMPOUNDS)
FIRST_PERSON = 40_000  # number of the first person of the test split that the demo shows
FIRST_CLIP = 1_000  # seed of the first clip


@dataclass(frozen=True)
class Plan:
    """How much is done: a second run reuses a step only if nothing here has changed."""

    clips: int = 14
    frames: int = 50
    train_clips: int = 32
    train_steps: int = 40
    train_time: str = "00:00:01:30"  # days:hours:minutes:seconds, at most
    portraits: int = 2
    steps: int = 4
    seed: int = 0


QUICK = Plan(clips=4, frames=25, train_clips=4, train_steps=3, train_time="00:00:00:20", portraits=1)


@dataclass(frozen=True)
class HeldOut:
    """The demo's clips: people and voices of the test split, each in another emotion; made when needed."""

    plan: Plan
    size: int

    def emotion(self, index: int) -> str:
        """The name of what clip number `index` feels: few clips spread over all names."""
        stride = max(1, len(SHOWN) // self.plan.clips)
        return SHOWN[index * stride % len(SHOWN)]

    def clip(self, index: int) -> "Sample":
        """Clip number `index`, from 0."""
        from datamodules.batch import parse_blend
        from datamodules.synthetic.clip import synthetic_clip

        blend, person = parse_blend(self.emotion(index)), FIRST_PERSON + index
        return synthetic_clip(
            FIRST_CLIP + index, self.plan.frames, self.size, identity=person, blend=blend, split="test"
        )

    def __iter__(self) -> "Iterator[Sample]":
        return (self.clip(index) for index in range(self.plan.clips))

    def file(self, index: int) -> str:
        """Stem of the clip's video."""
        return f"{index:02}-{self.emotion(index)}"


def write_clips(clips: HeldOut, out: Path) -> Outcome:
    """The held-out clips as videos with sound."""
    from moee.generation.video_writer import write_video

    folder = out / "clips"
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for index, clip in enumerate(clips):
        record = {"title": "synthetic talking head", "ai_generated": True, "text": clip.get("text", "")}
        files.append(
            write_video(folder / f"{clips.file(index)}.mp4", clip["frames"], clip["waveform"], record)
        )
    facts = {"clips": clips.plan.clips, "frames each": clips.plan.frames, "side, pixels": clips.size}
    return facts, files


def write_grids(
    generator: "LoadedGenerator",
    clips: HeldOut,
    faces: "dict[str, Tensor]",
    audio: str | Path | None,
    plan: Plan,
    out: Path,
) -> Outcome:
    """One grid video a portrait: synthetic people, then the user's pictures."""
    from moee.console import progress_bar
    from moee.generation.animate import count_frames, write_grid
    from moee.generation.settings import SamplingSettings

    voice = audio or str(out / "clips" / f"{clips.file(0)}.mp4")
    synthetic = {f"synthetic-{i + 1}": clips.clip(i)["reference"] for i in range(plan.portraits)}
    folder, frames, files = out / "grids", count_frames(voice), []
    settings = SamplingSettings(plan.steps, plan.seed)
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    for name, reference in (synthetic | faces).items():
        files.append(folder / f"{name}.mp4")
        with progress_bar("frames") as watch:
            write_grid(files[-1], generator, reference, voice, settings, frames, watch)
    rate = len(files) * 8 * frames / (time.perf_counter() - start)
    return {"videos": len(files), "tiles each": 8, "frames a second, all tiles": round(rate, 1)}, files


def score(generator: "LoadedGenerator", clips: HeldOut, plan: Plan, out: Path) -> Outcome:
    """The shipped network on the held-out clips, beside real video and the floors, under one protocol."""
    from evaluation.clips.floors import ceiling_and_floors
    from evaluation.clips.pairing import generated_pairs
    from evaluation.clips.samples import clips_of_samples
    from evaluation.evaluate import evaluate_pairs
    from evaluation.protocol import load_protocol
    from evaluation.results.system import System
    from moee.judging.protocols import find_protocol, load_extractors

    protocol = load_protocol(find_protocol(PROTOCOL))
    extractors, files = load_extractors(protocol), []
    (out / "generated").mkdir(parents=True, exist_ok=True)
    spent: list[float] = []
    ours = System(
        f"{generator.path.stem}, {plan.steps} steps",
        checkpoint_sha256=generator.sha256,
        seeds=[plan.seed],
        settings={"steps": plan.steps, "cue": "label", "head motion": "of the true clip"},
    )
    pairs = animated_pairs(generator, clips, plan, out / "generated", spent)
    true = clips_of_samples(list(clips))
    ends = [
        (System(name, role), generated_pairs(true, make)) for name, role, make in ceiling_and_floors(true)
    ]
    for system, system_pairs in [(ours, pairs), *ends]:
        path = out / "results" / f"{system.name.split(',')[0].replace(' ', '-')}.json"
        result = evaluate_pairs(system_pairs, protocol, None, extractors, system)
        if not result.metrics:
            problems = [row.problem for row in result.rows]
            raise ValueError(f"{system.name}: not one clip could be judged; the first: {problems[:1]}")
        if system is ours:
            result.system["seconds_per_frame"] = sum(spent) / (plan.clips * plan.frames)
        files.append(result.write(path))
    facts = {
        "clips": plan.clips,
        "generated frames a second": round(plan.clips * plan.frames / sum(spent), 1),
    }
    return facts, [*files, *(out / "generated" / f"{clips.file(i)}.mp4" for i in range(plan.clips))]


def animated_pairs(
    generator: "LoadedGenerator", clips: HeldOut, plan: Plan, folder: Path, spent: list[float]
) -> "Iterator[Pair]":
    """Each held-out clip from its reference picture, voice, label and head motion; seconds go to `spent`."""
    import torch

    from evaluation.clips.pair import Pair
    from lightning_modules.interfaces import EmotionCue
    from moee.clips.truth import truth_of
    from moee.generation.video_writer import write_video

    for index, clip in enumerate(clips):
        start = time.perf_counter()
        chunks = generator.network.animate(
            clip["reference"],
            clip["waveform"],
            EmotionCue(label=truth_of(clip, "blend")[None]),
            head_motion=truth_of(clip, "head_motion"),
            steps=plan.steps,
            seed=plan.seed,
        )
        frames_F3SS = torch.cat(list(chunks))
        spent.append(time.perf_counter() - start)
        record = {
            "title": "AI-generated talking head",
            "ai_generated": True,
            "checkpoint_sha256": generator.sha256,
        }
        write_video(folder / f"{clips.file(index)}.mp4", frames_F3SS, clip["waveform"], record)
        yield Pair(clip["key"], clip["identity"], frames_F3SS, clip, plan.seed)


def lay_out(clips: HeldOut, scored: list[Path], out: Path) -> Outcome:
    """The leaderboard of the result files among `scored`, with a few of the clips in it."""
    from evaluation.leaderboard.site import build_leaderboard
    from evaluation.results.result import Result

    results = [Result.read(path) for path in scored if path.suffix == ".json"]
    shown = range(min(4, clips.plan.clips))
    videos = {}
    for result in results:
        source = {"system": "generated", "ceiling": "clips"}.get(result.system["role"])
        if source:
            name = result.system["name"]
            videos[name] = {clips.emotion(i): out / source / f"{clips.file(i)}.mp4" for i in shown}
    folder = out / "leaderboard"
    page = build_leaderboard(results, folder, videos, "moee demo: shipped weights, floor and ceiling")
    rows = {
        result.system["name"]: {
            "role": result.system["role"],
            "metrics": {name: _plain(record) for name, record in result.metrics.items()},
        }
        for result in results
    }
    return {"rows": rows}, [page, folder / "leaderboard.csv", folder / "leaderboard.md"]


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    return {key: record[key] for key in ("title", "value", "interval", "direction", "unit")}
