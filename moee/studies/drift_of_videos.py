"""`moee study drift` of finished videos against the true ones, as a protocol prepares them. F frame."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from datamodules.batch import FPS
from evaluation.clips.errors import failures, reason
from evaluation.clips.pair import Clips, Make, Pair, pairs_of
from evaluation.extractors.interface import Extractor, describe
from evaluation.measuring.feature_cache import KeptFeatures
from evaluation.measuring.pair_features import BothSides, Seen
from evaluation.measuring.preparation import FIELD
from evaluation.measuring.row_cache import truth_digest
from evaluation.metrics import METRICS
from evaluation.metrics.emotion.scores import EmotionAccuracy, class_target
from evaluation.metrics.identity.similarity import IdentityToReference
from evaluation.metrics.pictures.texture import grey, high_pass
from evaluation.protocol import Protocol, digest_of
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
    make: Make,
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
    sides = BothSides(
        networks, protocol.preprocessing, "measured", KeptFeatures(None, Workplace(place, networks))
    )
    pairs, count = pairs_of(clips, make, seeds or [0]), len(clips.keys) * len(seeds or [0])
    found = watch_pairs(pairs, sides, emotion, lambda done: watch(done, count))
    report = report_of(found, networks)
    about = {
        "system": {"name": name, "seeds": list(seeds)},
        "protocol": {"tag": protocol.tag, "preprocessing": dict(protocol.preprocessing)},
        "judges": {network.name: describe(network) for network in networks},
        "data": {
            "source": "finished videos",
            "sha256": digest_of(sorted(found.truths.items())),
            "clips": len(found.truths),
            "frames": sum(row.frames for row in found.rows),
            "failed": [{"clip": r.key, "seed": r.seed, "why": r.problem} for r in found.rows if r.problem],
            "not_measured": found.lacking,
        },
    }
    return report, record("drift", report, about, place, began)


def _load(protocol: Protocol, given: Sequence[str], emotion: EmotionAccuracy | None) -> list[Extractor]:
    """Those networks of a protocol that see something of which a track is made, or find the face."""
    check_weights(replace(protocol, metrics=()), given)
    wanted = {*FIELDS, *(emotion.needs[:1] if emotion else ())}
    return [network for network in load_extractors(protocol, given) if wanted & set(network.provides)]


@dataclass
class Watched:
    """What was found in the pairs.

    Args:
        made: measure -> a track (F,) of each measured video.
        true: likewise.
        people: who is in each.
        rows: of all pairs, those that failed with a reason.
        truths: clip -> sha256 of its truth.
        lacking: measure -> why it has no value -> number of videos.
    """

    made: Tracks = field(default_factory=lambda: defaultdict(list))
    true: Tracks = field(default_factory=lambda: defaultdict(list))
    people: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    truths: dict[str, str] = field(default_factory=dict)
    lacking: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def watch_pairs(
    pairs: Iterable[Pair],
    sides: BothSides,
    emotion: EmotionAccuracy | None,
    tell: Callable[[int], None] = lambda done: None,
) -> Watched:
    """Frame by frame, each pair in turn; one that cannot be measured is a row with a reason.

    Args:
        pairs: made and true videos.
        sides: the networks that look.
        emotion: reads their probabilities; None if no network gives them.
        tell: told how many are done.

    Raises:
        ValueError: if none could be measured.
    """
    found = Watched()
    for pair in pairs:
        row = Row(pair.key, pair.identity, seed=pair.seed)
        found.rows.append(row)
        found.truths[pair.key] = truth_digest(pair)
        try:
            check_length(pair)
            seen = sides.of(pair)
            tracks = _tracks(seen, emotion)
        except (ValueError, OSError) as error:
            row.problem = reason(error)
            continue
        finally:
            tell(len(found.rows))
        row.frames = seen.frames
        _keep(found, pair.identity, seen.frames, tracks)
    if not found.people:
        first = failures(found.rows, 1)[0] if found.rows else "there are none"
        raise ValueError(f"none of {len(found.rows)} videos could be measured; {first}")
    return found


def _keep(found: Watched, person: str, frames: int, tracks: dict[str, list[Tensor] | str]) -> None:
    """Add one pair; a measure it lacks is a track without numbers, and its reason is counted."""
    found.people.append(person)
    for name, track in tracks.items():
        if isinstance(track, str):
            found.lacking[name][track] += 1
            track = [torch.full((frames,), torch.nan)] * 2
        elif not torch.isfinite(track[0]).any():
            found.lacking[name]["no frame shows a face"] += 1
        for kept, side in zip((found.made, found.true), track, strict=False):
            kept[name].append(side)


def _tracks(seen: Seen, emotion: EmotionAccuracy | None) -> dict[str, list[Tensor] | str]:
    """Measure -> track (F,) made and true, or made alone, or why there is none."""
    nobody = "no network of the protocol measures it"
    both = seen.made, seen.true
    first = _sharpness(seen.true["frames"][:1])
    tracks: dict[str, list[Tensor] | str] = dict.fromkeys(MEASURES, nobody)
    if "identity" in seen.made:
        portrait = seen.true["identity_reference"]
        tracks["identity to the portrait"] = [
            IdentityToReference().per_frame(side["identity"], portrait) for side in both
        ]
    if emotion is not None:
        tracks["asked emotion"] = "no emotion is known of the clip"
        if "blend" in seen.true:
            asked_L = class_target(seen.true["blend"]) > 0
            shown = [emotion.probability(side[emotion.needs[0]]) for side in both]
            tracks["asked emotion"] = [x[:, : len(asked_L)][:, asked_L].sum(1) for x in shown]
    if "lip_opening" in seen.made:
        tracks["lip opening error"] = [(seen.made["lip_opening"] - seen.true["lip_opening"]).abs()]
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


def report_of(found: Watched, networks: Sequence[Extractor]) -> Report:
    """Table, pictures and what could not be measured."""
    curves = {}
    for name in MEASURES:
        if name not in found.lacking or found.lacking[name].total() < len(found.people):
            true = drift(found.true[name], found.people) if found.true[name] else None
            curves[name] = drift(found.made[name], found.people), true
    told = report(curves, INTRO)
    names = ", ".join(network.name for network in networks)
    published = all(network.published for network in networks)
    told.measured_by = f"Measured by {names}; published networks." if published else f"{EMBEDDED} ({names})"
    count = len(found.people)
    for name, reasons in found.lacking.items():
        told.lines += [
            f"not measured in {lacking} of {count} videos, {why}: {name}" for why, lacking in reasons.items()
        ]
    failed = len(found.rows) - count
    told.lines.append(f"{len(found.rows)} videos, {failed} failed")
    told.lines += [f"  {line}" for line in failures(found.rows)]
    return told
