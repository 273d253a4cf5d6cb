"""Generated videos against the true ones, under a named protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moee.console import Tell, silent
from moee.judging.protocols import DEFAULT_PROTOCOL
from moee.judging.request import EvaluationRequest
from moee.smoke import lowered
from moee.threads import settle_threads

if TYPE_CHECKING:
    import torch

    from evaluation.clips.true_clips import Clips
    from evaluation.protocol import Protocol
    from evaluation.results.result import Result
    from evaluation.results.system import System
    from moee.clips.sources import Entry
    from moee.generation.generator import LoadedGenerator


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation gave.

    Args:
        results: the system's first, then those of the rows that say what the metrics can see.
        notes: lines on what could not be told or made.
        first: whether this process is the one that writes; of several, each has the same results.
    """

    results: "list[Result]"
    notes: list[str]
    first: bool = True

    @property
    def result(self) -> "Result":
        """The system's own."""
        return self.results[0]


def evaluate(
    *,
    generated: str | Path | None = None,
    checkpoint: str | None = None,
    manifest: str | Path | None = None,
    reference: str | Path | None = None,
    synthetic: int | None = None,
    out: str | Path | None = None,
    protocol: str = DEFAULT_PROTOCOL,
    limits: bool = False,
    system: str | Path | None = None,
    name: str | None = None,
    sampled_by: str | None = None,
    evaluated_by: str | None = None,
    about: str | Path | None = None,
    extractors: Sequence[str] = (),
    lpips: str | Path | None = None,
    lpips_vgg: str | Path | None = None,
    cache: str | Path | None = None,
    device: str = "auto",
    keep_videos: str | Path | None = None,
    seeds: int | None = None,
    steps: int | None = None,
    frames: int | None = None,
    precision: str | None = None,
    frame_rate: float | None = None,
    tell: Tell = silent,
) -> Evaluation:
    """Score videos, of ours or of others, against the true ones; or let a network make the clips.

    All but `tell`, which is told how the work goes on, is as in `EvaluationRequest`. What is wrong or
    missing is a ValueError or OSError in one line, before any work.
    """
    request = EvaluationRequest(
        generated=_path(generated),
        checkpoint=checkpoint,
        manifest=_path(manifest),
        reference=_path(reference),
        synthetic=synthetic,
        out=_path(out),
        protocol=protocol,
        limits=limits,
        system=_path(system),
        name=name,
        sampled_by=sampled_by,
        evaluated_by=evaluated_by,
        about=_path(about),
        extractors=tuple(extractors),
        lpips=_path(lpips),
        lpips_vgg=_path(lpips_vgg),
        cache=_path(cache),
        device=device,
        keep_videos=_path(keep_videos),
        seeds=seeds,
        steps=steps,
        frames=frames,
        precision=precision,
        frame_rate=frame_rate,
    )
    return run_evaluation(replace(request, **lowered("evaluate", vars(request))), tell)


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)


def run_evaluation(request: EvaluationRequest, tell: Tell = silent) -> Evaluation:
    """The same from a request; under torchrun or srun each process takes a share of the clips."""
    from evaluation.runtime.rendezvous import joined_processes

    request.check()
    with joined_processes() as processes:
        results, notes = _evaluate(request, tell if processes.first else silent)
    return Evaluation(results, notes, processes.first)


def _evaluate(request: EvaluationRequest, tell: Tell) -> "tuple[list[Result], list[str]]":
    from evaluation.clips.pairing import generated_pairs
    from evaluation.clips.timing import TimedGeneration
    from evaluation.evaluate import evaluate_pairs
    from evaluation.protocol import load_protocol
    from evaluation.results.environment import peak_memory_mb
    from evaluation.runtime.devices import choose_device
    from evaluation.runtime.distributed import current_processes
    from evaluation.runtime.read_ahead import read_ahead
    from moee.clips.saved_videos import keeping
    from moee.judging.protocols import find_protocol, load_extractors
    from moee.weights.needed import check_weights, load_trunks

    protocol, device = load_protocol(find_protocol(request.protocol)), choose_device(request.device)
    trunks = {"alex": request.lpips, "vgg": request.lpips_vgg}
    check_weights(protocol, request.extractors, trunks)
    clips, entries, notes = _compared(request, protocol, device)
    memory = peak_memory_mb(device)  # of a second of video, before any judge is loaded
    extractors = load_extractors(protocol, request.extractors)
    lpips = load_trunks(protocol, trunks)
    settle_threads()
    results: list[Result] = []
    for system, make in entries:
        timed = TimedGeneration(make, memory) if request.checkpoint and system.role == "system" else None
        out = request.out if request.out is None or not results else limit_path(request.out, system.name)
        tell(f"{system.name}: {len(clips.keys)} clips")
        pairs = generated_pairs(clips, timed or make, system.seeds or [0], current_processes().share)
        if device.type != "cpu" and not request.checkpoint:  # a network is timed, on the same GPU
            pairs = read_ahead(pairs)
        if timed and request.keep_videos:
            pairs = keeping(pairs, system, request.keep_videos)
        results.append(
            evaluate_pairs(
                pairs,
                protocol,
                out,
                extractors,
                system,
                "measured" if request.synthetic is None else "exact",
                lpips,
                progress=lambda key, done: tell(f"{done:5} {key}"),
                cache=_cache_folder(request),
                timed=timed,
                device=device,
            )
        )
    return results, notes


