"""Intervals of distances of sets: each value without some people against fitting the distance again."""

from importlib import import_module

import numpy as np
import pytest
import torch
from torch import Tensor

from evaluation.metrics import METRICS, EmbeddedFid, frechet_distance
from evaluation.metrics.sets.distances import FrechetOfSets, SetMetric
from evaluation.metrics.sets.jackknife import dealt, frechet_jackknife, frechet_of_parts
from evaluation.metrics.sets.kid import kid, kid_jackknife
from evaluation.metrics.sets.moments import Moments
from evaluation.statistics.intervals import jackknife_error

Parts = list[Tensor]
kernels = import_module(
    "evaluation.metrics.sets.kid"
)  # the package's own attribute of that name is the function
pieces = import_module("evaluation.metrics.sets.moments")
lefts = import_module("evaluation.metrics.sets.jackknife")
CASES = {  # samples of each person, dimensions, rank, a mean that dwarfs the spread
    "few samples": ([5, 1, 0, 7, 3], 64, 64, 0.0),
    "many samples": ([50, 40, 10, 60], 16, 16, 0.0),
    "one person has most": ([900, 400, 7], 5, 5, 0.0),
    "fewer than dimensions without one": ([12, 12, 60], 30, 30, 0.0),
    "low rank": ([50, 60, 70, 30], 30, 9, 0.0),
    "far away": ([50, 40, 80], 8, 8, 1e3),
}


def people(case: str) -> tuple[Parts, Parts]:
    counts, width, rank, far = CASES[case]
    g = torch.Generator().manual_seed(11)
    mix = torch.randn(rank, width, generator=g, dtype=torch.float64) if rank < width else torch.eye(width)
    x, y = (
        [scale * torch.randn(n, rank, generator=g, dtype=torch.float64) @ mix.double() + far for n in counts]
        for scale in (1.0, 1.3)
    )
    y[0] = y[0][:-1] + 0.5  # the sides need not have as many samples
    return x, y


