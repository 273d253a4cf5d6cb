import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from group_means import group_means
from judges import PROTOCOL, judges, limit_pairs, painted

from evaluation.clips.pair import Pair
from evaluation.comparison.compare import cautions, compare, paired_sums, read_comparable
from evaluation.evaluate import evaluate_pairs
from evaluation.metrics import METRICS, Psnr, Sharpness
from evaluation.protocol import load_protocol
from evaluation.results.result import Result
from evaluation.results.system import System
from evaluation.statistics.intervals import sign_flip_test
from evaluation.statistics.paired import holm
from moee import cli

CLIPS, NOISE = 16, {"calm": 2, "noisy": 12}
SMALL = replace(
    load_protocol(PROTOCOL), metrics=("psnr", "ssim", "au_correlation", "akd", "sharpness", "efid_embedded")
)


def evaluated(name: str, level: int, seeds=(0,), skip=(), samples=None) -> Result:
    samples = samples or [painted(i) for i in range(CLIPS)]
    pairs = []
    for seed in seeds:
        for i, sample in enumerate(samples):
            g = torch.Generator().manual_seed(1000 * seed + i)
            noise = torch.randint(-level - i % 3, level + i % 3 + 1, sample["frames"].shape, generator=g)
            frames = (sample["frames"].int() + noise).clamp(0, 255).to(torch.uint8)
            problem = "nothing was generated" if i in skip else ""
            pairs.append(Pair(sample["key"], sample["identity"], frames, sample, seed, problem))
    return evaluate_pairs(pairs, SMALL, extractors=judges(), system=System(name))


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return [evaluated(name, level) for name, level in NOISE.items()]


@pytest.fixture
def files(results, tmp_path):
    return [result.write(tmp_path / f"{result.system['name']}.json") for result in results]


def test_the_calmer_system_wins(results):
    pairs = {pair.metric: pair for pair in compare(results)}
    assert set(pairs) == set(SMALL.metrics)
    psnr = pairs["psnr"]
    assert psnr.difference == pytest.approx(psnr.first_value - psnr.second_value)
    assert psnr.interval[0] < psnr.difference < psnr.interval[1]
    assert psnr.first_value == pytest.approx(results[0].metrics["psnr"]["value"])
    assert (psnr.better, psnr.effect.win_rate, psnr.effect.groups, psnr.clips) == ("calm", 1.0, 8, 16)
    assert psnr.p == pytest.approx(2 / 2**8)
    assert pairs["akd"].difference < 0 < pairs["akd"].effect.mean  # lower is better
    assert pairs["sharpness"].difference < 0 < pairs["sharpness"].effect.mean  # nearer to 1 is better
    assert pairs["efid_embedded"].interval_method == "jackknife"
    adjusted = holm([pair.p for pair in compare(results)])
    assert [pair.p_holm for pair in compare(results)] == adjusted


def test_psnr_is_tested_over_identity_means(results):
    values = [[row.values["psnr"] for row in result.rows] for result in results]
    difference = group_means(np.subtract(*values), [row.identity for row in results[0].rows])
    found = compare(results, metrics=["psnr"])[0]
    assert found.p == pytest.approx(sign_flip_test(difference))
    assert found.effect.mean == pytest.approx(difference.mean())
    assert found.p_holm == found.p  # a family of one


def test_the_other_way_round(results):
    there, back = compare(results), compare(results[::-1])
    for a, b in zip(there, back, strict=True):
        assert a.difference == pytest.approx(-b.difference)
        assert a.effect.mean == pytest.approx(-b.effect.mean)
        assert (a.p, a.better) == (b.p, b.better)


def test_a_system_against_itself_is_a_tie(results):
    for pair in compare([results[0], results[0]], ["one", "two"]):
        assert (pair.difference, pair.p, pair.better, pair.effect.win_rate) == (0, 1, "", 0.5)
        assert pair.effect.d_z == 0


def test_several_systems_share_one_family(results):
    pairs = compare([*results, evaluated("middling", 5)])
    assert len(pairs) == 2 * len(SMALL.metrics)
    assert {pair.second for pair in pairs} == {"noisy", "middling"}
    alone = compare(results)
    assert pairs[0].p == alone[0].p
    assert pairs[0].p_holm > alone[0].p_holm
    assert (alone[0].better, pairs[0].better) == ("calm", "")  # eight people are too few for twelve tests


def test_only_clips_and_seeds_of_both_are_compared(results):
    other = evaluated("part", 12, seeds=(0, 1), skip=(2,))
    a, b, people = paired_sums(results[0], other, Psnr())
    assert len(a) == len(b) == len(people) == CLIPS - 1
    keys = [row.key for row in results[0].rows if row.key != "clip-2"]
    wanted = {row.key: row.sums["psnr"] for row in results[0].rows}
    assert a.tolist() == [wanted[key] for key in sorted(keys)]
    notes = cautions(compare([results[0], other]), results[0], [other])
    assert any(f"{1 + CLIPS - 1} clips and seeds" in line for line in notes)


def test_few_people_are_told_that_nothing_can_be_found(results):
    samples = [painted(i) for i in range(4)]
    few = [evaluated(name, level, samples=samples) for name, level in NOISE.items()]
    pairs = compare(few)
    assert not any(pair.better for pair in pairs)
    assert cautions(pairs, few[0], few[1:]) == [
        "2 people and 6 tests: no difference could reach 0.05 after correction"
    ]
    assert not any("no difference" in line for line in cautions(compare(results), results[0], results[1:]))