def _cache_folder(request: EvaluationRequest) -> Path | None:
    """Where measured rows are kept: as asked, else beside the result."""
    beside = None if request.out is None else request.out.parent / ".kept"
    return request.cache or beside


def _compared(
    request: EvaluationRequest, protocol: "Protocol", device: "torch.device"
) -> "tuple[Clips, list[Entry], list[str]]":
    """The true clips, what is compared with them, the system itself first, and notes on both."""
    from evaluation.clips.floors import missing_floors
    from moee.clips.about import check_about, find_about, read_about
    from moee.clips.finished_videos import VideoSource, finished_entry
    from moee.clips.reading import left_out_notes
    from moee.clips.sources import limit_entries, other_emotions
    from moee.generation.generator import load_generator
    from moee.judging.face_share import face_crop_notes

    framing = face_crop_notes(request, protocol)
    size = int(protocol.preprocessing["size"])
    about_file = find_about(request.about, request.reference)
    about = read_about(about_file) if about_file else None
    generator, folders = None, [request.reference] if request.reference else []
    if request.checkpoint:
        generator = load_generator(request.checkpoint, request.sampling.precision, device)
        clips, entries = _of_network(request, generator, size, about)
    else:
        source = VideoSource(
            request.manifest,
            request.generated,
            request.reference,
            request.synthetic,
            request.sampling.frames,
            request.frame_rate,
        )
        folders = source.folders
        clips, entry = finished_entry(source, protocol, about, request.system, request.name)
        entries = [entry]
    notes = framing + left_out_notes(folders, request.frame_rate)
    notes += check_about(about, clips.keys, about_file) if about is not None and about_file else []
    entries = [(_credited(system, request), make) for system, make in entries]
    if request.limits:
        entries = [*entries, *limit_entries(clips, generator)]
        if request.synthetic is not None:
            entries.append(other_emotions(request.synthetic, request.sampling.frames, size))
        names = {system.name for system, _ in entries}
        missing = {name: why for name, why in missing_floors(clips).items() if name not in names}
        notes += [f"floor not made: {name}: {why}" for name, why in missing.items()]
    return clips, entries, notes


def _of_network(
    request: EvaluationRequest,
    generator: "LoadedGenerator",
    size: int,
    about: Mapping[str, Any] | None,
) -> "tuple[Clips, list[Entry]]":
    """The true clips of a folder or of the synthetic world, and the network that makes them again."""
    from moee.clips.saved_videos import check_kept
    from moee.clips.sources import Animated
    from moee.clips.true_source import TrueSource
    from moee.generation.cost import tflop_per_frame

    sampling = request.sampling
    true = TrueSource(request.reference, request.synthetic, sampling.frames, size, request.frame_rate)
    clips = true.clips(about)
    name = request.name or generator.name
    check_kept(request.keep_videos, name)
    cost = tflop_per_frame(generator.network, sampling.steps)
    animated = Animated(generator, clips, sampling.steps, cost)
    return clips, animated.entries(name, list(range(sampling.seeds)), request.limits)


def _credited(system: "System", request: EvaluationRequest) -> "System":
    """The system with who sampled and who evaluated among its settings, where that is told."""
    people = {"sampled_by": request.sampled_by, "evaluated_by": request.evaluated_by}
    named = {role: who for role, who in people.items() if who is not None}
    return replace(system, settings=system.settings | named)


def limit_path(out: Path, name: str) -> Path:
    """Where the result of another row lies: beside the system's own."""
    words = "-".join("".join(c if c.isalnum() else " " for c in name).split())
    return out.with_name(f"{out.stem}.{words}.json")
