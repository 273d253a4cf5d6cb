"""`moee study drift` of finished videos against the true ones, as a protocol prepares them. F frame."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from datamodules.batch import FPS
from evaluation.clips.errors import reason
from evaluation.clips.pair import Pair
from evaluation.clips.pairing import generated_pairs
from evaluation.clips.true_clips import Clips, Generate
from evaluation.extractors.interface import Extractor, describe
from evaluation.measuring.feature_cache import FeatureCache
from evaluation.measuring.pair_features import PairFeatureExtractor, PairFeatures
from evaluation.measuring.preparation import FIELD
from evaluation.measuring.row_cache import truth_digest
from evaluation.metrics import METRICS
from evaluation.metrics.emotion.scores import EmotionAccuracy, class_target
from evaluation.metrics.identity.similarity import IdentityToReference
from evaluation.metrics.pictures.texture import grey, high_pass
from evaluation.protocol import Protocol, digest_of
from evaluation.results.failures import failures
from evaluation.results.rows import Row
from evaluation.runtime.devices import Workplace, choose_device
from evaluation.studies import drift
from moee.console import Watch, unwatched
from moee.judging.protocols import load_extractors
from moee.studies.drift import LEAST_SECONDS, MEASURES, Tracks, report
from moee.studies.report import EMBEDDED, Report, record
from moee.weights.needed import check_weights

CHUNK = 64  # pictures at a time
FIELDS = ("identity", "lip_opening", FIELD)
INTRO = (
    "Finished videos against the true ones. A curve that leaves its own beginning is drift; the dashed line "
    "is what the same measure does in the true videos, whose light and pose change too."
)


def study(
    clips: Clips,
    make: Generate,
    seeds: Sequence[int],
    protocol: Protocol,
    *,
    name: str,
    given: Sequence[str] = (),
    device: str = "auto",
    watch: Watch = unwatched,
) -> tuple[Report, dict[str, Any]]:
    """What drifts in finished videos, and the record of it.

    Args:
        clips: the true videos.
        make: reads the finished ones.
        seeds: of these; empty where each clip has one.
        protocol: decides preparation and networks.
        name: of the system.
        given: `NAME=FILE` of networks.
        device: where they compute, as `choose_device` names it.
        watch: told how far the work is.

    Raises:
        ValueError: if none could be measured.
        FileNotFoundError: if weights are missing.
    """
    began, place = time.perf_counter(), choose_device(device)
    emotion = emotion_of(protocol)
    networks = _load(protocol, given, emotion)
    sides = PairFeatureExtractor(
        networks, protocol.preprocessing, "measured", FeatureCache(None, Workplace(place, networks))
    )
    pairs, count = generated_pairs(clips, make, seeds or [0]), len(clips.keys) * len(seeds or [0])
    tracked = watch_pairs(pairs, sides, emotion, lambda done: watch(done, count))
    report = report_of(tracked, networks)
    about = {
        "system": {"name": name, "seeds": list(seeds)},
        "protocol": {"tag": protocol.tag, "preprocessing": dict(protocol.preprocessing)},
        "judges": {network.name: describe(network) for network in networks},
        "data": {
            "source": "finished videos",
            "sha256": digest_of(sorted(tracked.truths.items())),
            "clips": len(tracked.truths),
            "frames": sum(row.frames for row in tracked.rows),
            "failed": [{"clip": r.key, "seed": r.seed, "why": r.problem} for r in tracked.rows if r.problem],
            "not_measured": tracked.lacking,
        },
    }
    return report, record("drift", report, about, place, began)


def _load(protocol: Protocol, given: Sequence[str], emotion: EmotionAccuracy | None) -> list[Extractor]:
    """Those networks of a protocol that see something of which a track is made, or find the face."""
    check_weights(replace(protocol, metrics=()), given)
    wanted = {*FIELDS, *(emotion.needs[:1] if emotion else ())}
    return [network for network in load_extractors(protocol, given) if wanted & set(network.provides)]


@dataclass
class TrackedPairs:
    """Tracks of all pairs that could be measured.

    Args:
        generated: measure -> a track (F,) of each measured video.
        true: likewise, of its true one.
        people: who is in each.
        rows: of all pairs, those that failed with a reason.
        truths: clip -> sha256 of its truth.
        lacking: measure -> why it has no value -> number of videos.
    """

    generated: Tracks = field(default_factory=lambda: defaultdict(list))
    true: Tracks = field(default_factory=lambda: defaultdict(list))
    people: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    truths: dict[str, str] = field(default_factory=dict)
    lacking: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def watch_pairs(
    pairs: Iterable[Pair],
    sides: PairFeatureExtractor,
    emotion: EmotionAccuracy | None,
    tell: Callable[[int], None] = lambda done: None,
) -> TrackedPairs:
    """Frame by frame, each pair in turn; one that cannot be measured is a row with a reason.

    Args:
        pairs: generated and true videos.
        sides: the networks that look.
        emotion: reads their probabilities; None if no network gives them.
        tell: told how many are done.

    Raises:
        ValueError: if none could be measured.
    """
    tracked = TrackedPairs()
    for pair in pairs:
        row = Row(pair.key, pair.identity, seed=pair.seed)
        tracked.rows.append(row)
        tracked.truths[pair.key] = truth_digest(pair)
        try:
            check_length(pair)
            features = sides.of(pair)
            tracks = _tracks(features, emotion)
        except (ValueError, OSError) as error:
            row.problem = reason(error)
            continue
        finally:
            tell(len(tracked.rows))
        row.frames = features.frames
        _add(tracked, pair.identity, features.frames, tracks)
    if not tracked.people:
        first = failures(tracked.rows, 1)[0] if tracked.rows else "there are none"
        raise ValueError(f"none of {len(tracked.rows)} videos could be measured; {first}")
    return tracked


def _add(tracked: TrackedPairs, person: str, frames: int, tracks: dict[str, list[Tensor] | str]) -> None:
    """Add one pair; a measure it lacks is a track without numbers, and its reason is counted."""
    tracked.people.append(person)
    for name, track in tracks.items():
        if isinstance(track, str):
            tracked.lacking[name][track] += 1
            track = [torch.full((frames,), torch.nan)] * 2
        elif not torch.isfinite(track[0]).any():
            tracked.lacking[name]["no frame shows a face"] += 1
        for by_measure, side in zip((tracked.generated, tracked.true), track, strict=False):
            by_measure[name].append(side)


def _tracks(features: PairFeatures, emotion: EmotionAccuracy | None) -> dict[str, list[Tensor] | str]:
    """Measure -> track (F,) of the generated and the true video, or of one alone, or why there is none."""
    nobody = "no network of the protocol measures it"
    both = features.generated, features.true
    first = _sharpness(features.true["frames"][:1])
    tracks: dict[str, list[Tensor] | str] = dict.fromkeys(MEASURES, nobody)
    if "identity" in features.generated:
        portrait = features.true["identity_reference"]
        tracks["identity to the portrait"] = [
            IdentityToReference().per_frame(side["identity"], portrait) for side in both
        ]
    if emotion is not None:
        tracks["asked emotion"] = "no emotion is known of the clip"
        if "blend" in features.true:
            asked_L = class_target(features.true["blend"]) > 0
            probabilities = [emotion.probability(side[emotion.needs[0]]) for side in both]
            tracks["asked emotion"] = [x[:, : len(asked_L)][:, asked_L].sum(1) for x in probabilities]
    if "lip_opening" in features.generated:
        tracks["lip opening error"] = [
            (features.generated["lip_opening"] - features.true["lip_opening"]).abs()
        ]
    tracks["sharpness"] = "the first true picture is flat"
    if first > 0:
        tracks["sharpness"] = [_sharpness(side["frames"]) / first for side in both]
    tracks["brightness"] = [_by_chunks(lambda x: grey(x).mean((1, 2)), side["frames"]) for side in both]
    return tracks


def _sharpness(frames_F3HW: Tensor) -> Tensor:
    """Root mean square of the high frequencies of each frame (F,)."""
    return _by_chunks(lambda x: high_pass(grey(x)).square().mean((1, 2)).sqrt(), frames_F3HW)


def _by_chunks(measure: Callable[[Tensor], Tensor], frames_F3HW: Tensor) -> Tensor:
    return torch.cat([measure(chunk) for chunk in frames_F3HW.split(CHUNK)])


def check_length(pair: Pair) -> None:
    """Refuse what is too short to drift, before any network looks.

    Raises:
        ValueError: if one of the videos is shorter than two seconds.
    """
    both = pair.generated, pair.truth.get("frames")
    seconds = min((len(video) / FPS for video in both if video is not None), default=float(LEAST_SECONDS))
    if seconds < LEAST_SECONDS:
        raise ValueError(f"{seconds:g} s: nothing can be seen to drift in under {LEAST_SECONDS} s")


def emotion_of(protocol: Protocol) -> EmotionAccuracy | None:
    """What reads the probabilities of the first network that the protocol scores emotions by."""
    kinds = (METRICS[name] for name in protocol.metrics)
    return next((kind() for kind in kinds if issubclass(kind, EmotionAccuracy)), None)


def report_of(tracked: TrackedPairs, networks: Sequence[Extractor]) -> Report:
    """Table, pictures and what could not be measured."""
    curves = {}
    for name in MEASURES:
        if name not in tracked.lacking or tracked.lacking[name].total() < len(tracked.people):
            true = drift(tracked.true[name], tracked.people) if tracked.true[name] else None
            curves[name] = drift(tracked.generated[name], tracked.people), true
    study = report(curves, INTRO)
    names = ", ".join(network.name for network in networks)
    published = all(network.published for network in networks)
    study.measured_by = f"Measured by {names}; published networks." if published else f"{EMBEDDED} ({names})"
    count = len(tracked.people)
    for name, reasons in tracked.lacking.items():
        study.lines += [
            f"not measured in {lacking} of {count} videos, {why}: {name}" for why, lacking in reasons.items()
        ]
    failed = len(tracked.rows) - count
    study.lines.append(f"{len(tracked.rows)} videos, {failed} failed")
    study.lines += [f"  {line}" for line in failures(tracked.rows)]
    return study
