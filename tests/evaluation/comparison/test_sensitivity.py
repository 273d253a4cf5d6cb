"""What a metric sees, on clips whose truth is painted into them."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from judges import PROTOCOL, judges, painted

from evaluation.clips.floors import ceiling_and_floors, isolated_floors, missing_floors
from evaluation.clips.pairing import generated_pairs
from evaluation.clips.samples import clips_of_samples
from evaluation.clips.true_clips import Clips
from evaluation.comparison.sensitivity import real_halves, sensitivities
from evaluation.evaluate import evaluate_pairs
from evaluation.metrics import METRICS
from evaluation.metrics.sets.frechet import frechet_distance
from evaluation.results.result import Result
from evaluation.results.system import System
from moee.clips.sources import other_emotions, synthetic_clips
from moee.judging.summary import limit_table

PEOPLE = 6


@pytest.fixture(scope="module")
def clips() -> Clips:
    """Two clips of each of six people, of all emotions."""
    samples = [painted(i) for i in range(2 * PEOPLE)]
    about = clips_of_samples(samples)
    return Clips(about.keys, about.identities, about.load, samples.__getitem__)


@pytest.fixture(scope="module")
def results(clips: Clips) -> list[Result]:
    found = []
    for name, role, make in (*ceiling_and_floors(clips), *isolated_floors(clips)):
        pairs = generated_pairs(clips, make)
        found.append(evaluate_pairs(pairs, PROTOCOL, extractors=judges(), system=System(name, role)))
    return found


def named(results: Sequence[Result], name: str) -> dict[str, float]:
    result = next(result for result in results if result.system["name"] == name)
    return {metric: record["value"] for metric, record in result.metrics.items()}


def test_floors_take_one_thing_and_leave_the_rest(clips: Clips, results: list[Result]) -> None:
    names = [result.system["name"] for result in results]
    assert names[3:] == ["sound of another moment", "another identity", "another emotion"]
    moment, person, emotion = (named(results, name) for name in names[3:])
    assert moment["csim_reference"] == pytest.approx(1)
    assert moment["emotion_accuracy"] == 1
    assert moment["au_correlation"] < 0.7
    assert person["csim_reference"] < 0.9
    assert person["emotion_accuracy"] == 1
    assert emotion["csim_reference"] == pytest.approx(1)
    assert emotion["emotion_accuracy"] < 0.3


def test_the_halves_of_a_metric_by_person_are_prepared_by_person() -> None:
    g = torch.Generator().manual_seed(3)
    people = [f"p{i}" for i in range(8)]
    true = [torch.randn(40, 10, generator=g) + 5 * torch.randn(10, generator=g) for _ in people]
    real = SimpleNamespace(
        rows=[SimpleNamespace(identity=person, problem="") for person in people],
        features={"expression_3ddfa": [(x, x) for x in true]},
    )
    plain, centred = (real_halves(real, name)[0] for name in ("efid_3ddfa", "efid_3ddfa_centred"))
    assert centred < plain / 10  # who they are is the most of what differs


def test_without_intervals_nothing_is_told(results: list[Result]) -> None:
    point = [replace(r, metrics={n: m | {"interval": None} for n, m in r.metrics.items()}) for r in results]
    assert not any(each.told_apart or each.not_told_apart for each in sensitivities(point))


@pytest.mark.slow
def test_another_emotion_is_never_the_clips_own() -> None:
    told = synthetic_clips(12, 5, 128)
    _, make = other_emotions(12, 5, 128)
    truth = told.load(11)
    assert not torch.equal(make(11, truth, 0), truth["frames"])  # the twelfth shows what the first does


def test_floors_that_cannot_be_made_are_left_out() -> None:
    alone = clips_of_samples([painted(0, 0), painted(1, 1)])
    assert [name for name, _, _ in isolated_floors(alone)] == ["sound of another moment"]  # nothing is known
    known = Clips(alone.keys, alone.identities, alone.load, alone.load)
    assert len(isolated_floors(known)) == 1  # two people, two emotions: nothing to isolate
    told = "no emotion is known of 2 of 2 clips, as of 'clip-0'"
    assert missing_floors(alone) == {"another identity": told, "another emotion": told}
    assert missing_floors(known) == {
        "another identity": "2 of 2 clips have no clip of another person in the same emotion, as 'clip-0'",
        "another emotion": "2 of 2 clips have no clip of the same person in another emotion, as 'clip-0'",
    }


def test_floors_that_can_be_made_need_no_word(clips: Clips) -> None:
    assert missing_floors(clips) == {}


def test_a_metric_sees_what_it_is_about_and_not_the_rest(results: list[Result]) -> None:
    found = {each.name: each for each in sensitivities(results)}
    identity = found["csim_reference"]
    assert "another identity" in identity.told_apart
    assert {"another emotion", "sound of another moment", "static reference"} <= set(identity.not_told_apart)
    assert identity.sees
    assert "another emotion" in found["emotion_accuracy"].told_apart
    assert "another identity" in found["emotion_accuracy"].not_told_apart
    assert found["psnr"].real == 100
    assert found["psnr"].nearest is not None
    assert found["psnr"].nearest[0] in found["psnr"].told_apart


def test_halves_of_the_real_people(results: list[Result], clips: Clips) -> None:
    real = results[0]
    assert real_halves(real, "psnr") is None
    found = real_halves(real, "efid_embedded")
    assert found is not None
    value, (low, high) = found
    assert 0 < low <= value <= high
    once = real_halves(real, "efid_embedded", splits=1, seed=3)
    assert once is not None
    people = sorted(set(clips.identities))
    first = set(np.random.default_rng(3).permutation(people)[: PEOPLE // 2])
    sides: list[list[torch.Tensor]] = [[], []]
    for i, person in enumerate(clips.identities):
        units = judges()[0].measure(clips.load(i)["frames"])["action_units"]
        sides[person not in first].append(units)
    wanted = frechet_distance(*(torch.cat(side).double() for side in sides))
    assert once[0] == pytest.approx(float(wanted), rel=1e-4)


def test_the_table_says_it_in_words(results: list[Result]) -> None:
    lines = limit_table(results)
    start = next(i for i, line in enumerate(lines) if line.startswith("what each metric sees"))
    assert len(lines) - start - 1 == sum(
        record["value"] is not None for record in results[0].metrics.values()
    )
    (identity,) = (line for line in lines[start:] if line.startswith(METRICS["csim_reference"].title))
    assert "not " in identity
    assert "another emotion" in identity
    with pytest.raises(ValueError, match="without real videos"):
        sensitivities(results[1:])
