"""R10 on real faces, and delays that are known; skipped where the clips are not here."""

import csv
from pathlib import Path

import pytest
import torch
from distortions import LADDERS, WORSE, badness
from places import SHARED

from evaluation.clips.pair import Pair
from evaluation.evaluate import evaluate_pairs
from evaluation.protocol import load_protocol
from moee.judging.protocols import find_protocol, load_extractor, load_extractors

probes_of = pytest.importorskip("benchmarks.sync_probes", reason="run `python -m pytest` from the checkout")
DATA = SHARED / "data"
CLIPS = ("cremad_1001_DFA_ANG_XX", "grid_pwij3p")
FRAMES = 20
pytestmark = [
    pytest.mark.slow,
    pytest.mark.weights,
    pytest.mark.skipif(not (DATA / "sync").is_dir(), reason="the real clips are not here"),
]


@pytest.fixture(scope="module")
def probes() -> list:
    """Faces cut by boxes alone: no landmark network takes part."""
    return list(probes_of.real_probes(load_extractor("embedded-sync"), DATA, boxes=True))


def test_the_offset_follows_the_delay_with_the_right_sign(probes):
    started = {probe.clip: int(probe.found.offset) for probe in probes if probe.delay == 0}
    for probe in probes:
        if probe.delay is not None:
            assert int(probe.found.offset) == started[probe.clip] - probe.delay, probe


def test_clips_known_to_be_in_sync_are_found_so(probes):
    for probe in probes:
        if Path(probe.clip).stem in CLIPS and probe.delay is not None:
            assert abs(int(probe.found.offset) + probe.delay) <= 1, probe


def test_anothers_speech_scores_below_the_clips_own(probes):
    own = {probe.clip: probe.found for probe in probes if probe.delay == 0}
    others = [probe for probe in probes if probe.delay is None]
    assert len(others) == len(own) == 3
    for probe in others:
        assert probe.found.confidence < own[probe.clip].confidence
        assert probe.found.distance > own[probe.clip].distance


@pytest.fixture(scope="module")
def rungs(tmp_path_factory):
    with (DATA / "manifest.csv").open() as file:
        box_of = {row["path"]: row["face_box"] for row in csv.DictReader(file)}
    names = [f"clips/{name}.mp4" for name in CLIPS]
    clips = [{"frames": probes_of.face_crops(DATA / name, box_of[name])[10 : 10 + FRAMES]} for name in names]
    protocol = load_protocol(find_protocol("embedded-v2"))
    networks, kept = load_extractors(protocol), tmp_path_factory.mktemp("kept")

    def score(change, strength: float) -> dict[str, float | None]:
        pairs = [
            Pair(name, name, change(clip["frames"], strength), clip)
            for name, clip in zip(names, clips, strict=True)
        ]
        result = evaluate_pairs(pairs, protocol, None, networks, truth="measured", cache=kept)
        assert not any(row.problem for row in result.rows)
        return {name: record["value"] for name, record in result.metrics.items()}

    def climb(ladder: str) -> list[dict[str, float | None]]:
        change, strengths = LADDERS[ladder]
        return [score(lambda frames, _: frames, 0), *(score(change, strength) for strength in strengths)]

    return climb


@pytest.mark.parametrize("ladder", WORSE)
def test_every_rung_is_worse_on_real_faces_too(ladder, rungs):
    steps = rungs(ladder)
    for name in WORSE[ladder]:
        if name in steps[0]:  # these clips have no sound here
            values = torch.tensor([badness(name, step[name]) for step in steps])
            assert (values.diff() > 0).all(), (name, values.tolist())