def refitted(distance, x: Parts, y: Parts) -> tuple[Tensor, Tensor]:
    """All together, and without each in turn, from the samples."""
    left = [distance(*(torch.cat(side[:i] + side[i + 1 :]) for side in (x, y))) for i in range(len(x))]
    return distance(torch.cat(x), torch.cat(y)), torch.stack(left)


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("case", CASES)
def test_frechet_without_each_person_is_that_of_the_others(case: str, ddof: int) -> None:
    x, y = people(case)
    value, left_G = frechet_jackknife(x, y, ddof)
    wanted, wanted_G = refitted(lambda a, b: frechet_distance(a, b, ddof), x, y)
    assert value.item() == pytest.approx(wanted.item(), rel=1e-10)
    assert torch.allclose(left_G, wanted_G, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_a_set_against_itself_is_zero_without_anyone(case: str) -> None:
    x, _ = people(case)
    value, left_G = frechet_jackknife(x, [part.clone() for part in x])
    assert torch.cat([value[None], left_G]).abs().max() < 1e-9


@pytest.mark.parametrize("groups", [None, [[0, 1], [2], [1, 2]]])
@pytest.mark.parametrize("rows", [1, 2, 7])
@pytest.mark.parametrize("case", CASES)
def test_sets_too_large_for_one_piece_give_the_same(
    case: str, rows: int, groups: list[list[int]] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = people(case)
    wanted, wanted_G = frechet_jackknife(x, y, groups=groups)
    alone, width, longest = frechet_of_parts(x, y), x[0].shape[1], 0

    def watched(chunk_ND: Tensor) -> Moments:
        nonlocal longest
        longest = max(longest, len(chunk_ND))
        return moments_of(chunk_ND)

    moments_of = pieces.moments_of
    monkeypatch.setattr(pieces, "moments_of", watched)
    monkeypatch.setattr(pieces, "ROWS", rows)
    monkeypatch.setattr(lefts, "LARGE", 0)
    value, left_G = frechet_jackknife(x, y, groups=groups)
    known = 1e-10 if case == "far away" else 1e-12  # the spread of values at 1e3 is itself known no better
    least = known * sum(torch.cat(side).var(0).sum() for side in (x, y))
    for found in (value, frechet_of_parts(x, y)):
        assert abs(found - wanted) <= known * wanted + least
    assert abs(alone - wanted) <= known * wanted + least
    assert ((left_G - wanted_G).abs() <= known * wanted_G + 10 * least).all()
    assert 0 < longest <= rows * width


@pytest.mark.parametrize(
    ("case", "rows"),
    [("few samples", 1), *((case, rows) for case in CASES if case != "far away" for rows in (70, 5000))],
)
def test_kid_without_each_person_is_that_of_the_others(
    case: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "ROWS", rows)  # so that people and tiles cross each other
    x, y = people(case)
    value, left_G = kid_jackknife(x, y)
    wanted, wanted_G = refitted(kid, x, y)
    assert value.item() == pytest.approx(wanted.item(), rel=1e-10)
    assert torch.allclose(left_G, wanted_G, rtol=1e-10, atol=1e-10)


def test_the_kernel_is_passed_over_once_however_many_people(monkeypatch: pytest.MonkeyPatch) -> None:
    tiles, addmm = [], torch.addmm
    monkeypatch.setattr(torch, "addmm", lambda *args, **more: tiles.append(1) or addmm(*args, **more))
    monkeypatch.setattr(kernels, "ROWS", 10)
    x, y = torch.randn(60, 4), torch.randn(60, 4)
    for count in (2, 20):
        tiles.clear()
        kid_jackknife(x.tensor_split(count), y.tensor_split(count))
        assert len(tiles) == 2 * 21 + 36  # of a symmetric kernel the upper half


def test_the_error_is_that_of_the_jackknife_over_sums() -> None:
    g = torch.Generator().manual_seed(3)
    clips = [(torch.randn(60, 64, generator=g), 1.5 * torch.randn(40, 64, generator=g)) for _ in range(6)]
    metric = EmbeddedFid()
    sums = torch.stack([metric.clip_sums(*clip) for clip in clips])
    wanted = jackknife_error(sums, [str(i) for i in range(len(clips))], metric.finish)
    value, error = METRICS["fvd_crop_16"]().of_people(*zip(*clips, strict=True))  # type: ignore[attr-defined]
    assert value == pytest.approx(metric.finish(sums.sum(0)).item(), rel=1e-8)
    assert error == pytest.approx(wanted, rel=1e-6)


def test_many_people_leave_a_wide_distance_in_groups() -> None:
    g = torch.Generator().manual_seed(4)
    made, true = ([torch.randn(4, 6, generator=g) + i / 30 for i in range(45)] for _ in range(2))
    wide, narrow, kernel = (METRICS[name]() for name in ("fid_clean", "efid_3ddfa", "kid_clean"))
    assert isinstance(wide, SetMetric)
    assert isinstance(narrow, SetMetric)
    assert isinstance(kernel, SetMetric)
    assert wide.jackknife_details(45) == {"left_out": {"times": 20, "people": 3}}
    assert wide.jackknife_details(20) == narrow.jackknife_details(45) == kernel.jackknife_details(45) == {}
    groups = wide.groups(45)
    assert {place for group in groups for place in group} == set(range(45))
    assert {len(set(group)) for group in groups} == {3}  # one size: the distance depends on it
    rest = [[x for i, x in enumerate(side) if i not in groups[7]] for side in (made, true)]
    value, left_G = wide.jackknife(made, true)
    assert left_G[7].item() == pytest.approx(frechet_distance(*map(torch.cat, rest)).item(), rel=1e-9)
    assert wide.of_people(made, true) == (value.item(), pytest.approx((14 * left_G.var(correction=0)).sqrt()))
    assert value.item() == pytest.approx(narrow.of_people(made, true)[0], rel=1e-10)
    assert dealt(5, 3) == [[4, 3], [0, 1], [2, 4]]  # for ever: an interval rests on it


def test_groups_tell_the_same_error_as_single_people() -> None:
    """Squared errors, over draws of 30 people that differ: 20 times two of them against one at a time."""

    class Small(FrechetOfSets):
        name, title, needs, width, ddof = "small", "small", ("", ""), 2048, 1

    rng, ratios = np.random.default_rng(5), []
    for _ in range(15):
        centre = rng.standard_normal((30, 1, 2))
        made, true = (
            [torch.from_numpy(c + shift + rng.standard_normal((4, 2))) for c in centre]
            for shift in (0.0, 1.0)
        )
        single = frechet_jackknife(made, true)[1]
        ratios.append(Small().of_people(made, true)[1] ** 2 / (29 * single.var(correction=0)).item())
    assert np.mean(ratios) == pytest.approx(1, abs=0.2)
    assert 0.03 < np.std(ratios) < 0.5  # they are not the same groups


def test_a_value_alone_needs_nobody_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    metric = METRICS["kid_clean"]()
    assert isinstance(metric, SetMetric)
    made, true = ([torch.randn(5, 3) for _ in range(3)] for _ in range(2))
    whole = metric.of_people(made, true)
    monkeypatch.setattr(type(metric), "jackknife", None)
    value, error = metric.of_people(made, true, spread=False)
    assert value == pytest.approx(whole[0], rel=1e-10)
    assert error is None
    assert metric.of_people(made[:1], true[:1])[1] is None


def test_what_cannot_be_left_out() -> None:
    x = [torch.eye(3), torch.ones(1, 3)]
    for distance in (frechet_jackknife, kid_jackknife):
        with pytest.raises(ValueError, match="without a"):
            distance(x, x)
        with pytest.raises(ValueError, match="both sets, got 2 and 1"):
            distance(x, x[:1])
    with pytest.raises(ValueError, match="expected finite features"):
        frechet_jackknife([torch.full((3, 3), torch.nan)] * 2, [torch.eye(3)] * 2)


@pytest.mark.parametrize("name", ["fid_clean", "kid_clean"])
def test_too_few_for_an_interval_still_have_a_value(name: str) -> None:
    metric = METRICS[name]()
    samples_N12048 = torch.randn(4, 1, 2048, generator=torch.Generator().manual_seed(7))
    made, true = list(samples_N12048[:2]), list(samples_N12048[2:])
    value, error = metric.of_people(made, true)
    assert (value, error) == metric.of_people(made, true, spread=False)
    assert error is None


def people_of(name: str, size: int) -> tuple[list[Tensor], list[Tensor]]:
    """Four people of unequally many samples, some of them almost without spread in half of their width."""
    g, width = torch.Generator().manual_seed(size), getattr(METRICS[name], "width", 30)
    scale = torch.logspace(0, -6, width)
    made, true = (
        [torch.randn(size + i, width, generator=g) * scale + i / 9 for i in range(4)] for _ in range(2)
    )
    return made, true


@pytest.mark.gpu
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("name", "size"),
    [("fid_clean", 90), ("fvd_crop_16", 60), ("fvd_crop_16_n", 200), ("kid_clean", 90), ("efid_3ddfa", 40)],
)
def test_a_gpu_computes_the_same(name: str, size: int, large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if large:
        monkeypatch.setattr("evaluation.metrics.sets.jackknife.LARGE", 0)
    metric = METRICS[name]()
    assert isinstance(metric, SetMetric)
    (value, error), found = (
        metric.of_people(*people_of(name, size), device=torch.device(d)) for d in ("cpu", "cuda")
    )
    assert found == (pytest.approx(value, rel=1e-9), pytest.approx(error, rel=1e-6))


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("CUBLAS_STATUS_ALLOC_FAILED")]
)
def test_a_gpu_without_memory_leaves_it_to_the_cpu(
    error: RuntimeError, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric, places = METRICS["fid_clean"](), []
    assert isinstance(metric, SetMetric)
    whole, to = metric.of_people(*people_of("fid_clean", 5)), Tensor.to

    def full(self: Tensor, *place: object, **more: object) -> Tensor:
        if place == (torch.device("cuda"),):
            places.append(place)
            raise error
        return to(self, *place, **more)

    monkeypatch.setattr(Tensor, "to", full)
    assert metric.of_people(*people_of("fid_clean", 5), device=torch.device("cuda")) == whole
    assert len(places) == 1
