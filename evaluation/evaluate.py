"""Evaluate: pairs of videos to rows to a result. F frame, H row, W column, K landmark."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol as Shape

import torch
from torch import Tensor, nn

from datamodules.batch import Sample
from evaluation.clips.folders import clips_of_folder, videos_of_folder
from evaluation.clips.pair import Pair
from evaluation.clips.pairing import generated_pairs
from evaluation.clips.samples import sample_pairs
from evaluation.clips.timing import TimedGeneration
from evaluation.extractors.interface import Extractor
from evaluation.measuring.feature_cache import FeatureCache
from evaluation.measuring.pair_features import PairFeatureExtractor
from evaluation.measuring.row_cache import RowCache, measure_digest
from evaluation.measuring.rows import RowMeasurer
from evaluation.metrics import METRICS, ClipMetric
from evaluation.metrics.pictures.perceptual import BY_NETWORK
from evaluation.protocol import Protocol, load_protocol
from evaluation.results.data import MeasuredPair, data_record, in_order
from evaluation.results.environment import environment, evaluation_cost, generation_cost
from evaluation.results.provenance import Truth, extractor_record, protocol_record, system_record
from evaluation.results.result import Result
from evaluation.results.set_features import PREFIX, collected
from evaluation.results.system import System
from evaluation.runtime.devices import CPU, Workplace, device_name
from evaluation.runtime.distributed import current_processes
from evaluation.runtime.read_ahead import read_ahead

GIVEN = ("frames", "blend")  # fields no network has to fill


class Video(Shape):
    """What `read_video` returns."""

    frames: Tensor  # (F, 3, H, W) uint8 RGB


def evaluate(
    generated: Path | Mapping[str, Tensor] | Iterable[Sample],
    reference: Path | Iterable[Sample],
    protocol: Protocol | Path,
    out: Path | None = None,
    *,
    extractors: Sequence[Extractor] = (),
    system: System | None = None,
    read_video: Callable[[Path], Video] | None = None,
    about: Mapping[str, Mapping] | None = None,
    lpips: Sequence[nn.Module] = (),
    progress: Callable[[str, int], None] | None = None,
    cache: Path | None = None,
    device: torch.device = CPU,
) -> Result:
    """Compare generated videos with the true ones, clip by clip.

    In a `torch.distributed` process group each process measures a share of the clips and all return the same
    rows and metrics; the first one writes them, and alone holds the sums and features they rest on.

    Args:
        generated: a folder of videos; or key -> frames (F, 3, H, W) uint8; or samples, matched by key.
        reference: a folder of videos with the same stems; or samples, whose own action units, landmarks and
            blend then count as the truth.
        protocol: or the path of its YAML file.
        out: where the result JSON goes; None keeps it in memory.
        extractors: the networks that measure.
        system: what made the videos.
        read_video: reads one file; needed for folders.
        about: stem -> `identity`, `blend` (E,) of clips in folders; without it each clip counts as its own
            identity.
        lpips: of `load_lpips(...)`, at most one a trunk; without them LPIPS is left out.
        progress: called with each key and the number of clips this process has done.
        cache: folder of what was measured before; see `evaluation.measuring.row_cache`; None for none.
        device: where networks look, pictures are compared and distances of sets are computed.

    Raises:
        ValueError: if a network the protocol asks for is missing or another one, or there is nothing to
            compare.
    """
    share = current_processes().share
    if isinstance(generated, str | Path) and isinstance(reference, str | Path):
        if read_video is None:
            raise ValueError("folders need `read_video`, a function from a path to a video with `frames`")
        clips = clips_of_folder(Path(reference), read_video, about)
        pairs = generated_pairs(clips, videos_of_folder(Path(generated), clips, read_video), share=share)
        pairs = pairs if device == CPU else read_ahead(pairs)
        return evaluate_pairs(
            pairs, protocol, out, extractors, system, "measured", lpips, progress, cache, device=device
        )
    if isinstance(generated, str | Path) or isinstance(reference, str | Path):
        raise ValueError("generated and reference must both be folders, or both be in memory")
    pairs = share(sample_pairs(generated, reference))
    return evaluate_pairs(
        pairs, protocol, out, extractors, system, "exact", lpips, progress, cache, device=device
    )


def evaluate_pairs(
    pairs: Iterable[Pair],
    protocol: Protocol | Path,
    out: Path | None = None,
    extractors: Sequence[Extractor] = (),
    system: System | None = None,
    truth: Truth = "exact",
    lpips: Sequence[nn.Module] = (),
    progress: Callable[[str, int], None] | None = None,
    cache: Path | None = None,
    timed: TimedGeneration | None = None,
    device: torch.device = CPU,
) -> Result:
    """As `evaluate`, on pairs that may be made one at a time and may repeat a key with another seed.

    With `truth` exact a clip's own action units and landmarks are the truth; with measured, what the same
    networks see in the true video. Fréchet distances, landmark distances and identity are measured on both
    sides either way. Of several processes each gives pairs of its own; where two give the same clip and seed,
    it counts once. What `timed` took to make the clips goes into the result's cost, which no hash covers.
    """
    protocol = protocol if isinstance(protocol, Protocol) else load_protocol(protocol)
    metrics = _metrics(protocol, extractors, lpips)
    place = Workplace(device, [*extractors, *lpips])
    features = PairFeatureExtractor(extractors, protocol.preprocessing, truth, FeatureCache(cache, place))
    mark = "+".join(str(network.fingerprint) for network in lpips) or None
    rows_before = RowCache(cache, measure_digest(protocol, extractors, truth, mark, device.type))
    measurer = RowMeasurer(metrics, features, rows_before, device)
    start, own = time.perf_counter(), list[MeasuredPair]()
    for pair in pairs:
        own.append(measurer.measure(pair))
        if progress:
            progress(pair.key, len(own))
    processes = current_processes()
    measured = in_order(processes.gather_each_to_first(own))
    rows = processes.broadcast([pair.row for pair in measured])
    if not rows:
        raise ValueError("nothing to evaluate: no clips were given")
    devices = sorted(set(processes.gather(device_name(device))))
    timings = processes.gather((timed.seconds, timed.frames, timed.peak_memory_mb)) if timed else ()
    result = Result(
        protocol=protocol_record(protocol),
        system=system_record(system or System("unnamed"), rows),
        data=processes.broadcast(data_record(measured, truth, metrics) if processes.first else {}),
        extractors=extractor_record(extractors, lpips),
        rows=rows,
        environment=environment() | {"processes": processes.size, "device": ", ".join(devices)},
        cost=evaluation_cost(time.perf_counter() - start, sum(row.frames for row in rows))
        | generation_cost(timings),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        large=_stacked([pair.large for pair in measured]),
        features=collected([pair.large for pair in measured if not pair.row.problem]),
    )
    result.metrics = processes.broadcast(result.recomputed(device=device) if processes.first else {})
    if out is not None and processes.first:
        result.write(Path(out))
    return result


def _stacked(larges: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Metric -> (N, K) over the rows that have them."""
    names = sorted({name for large in larges for name in large if not name.startswith(PREFIX)})
    return {name: torch.stack([large[name] for large in larges if name in large]) for name in names}


