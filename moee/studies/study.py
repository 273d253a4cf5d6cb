"""Questions to a talking head that no single number answers, on synthetic people or finished videos."""

import importlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moee.console import Tell, Watch, silent, unwatched
from moee.generation.settings import STEPS
from moee.judging.protocols import DEFAULT_PROTOCOL

if TYPE_CHECKING:
    from moee.clips.finished_videos import VideoSource
    from moee.studies.report import Report

STUDIES = {  # -> people a run, which decide how long it takes
    "dose": 12,
    "disentanglement": 4,
    "drift": 7,
    "experts": 14,
}
FRAMES, SECONDS, SEEDS = 12, 20.0, 1  # of a clip; of a clip of drift; of the sampler
LEAST_FRAMES = 5


@dataclass(frozen=True)
class StudyResult:
    """What a study gave: the report for readers, and its record as plain data for JSON."""

    report: "Report"
    record: dict[str, Any]


def study_network(
    study: str,
    checkpoint: str | None = None,
    *,
    clips: int | None = None,
    frames: int = FRAMES,
    seconds: float = SECONDS,
    seeds: int = SEEDS,
    steps: int = STEPS,
    device: str = "auto",
    tell: Tell = silent,
    watch: Watch = unwatched,
) -> StudyResult:
    """Put a study's question to a talking head.

    Args:
        study: a name of `STUDIES`.
        checkpoint: an exported talking head; None is the shipped one.
        clips: people; None is as many as `STUDIES` says.
        frames: of a clip.
        seconds: of a clip of drift, instead of frames.
        seeds: sampling seeds.
        steps: of the sampler.
        device: where the network computes; its judges stay on the CPU.
        tell: told what is studied.
        watch: told how far the work is.

    Raises:
        ValueError: for an unknown study or too small a number.
        FileNotFoundError: if weights are missing.
    """
    from evaluation.runtime.devices import choose_device
    from moee.config_errors import unknown_name
    from moee.generation.generator import load_generator, refuse_moved_points
    from moee.studies.bench import Bench, check_least, load_judges
    from moee.studies.report import about_bench, record

    if study not in STUDIES:
        raise ValueError(unknown_name(f"no study {study!r}", study, STUDIES))
    people = STUDIES[study] if clips is None else clips
    check_least("frames", frames, LEAST_FRAMES)
    for name, number in {"clips": people, "seeds": seeds, "steps": steps}.items():
        check_least(name, number)
    if study == "drift":
        from moee.studies.drift import frames_of

        frames = frames_of(seconds)
    began = time.perf_counter()
    generator = load_generator(checkpoint, "32", choose_device(device))  # exact on every device
    refuse_moved_points(generator, "moee study")
    amount = f"{people} people, {frames} frames a clip, {seeds} seeds, {steps} steps"
    tell(f"{study} of {generator.path.name} sha256 {generator.sha256[:12]}: {amount}")
    bench = Bench(generator.network, *load_judges(), people, frames, seeds, steps, watch)
    report = importlib.import_module(f"moee.studies.{study}").study(bench)
    content = record(study, report, about_bench(bench, generator), generator.device, began)
    return StudyResult(report, content)


def study_drift_of_videos(
    source: "VideoSource",
    *,
    about: Path | None = None,
    protocol: str = DEFAULT_PROTOCOL,
    extractors: Sequence[str] = (),
    name: str | None = None,
    device: str = "auto",
    tell: Tell = silent,
    watch: Watch = unwatched,
) -> StudyResult:
    """Whether finished videos, of any system, slowly go wrong.

    Args:
        source: of the videos and the true ones.
        about: a JSON file that tells who and which emotion each clip of a folder shows.
        protocol: decides preparation and networks; a name or a YAML file.
        extractors: `NAME=FILE` of its networks.
        name: of the system; None is the source's.
        device: where networks compute.
        tell: told what is studied.
        watch: told how far the work is.

    Raises:
        ValueError: for what does not fit, or if no video could be measured.
        OSError: if a file is missing.
    """
    from evaluation.protocol import load_protocol
    from moee.clips.about import check_about, read_about
    from moee.clips.finished_videos import finished_videos
    from moee.clips.reading import left_out_notes
    from moee.judging.protocols import find_protocol
    from moee.studies import drift_of_videos

    chosen = load_protocol(find_protocol(protocol))
    known = read_about(about) if about else None
    clips, make, seeds = finished_videos(source, chosen, known)
    system = name or source.name
    tell(f"drift of {system}: {len(clips.keys)} clips, protocol {chosen.tag}")
    for line in left_out_notes(source.folders, source.frame_rate):
        tell(line)
    report, content = drift_of_videos.study(
        clips, make, seeds, chosen, name=system, given=extractors, device=device, watch=watch
    )
    if known is not None and about:
        report.lines += check_about(known, clips.keys, about)
    return StudyResult(report, content)
