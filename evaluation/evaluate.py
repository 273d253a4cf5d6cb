"""Evaluate: pairs of videos to rows to a result. F frame, H row, W column, K landmark."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol as Shape

import torch
from torch import Tensor, nn

from datamodules.batch import SAMPLES_PER_FRAME, Sample, blend_label
from datamodules.head_motion import lip_opening
from evaluation.clip_features import PREFIX, as_tensors, collected
from evaluation.data_record import Found, data_record, in_order
from evaluation.devices import CPU, Workplace, device_name
from evaluation.environment import environment, evaluation_cost, generation_cost
from evaluation.features import Extractor, Listener
from evaluation.kept_features import KeptFeatures
from evaluation.kept_rows import KeptRows, measure_digest, truth_digest
from evaluation.metrics import METRICS, ClipMetric
from evaluation.metrics.lip_loudness import frame_loudness
from evaluation.metrics.perceptual import BY_NETWORK
from evaluation.metrics.sets import SetMetric
from evaluation.pairs import Pair, Timed, clips_of_folder, pairs_of, sample_pairs, videos_made
from evaluation.preparation import Preparation, Prepare
from evaluation.protocol import Protocol, load_protocol
from evaluation.reasons import reason
from evaluation.records import Truth, extractor_record, protocol_record, system_record
from evaluation.result import Result, Row, System, number
from evaluation.world import current_world

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
    kept: Path | None = None,
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
        kept: folder of what was measured before; see `evaluation.kept_rows` and `kept_features`. None keeps
            nothing.
        device: where networks look; all else is computed on the CPU.

    Raises:
        ValueError: if a network the protocol asks for is missing or another one, or there is nothing to
            compare.
    """
    share = current_world().share
    if isinstance(generated, str | Path) and isinstance(reference, str | Path):
        if read_video is None:
            raise ValueError("folders need `read_video`, a function from a path to a video with `frames`")
        clips = clips_of_folder(Path(reference), read_video, about)
        pairs = pairs_of(clips, videos_made(Path(generated), clips, read_video), share=share)
        return evaluate_pairs(
            pairs, protocol, out, extractors, system, "measured", lpips, progress, kept, device=device
        )
    if isinstance(generated, str | Path) or isinstance(reference, str | Path):
        raise ValueError("generated and reference must both be folders, or both be in memory")
    pairs = share(sample_pairs(generated, reference))
    return evaluate_pairs(
        pairs, protocol, out, extractors, system, "exact", lpips, progress, kept, device=device
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
    kept: Path | None = None,
    timed: Timed | None = None,
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
    judged = _Judged(metrics, extractors, protocol.preprocessing, truth, KeptFeatures(kept, place))
    mark = "+".join(str(network.fingerprint) for network in lpips) or None
    store = KeptRows(kept, measure_digest(protocol, extractors, truth, mark, device.type))
    start, mine = time.perf_counter(), []
    for pair in pairs:
        known = truth_digest(pair)
        mine.append(Found(*_row(judged, store, pair, known), known, pair.rates, "reference" in pair.truth))
        if progress:
            progress(pair.key, len(mine))
    world = current_world()
    found = in_order(world.collect_each(mine))
    rows = world.tell([item.row for item in found])
    if not rows:
        raise ValueError("nothing to evaluate: no clips were given")
    devices = sorted(set(world.gather(device_name(device))))
    result = Result(
        protocol=protocol_record(protocol),
        system=system_record(system or System("unnamed"), rows),
        data=world.tell(data_record(found, truth, metrics) if world.first else {}),
        extractors=extractor_record(extractors, lpips),
        rows=rows,
        environment=environment() | {"processes": world.size, "device": ", ".join(devices)},
        cost=evaluation_cost(time.perf_counter() - start, sum(row.frames for row in rows))
        | generation_cost(world, timed),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        large=_stacked([item.large for item in found]),
        features=collected([item.large for item in found if not item.row.problem]),
    )
    result.metrics = world.tell(result.recomputed() if world.first else {})
    if out is not None and world.first:
        result.write(Path(out))
    return result


def _row(judged: "_Judged", store: KeptRows, pair: Pair, known: str) -> tuple[Row, dict[str, Tensor]]:
    """The row of a pair, measured now or before."""
    if before := store.get(pair, known):
        about, large = before
        return Row(pair.key, pair.identity, _label(pair), pair.seed, **about), large
    row, large = judged.row(pair)
    store.put(pair, known, row, large)
    return row, large


def _stacked(larges: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Metric -> (N, K) over the rows that have them."""
    names = sorted({name for large in larges for name in large if not name.startswith(PREFIX)})
    return {name: torch.stack([large[name] for large in larges if name in large]) for name in names}


class _Judged:
    """Measures pairs and turns them into rows."""

    def __init__(
        self,
        metrics: list[ClipMetric],
        extractors: Sequence[Extractor],
        preprocessing: Mapping[str, int | str],
        truth: Truth,
        kept: KeptFeatures,
    ) -> None:
        self.metrics, self.truth, self.kept = metrics, truth, kept
        self.preparation = Preparation(preprocessing, extractors, kept)
        self.extractors = [network for network in extractors if network is not self.preparation.finder]

    def row(self, pair: Pair) -> tuple[Row, dict[str, Tensor]]:
        """The row of a pair, with a reason if it cannot be evaluated, and the sums too large for it."""
        row = Row(pair.key, pair.identity, _label(pair), pair.seed)
        try:
            sums = self._sums(pair, row)
        except (ValueError, OSError) as error:
            row.problem = reason(error)
            row.frames = 0
            return row, {}
        in_json = {metric.name: metric for metric in self.metrics if metric.in_json and metric.name in sums}
        row.sums = {name: sums[name].tolist() for name in in_json}
        row.values = {name: number(metric.finish(sums[name])) for name, metric in in_json.items()}
        return row, {name: value for name, value in sums.items() if name not in in_json}

    def _sums(self, pair: Pair, row: Row) -> dict[str, Tensor]:
        """Sums of the metrics, and the features of those that are distances of sets."""
        if pair.problem or pair.generated is None or "frames" not in pair.truth:
            raise ValueError(pair.problem or "no video")
        prepare = self.preparation.of(pair)
        made_F3HW, true_F3HW = self.preparation.of_made(pair)(pair.generated), prepare(pair.truth["frames"])
        row.frames = self.preparation.common_length(made_F3HW, true_F3HW, pair.rates)
        made = self._measure(made_F3HW[: row.frames])
        true = self._true(pair, true_F3HW[: row.frames], prepare)
        sums = {}
        for metric in self.metrics:
            if metric.needs[1] in true:
                sides = made[metric.needs[0]], true[metric.needs[1]]
                sums[metric.name] = metric.clip_sums(*sides).double()
                if isinstance(metric, SetMetric):
                    sums |= as_tensors(metric.needs[0], *map(metric.samples, sides))
        return sums

    def _measure(self, frames_F3HW: Tensor, field: str = "") -> dict[str, Tensor]:
        """Fields of `Measured`; given a field only by the networks that provide it."""
        found = {"frames": frames_F3HW}
        for extractor in self.extractors:
            if not field or field in extractor.provides:
                found |= self.kept.measure(extractor, frames_F3HW)
        return found

    def _hear(self, sound_S: Tensor) -> dict[str, Tensor]:
        """How loud a sound is, and what networks that listen make of it."""
        found: dict[str, Tensor] = {"loudness": frame_loudness(sound_S)}
        for extractor in self.extractors:
            if isinstance(extractor, Listener):
                found |= self.kept.measure_sound(extractor, sound_S)
        return found

    def _true(self, pair: Pair, frames_F3HW: Tensor, prepare: Prepare) -> dict[str, Tensor]:
        """What is true of the clip: measured, or what it carries where the truth is exact."""
        true = self._measure(frames_F3HW)
        if "action_units" in true:
            true["measured_action_units"] = true["action_units"]
        if "identity" in true:
            true["identity_reference"] = self._reference(pair, true["identity"], prepare)
        if "waveform" in pair.truth:
            true |= self._hear(pair.truth["waveform"][: len(frames_F3HW) * SAMPLES_PER_FRAME])
        if "blend" in pair.truth:
            true["blend"] = pair.truth["blend"]
        if self.truth == "exact":
            self._exact(pair.truth, true, len(frames_F3HW))
        return true

    def _reference(self, pair: Pair, identity_FD: Tensor, prepare: Prepare) -> Tensor:
        """Identity (1, D) in the reference picture; without one in the first true frame with a face."""
        if "reference" not in pair.truth:
            return identity_FD[torch.isfinite(identity_FD).all(-1)][:1]
        try:
            return self._measure(prepare(pair.truth["reference"][None]), "identity")["identity"]
        except ValueError as error:
            raise ValueError(f"the reference picture: {error}") from None

    def _exact(self, sample: Mapping, true: dict[str, Tensor], frames: int) -> None:
        """Take action units and lip opening from the clip.

        Without them it has none, rather than measured ones.
        """
        true.pop("action_units", None)
        true.pop("lip_opening", None)
        if "action_units" in sample:
            true["action_units"] = sample["action_units"][:frames]
        if "landmarks" in sample:
            true["lip_opening"] = lip_opening(sample["landmarks"][:frames].float())


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


def _label(pair: Pair) -> str:
    return blend_label(pair.truth["blend"]) if "blend" in pair.truth else str(pair.truth.get("label", ""))
