"""R10: each metric answers to the faults it should, step by step, and not to the others.

The shipped judges look at synthetic people; every rung of a ladder must be worse than the one before.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from distortions import EMOTIONS, IDENTITY, LADDERS, LANDMARKS, UNITS, WORSE, badness
from torch import Tensor

from datamodules.batch import Sample, parse_blend
from datamodules.synthetic.clip import synthetic_clip
from evaluation.clips.pair import Pair
from evaluation.evaluate import evaluate_pairs
from evaluation.protocol import load_protocol
from moee.judging.protocols import find_protocol, load_extractors

pytestmark = pytest.mark.slow

SHOWN = ("angry", "happily_surprised")
FRAMES = 20  # the fewest with windows for every shift of the sound
# Ladder -> metrics that must not mind, and by how much they may change on the last rung.
BLIND = {
    "blur": {"sync_offset_embedded": 0, "sync_c_embedded": 0.1},
    "noise": {"sync_offset_embedded": 0, "sync_c_embedded": 0.1},
    "tint": {"sync_offset_embedded": 0, "sync_c_embedded": 0.05, "lip_correlation": 0.05, "flicker": 0.1},
    "moved": {"sync_offset_embedded": 0, "sync_c_embedded": 0.1, **dict.fromkeys(EMOTIONS, 0)},
    "late": {"csim_frame": 0.02, "fid_embedded": 0.02, "sync_d_embedded": 0.06, **dict.fromkeys(EMOTIONS, 0)},
    "dropped": {"csim_frame": 0.02, "sharpness": 0.05, "grain": 0.1, **dict.fromkeys(EMOTIONS, 0)},
}


def clip(index: int, emotion: str, person: int | None = None) -> Sample:
    return synthetic_clip(
        940_000 + index,
        FRAMES,
        identity=800 + index if person is None else person,
        blend=parse_blend(emotion),
        split="test",
    )


@pytest.fixture(scope="module")
def clips() -> list[Sample]:
    return [clip(i, emotion) for i, emotion in enumerate(SHOWN)]


Score = Callable[[Sequence[Tensor]], dict[str, float | None]]


@pytest.fixture(scope="module")
def score(clips, tmp_path_factory) -> Score:
    protocol = load_protocol(find_protocol("embedded-v2"))
    protocol = replace(protocol, statistics={"level": 0.95, "resamples": 10, "seed": 0})  # only values count
    networks, kept = load_extractors(protocol), tmp_path_factory.mktemp("kept")

    def values(made: Sequence[Tensor]) -> dict[str, float | None]:
        pairs = [Pair(c["key"], c["identity"], x, c) for c, x in zip(clips, made, strict=True)]
        result = evaluate_pairs(pairs, protocol, None, networks, truth="measured", cache=Path(kept))
        assert not any(row.problem for row in result.rows)
        return {name: record["value"] for name, record in result.metrics.items()}

    return values


@pytest.fixture(scope="module")
def untouched(clips, score):
    return score([c["frames"] for c in clips])


@pytest.fixture(scope="module")
def rungs(clips, score, untouched):
    """Values on the rungs of a ladder, the untouched clips first; each ladder is climbed once."""
    climbed: dict[str, list[dict[str, float | None]]] = {}

    def climb(ladder: str) -> list[dict[str, float | None]]:
        if ladder not in climbed:
            change, strengths = LADDERS[ladder]
            made = [[change(c["frames"], strength) for c in clips] for strength in strengths]
            climbed[ladder] = [untouched, *map(score, made)]
        return climbed[ladder]

    return climb


def test_the_truth_itself_is_perfect(untouched):
    for name in (*LANDMARKS, "au_rmse", "au_mae", "fid_embedded", "efid_embedded", "grain"):
        assert untouched[name] == pytest.approx(0, abs=1e-6), name
    for name in ("ssim", "ssim_uniform", "lip_correlation", "csim_frame", "csim_of_means", "sharpness"):
        assert untouched[name] == pytest.approx(1, abs=1e-6), name
    for name in (*UNITS[:3], *EMOTIONS, "head_range", "head_speed", "compound_emotion"):
        assert untouched[name] == pytest.approx(1, abs=1e-6), name
    assert untouched["psnr"] == 100
    assert untouched["sync_offset_embedded"] == 0
    assert untouched["csim_reference"] > 0.95


@pytest.mark.parametrize("ladder", WORSE)
def test_every_rung_is_worse(ladder, rungs):
    for name in WORSE[ladder]:
        values = [badness(name, step[name]) for step in rungs(ladder)]
        assert all(a < b for a, b in pairwise(values)), (name, values)


@pytest.mark.parametrize("ladder", BLIND)
def test_what_a_fault_does_not_touch_stays(ladder, rungs):
    first, *_, last = rungs(ladder)
    for name, most in BLIND[ladder].items():
        assert abs(last[name] - first[name]) <= most, (name, first[name], last[name])


def test_a_shift_is_forgiven_by_centred_and_aligned_landmarks(rungs):
    last = rungs("moved")[-1]
    assert last["f_lmd_centred"] < last["akd_euclidean"] / 5
    assert last["akd_euclidean"] == pytest.approx(4 * 2**0.5, rel=0.1)
    assert last["akd"] == pytest.approx(4, rel=0.1)
    assert last["head_speed"] == pytest.approx(1, abs=0.25)


def test_a_late_picture_is_found_to_the_frame(rungs):
    assert [step["sync_offset_embedded"] for step in rungs("late")] == [0, *LADDERS["late"][1]]


def test_frozen_frames_slow_the_head(rungs):
    speeds = [step["head_speed"] for step in rungs("dropped")]
    assert speeds[-1] < 0.7 < speeds[0]
    assert all(a > b for a, b in pairwise(speeds))


def test_another_person_with_the_same_face(score, untouched):
    other = score([clip(i, emotion, person=900 + i)["frames"] for i, emotion in enumerate(SHOWN)])
    assert all(other[name] < 0.5 for name in IDENTITY)
    assert other["fid_embedded"] > 0.1
    assert all(other[name] == untouched[name] == 1 for name in EMOTIONS)
    assert other["au_correlation"] > 0.5  # the expression is nearly the same


def test_another_emotion_on_the_same_person(score):
    other = score([clip(i, emotion)["frames"] for i, emotion in enumerate(("surprise", "disgust"))])
    assert all(other[name] == 0 for name in EMOTIONS)
    assert other["compound_emotion"] == 0
    assert all(other[name] < 0.3 for name in UNITS[:3])
    assert other["efid_embedded"] > 0.05
    assert all(other[name] > 0.9 for name in IDENTITY)


def test_another_clip_matches_neither_sound_nor_face(clips, score, untouched):
    other = score([clips[i - 1]["frames"] for i in range(len(clips))])
    assert other["sync_c_embedded"] < untouched["sync_c_embedded"] - 0.1
    assert other["sync_d_embedded"] > untouched["sync_d_embedded"] + 0.1
    assert other["sync_offset_embedded"] > 2
    assert other["lip_correlation"] < 0.5
    assert all(other[name] < 0.5 for name in IDENTITY)
    # the same pictures in another order are the same set: distances of sets cannot see it
    assert other["fid_embedded"] == pytest.approx(0, abs=1e-6)
    assert other["efid_embedded"] == pytest.approx(0, abs=1e-6)


def test_a_still_picture_moves_with_nothing(clips, score, untouched):
    still = score([c["reference"].expand_as(c["frames"]) for c in clips])
    assert still["sync_c_embedded"] < untouched["sync_c_embedded"] / 2
    assert still["head_range"] == pytest.approx(0, abs=1e-3)
    assert still["head_speed"] == pytest.approx(0, abs=1e-3)
    assert still["lip_correlation"] < 0.2
    assert still["au_correlation"] < 0.5