def foreign(result: Result, **changes) -> Result:
    return replace(result, **{name: getattr(result, name) | change for name, change in changes.items()})


def test_every_reason_for_refusal_is_named(results):
    other = foreign(
        results[1],
        protocol={"sha256": "0" * 64},
        data={"sha256": "1" * 64},
        extractors={"embedded-judge": results[1].extractors["embedded-judge"] | {"sha256": "2" * 64}},
    )
    with pytest.raises(
        ValueError, match=r"noisy: protocol differs.*noisy: data differs.*noisy: extractors differ"
    ):
        compare([results[0], other])
    for name, change in (
        ("data", {"sha256": "1" * 64}),
        ("protocol", {"tag": "other-v1"}),
        ("data", {"truth": "measured"}),
    ):
        with pytest.raises(ValueError, match=f"{name} differs"):
            compare([results[0], foreign(results[1], **{name: change})])


def test_what_cannot_be_compared_at_all(results):
    with pytest.raises(ValueError, match="at least two results"):
        compare(results[:1])
    with pytest.raises(ValueError, match=r"calm has no metric 'lpips'.*noisy has no metric 'lpips'"):
        compare(results, metrics=["psnr", "lpips"])
    with pytest.raises(ValueError, match="no evaluated clip and seed in common"):
        compare([results[0], evaluated("later", 2, seeds=(7,))])


def test_a_clip_twice_is_refused(results):
    twice = replace(results[1], rows=[*results[1].rows, results[1].rows[0]])
    with pytest.raises(ValueError, match="noisy has a clip twice with one seed"):
        compare([results[0], twice])


def test_files_are_refused_all_at_once(files, tmp_path):
    content = json.loads(files[1].read_text())
    content["metrics"]["psnr"]["value"] = 99.0
    files[1].write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"absent\.json.*noisy\.json: its content does not match its sha256"):
        read_comparable([files[0], tmp_path / "absent.json", files[1]])


def test_sharpness_far_on_either_side_is_worse():
    from evaluation.comparison.compare import goodness

    values = torch.tensor([1.0, 0.5, 1.5, 1.1])
    assert goodness(values, Sharpness).argsort(descending=True).tolist()[:2] == [0, 3]
    assert goodness(values, Psnr).argmax() == 2
    assert goodness(values, METRICS["akd"]).argmax() == 1


def test_a_pooled_measure_names_no_winner_against_its_own_value():
    """The videos of other people: as a set the very same, for each person the wrong ones."""
    samples = [painted(i) for i in range(CLIPS)]
    shuffled = evaluate_pairs(
        limit_pairs("shuffled clips", samples), SMALL, extractors=judges(), system=System("shuffled")
    )
    noisy = evaluated("noisy", 12)
    pairs = {pair.metric: pair for pair in compare([noisy, shuffled])}
    pooled = pairs["efid_embedded"]
    assert pooled.second_value == pytest.approx(0, abs=1e-9)
    assert pooled.first_value > pooled.second_value
    assert pooled.effect.mean > 0  # yet each person is nearer to their own truth with noise
    assert pooled.p_holm <= 0.05
    assert (pooled.torn, pooled.better) == (True, "")
    assert any(
        "disagree: efid_embedded" in line for line in cautions(list(pairs.values()), noisy, [shuffled])
    )
    assert (pairs["psnr"].torn, pairs["psnr"].better) == (False, "noisy")


def test_the_command(files, tmp_path, capsys):
    out, sheet = tmp_path / "out" / "c.json", tmp_path / "c.csv"
    given = ["compare", *map(str, files), "--metrics", "psnr, akd", "--out", str(out), "--csv", str(sheet)]
    assert cli.main(given) == 0
    printed = capsys.readouterr().out
    assert "calm (first) against noisy (second), 8 people" in printed
    assert "psnr ↑" in printed
    assert "of 2 metrics the first wins 2, the second 0" in printed
    content = json.loads(out.read_text())
    assert [pair["metric"] for pair in content["comparisons"]] == ["psnr", "akd"]
    assert content["systems"][0]["result_sha256"] == json.loads(files[0].read_text())["sha256"]
    rows = list(csv.DictReader(sheet.open()))
    assert float(rows[0]["p"]) == content["comparisons"][0]["p"]
    assert rows[1]["direction"] == "lower"
    assert rows[0]["better"] == "calm"


def test_the_command_refuses_in_one_line(files, tmp_path, capsys):
    for given, said in (
        ([files[0]], "needs two results or more"),
        ([*files, "--metrics", "psnrr"], "did you mean 'psnr'"),
        ([*files, "--metrics", "lpips"], "has no metric 'lpips'"),
        ([files[0], tmp_path / "absent.json"], "no result file"),
        ([*files, "--out", tmp_path], "is a folder"),
    ):
        assert cli.main(["compare", *map(str, given)]) == 1
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1


def test_two_systems_of_one_name_are_told_apart(results, tmp_path):
    from moee.judging.compare import system_names

    twins = [results[0], results[0], results[1]]
    paths = [tmp_path / name for name in ("a.json", "b.json", "c.json")]
    assert system_names(twins, paths) == ["calm (a)", "calm (b)", "noisy"]
