"""Any number of processes, uneven and empty shares: one result."""

import os
import socket
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from judges import PROTOCOL, judges, limit_pairs, painted

from evaluation.evaluate import evaluate, evaluate_pairs
from evaluation.world import World, joined, launched


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def worker(rank: int, size: int, port: int, out: str, answers) -> None:
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(size)}
    samples, few = [painted(i) for i in range(5)], [painted(i) for i in range(2)]
    with joined():
        result = evaluate(samples, samples, PROTOCOL, Path(out), extractors=judges())
        empty = evaluate(few, few, PROTOCOL, extractors=judges())  # of three processes one has no clip
        every = limit_pairs("real video", samples)  # all measure all
        padded = evaluate_pairs(every, PROTOCOL, extractors=judges())
        answers[rank] = (result.digest, empty.digest, padded.digest)
        assert bool(result.large) is (rank == 0)  # what rows rest on lies with the first process alone
    assert not dist.is_initialized()


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 3])
def test_any_number_of_processes_gives_the_same_result(size: int, tmp_path: Path) -> None:
    samples, few = [painted(i) for i in range(5)], [painted(i) for i in range(2)]
    alone = evaluate(samples, samples, PROTOCOL, tmp_path / "alone.json", extractors=judges())
    wanted = (alone.digest, evaluate(few, few, PROTOCOL, extractors=judges()).digest, alone.digest)
    with mp.Manager() as manager:
        answers = manager.dict()
        mp.spawn(worker, (size, free_port(), str(tmp_path / "many.json"), answers), nprocs=size)
        assert dict(answers) == dict.fromkeys(range(size), wanted)
    for suffix in (".sums.safetensors",):
        assert (tmp_path / f"alone{suffix}").read_bytes() == (tmp_path / f"many{suffix}").read_bytes()


def test_shares_are_disjoint_and_complete() -> None:
    shares = [list(World(rank, 3).share(range(7))) for rank in range(3)]
    assert shares == [[0, 3, 6], [1, 4], [2, 5]]
    assert list(World(2, 3).share(range(2))) == []
    assert World().gather("x") == World().collect("x") == ["x"]
    assert World().tell("x") == "x"


def test_launchers_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launched({}) == World()
    assert launched({"RANK": "1", "WORLD_SIZE": "4"}) == World(1, 4)
    assert launched({"SLURM_PROCID": "2", "SLURM_NTASKS": "3"}) == World(2, 3)
    with pytest.raises(ValueError, match="RANK=4 with WORLD_SIZE=4"):
        launched({"RANK": "4", "WORLD_SIZE": "4"})
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("evaluation.world.launched", lambda: World(0, 2))
    with pytest.raises(ValueError, match="MASTER_ADDR does not say where they meet"), joined():
        pass
