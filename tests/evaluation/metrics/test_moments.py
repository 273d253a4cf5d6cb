import os
import socket

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from evaluation.metrics import frechet_distance
from evaluation.metrics.sets.moments import (
    Moments,
    frechet_of_moments,
    merge,
    moments_of,
    over_processes,
)

CASES = {  # seed, n, m, d: few samples in many dimensions, many in few, and a mean that dwarfs the spread
    "low rank": (102, 10, 12, 64, 0.0),
    "full rank": (103, 500, 300, 64, 0.0),
    "far away": (104, 90, 80, 16, 1e4),
}
SPLITS = ([[0, 1, 2, 3, 4, 5]], [[0, 3, 4], [1, 2, 5]], [[], [0, 1, 2, 3, 4, 5]], [[4], [], [0, 1, 2, 3, 5]])
PARTS = 6


def draws(case: str) -> tuple[torch.Tensor, torch.Tensor]:
    seed, n, m, d, far = CASES[case]
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), 1.5 * rng.standard_normal((m, d)) + 0.3
    return torch.from_numpy(x) + far, torch.from_numpy(y) + far


def uneven(x: torch.Tensor) -> list[torch.Tensor]:
    """Six parts, one of a single sample and one of none."""
    cuts = [0, len(x) // 2, len(x) // 2, len(x) // 2 + 1, len(x) * 3 // 4, len(x) - 2]
    return [x[a:b] for a, b in zip(cuts, [*cuts[1:], len(x)], strict=True)]


def joined(parts: list[torch.Tensor], width: int) -> Moments:
    total = moments_of(torch.zeros(0, width))
    for part in parts:
        total = merge(total, moments_of(part))
    return total


def scatter(x: Moments) -> torch.Tensor:
    return x.factor.mT @ x.factor


def assert_same(found: Moments, x: torch.Tensor) -> None:
    wanted = x - x.mean(0)
    wanted = wanted.mT @ wanted
    assert found.count == len(x)
    assert torch.allclose(found.mean, x.mean(0), rtol=1e-12, atol=1e-15)
    # the spread of values at 1e4 is itself known only to 1e-12 of them
    assert (scatter(found) - wanted).norm() <= (1e-12 + 1e-14 * x.abs().max()) * wanted.norm()


@pytest.mark.parametrize("case", CASES)
def test_any_batches_give_the_moments_and_the_distance_of_the_whole(case):
    x, y = draws(case)
    wanted = frechet_distance(x, y).item()
    for order in (uneven(x), uneven(x)[::-1], list(x.split(1)), list(x.split(7))):
        found = joined(order, x.shape[1])
        assert_same(found, x)
        distance = frechet_of_moments(found, joined(uneven(y), x.shape[1])).item()
        assert distance == pytest.approx(wanted, rel=1e-12 if case != "far away" else 1e-10)


def test_the_seeded_cases_of_the_distance():
    x, y = draws("low rank")
    found = [moments_of(x), moments_of(y)]
    assert frechet_of_moments(*found).item() == pytest.approx(182.5745726531, rel=1e-9)
    assert frechet_of_moments(*found, ddof=0).item() == pytest.approx(168.9855215524, rel=1e-9)


def test_a_set_against_itself_is_never_below_zero():
    x, _ = draws("low rank")
    distance = frechet_of_moments(joined(uneven(x), 64), joined(uneven(x)[::-1], 64)).item()
    assert -1e-9 <= distance <= 1e-9


def test_a_clip_stays_small_and_a_set_bounded():
    g = torch.Generator().manual_seed(0)
    clip = moments_of(torch.randn(50, 2048, generator=g))
    assert clip.factor.numel() * 8 <= 50 * 2048 * 8  # a triangle would have 2048 * 2049 / 2
    total = moments_of(torch.zeros(0, 8))
    for _ in range(20):
        total = merge(total, moments_of(torch.randn(50, 8, generator=g)))
        assert len(total.factor) <= 16
    assert total.count == 1000


def test_what_has_no_moments():
    none = moments_of(torch.zeros(0, 4))
    assert (none.count, none.factor.shape) == (0, (0, 4))
    with pytest.raises(ValueError, match="more than 1 samples on each side, got 0 and 3"):
        frechet_of_moments(none, moments_of(torch.eye(4)[:3]))
    with pytest.raises(ValueError, match="expected finite features"):
        moments_of(torch.full((3, 4), torch.nan))
    with pytest.raises(ValueError, match=r"finite features \(N, D\), got \(4,\)"):
        moments_of(torch.zeros(4))
    with pytest.raises(ValueError, match="widths 4 and 5"):
        merge(moments_of(torch.eye(4)), moments_of(torch.eye(5)))


def worker(rank: int, port: int, answers) -> None:
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    dist.init_process_group("gloo", rank=rank, world_size=3)
    groups = {size: dist.new_group(list(range(size))) for size in (1, 2, 3)}
    found = []
    for shares in SPLITS:
        for case in CASES if rank < len(shares) else ():
            sets = []
            for z in draws(case):
                parts = uneven(z)
                own = joined([parts[i] for i in shares[rank]], z.shape[1])
                sets.append(over_processes(own, groups[len(shares)]))
            summary = [[z.count, *z.mean.tolist(), *scatter(z).flatten().tolist()] for z in sets]
            found.append((len(shares), case, frechet_of_moments(*sets).item(), summary))
    empty = over_processes(moments_of(torch.zeros(0, 3)))
    answers[rank] = (found, empty.count)
    dist.destroy_process_group()


@pytest.mark.slow
def test_any_split_over_processes_gives_the_moments_of_one():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with mp.Manager() as manager:
        answers = manager.dict()
        mp.spawn(worker, (port, answers), nprocs=3)
        answers = dict(answers)
    assert [len(answers[rank][0]) // len(CASES) for rank in range(3)] == [4, 3, 1]
    assert all(nothing == 0 for _, nothing in answers.values())
    for found, _ in answers.values():
        for _, case, distance, summary in found:
            sets = draws(case)
            far = case == "far away"
            wanted = frechet_distance(*sets).item()
            assert distance == pytest.approx(wanted, rel=1e-10 if far else 1e-12)
            for (count, *numbers), x in zip(summary, sets, strict=True):
                width = x.shape[1]
                assert count == len(x)
                mean = torch.tensor(numbers[:width], dtype=torch.float64)
                assert torch.allclose(mean, x.mean(0), rtol=1e-12, atol=1e-15)
                wanted_DD = (x - x.mean(0)).mT @ (x - x.mean(0))
                found_DD = torch.tensor(numbers[width:], dtype=torch.float64).view(width, width)
                assert (found_DD - wanted_DD).norm() <= (1e-10 if far else 1e-12) * wanted_DD.norm()