def _provided(protocol: Protocol, extractors: Sequence[Extractor]) -> set[str]:
    """Fields that the metrics can use, once it is sure that all networks are here and each fills its own."""
    names = {extractor.name for extractor in extractors}
    for role, wanted in protocol.extractors.items():
        if wanted not in names:
            given = ", ".join(sorted(names)) or "none"
            raise ValueError(f"protocol {protocol.tag} needs {wanted} as {role}, given: {given}")
    fields = Counter(field for extractor in extractors for field in extractor.provides)
    if twice := [field for field, number in fields.items() if number > 1]:
        raise ValueError(f"two networks fill {', '.join(twice)}: name one of them in the protocol")
    return {*fields, *GIVEN}


def _metrics(
    protocol: Protocol, extractors: Sequence[Extractor], lpips: Sequence[nn.Module]
) -> list[ClipMetric]:
    """The protocol's metrics, once it is sure that each gets what it needs."""
    provided = _provided(protocol, extractors)
    brought = {kind.name: kind for kind in BY_NETWORK.values()}
    networks = {BY_NETWORK[str(network.name)].name: network for network in lpips}
    metrics: list[ClipMetric] = []
    for name in protocol.metrics:
        if METRICS[name].needs[0] not in provided:
            raise ValueError(f"{name} needs {METRICS[name].needs[0]!r}, which no given extractor provides")
        if name not in brought:
            metrics.append(METRICS[name]())
        elif name in networks:
            metrics.append(brought[name](networks[name]))
        else:
            raise ValueError(
                f"protocol {protocol.tag} needs the network of {name}: give it, `load_lpips(...)`"
            )
    for name in protocol.optional_metrics:
        if name in networks:
            metrics.append(brought[name](networks[name]))
        elif name not in brought and METRICS[name].needs[0] in provided:
            metrics.append(METRICS[name]())
    if idle := networks.keys() - {metric.name for metric in metrics}:
        named = ", ".join(sorted(idle))
        raise ValueError(f"protocol {protocol.tag} has no metric {named}: leave its network out")
    return metrics
