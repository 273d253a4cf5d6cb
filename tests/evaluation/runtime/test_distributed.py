"""Any number of processes, uneven and empty shares: one result."""

import os
import socket
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from judges import PROTOCOL, judges, limit_pairs, painted

from evaluation.evaluate import evaluate, evaluate_pairs
from evaluation.runtime import distributed as ours
from evaluation.runtime.distributed import Processes
from evaluation.runtime.launchers import LAST_STEP, launched_processes, local_rank
from evaluation.runtime.rendezvous import first_host, joined_processes, meeting_place


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def step(rank: int, size: int, **more: str) -> dict[str, str]:
    """What srun tells a task of its step."""
    about = {
        "SLURM_PROCID": rank,
        "SLURM_STEP_NUM_TASKS": size,
        "SLURM_STEP_ID": 3,
        "SLURM_JOB_ID": 4_711_000,
    }
    return {name: str(value) for name, value in about.items()} | more


def worker(rank: int, size: int, port: int, out: str, answers) -> None:
    torch.set_num_threads(1)
    ours.AT_ONCE = 1  # rows come to the first process in as many rounds as the longest share has clips
    if size == 3:  # of SLURM, which says where, but on a test's machine the port may be taken
        os.environ |= step(rank, size, SLURM_STEP_NODELIST="localhost", MASTER_PORT=str(port))
    else:
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(size)}
    samples, few = [painted(i) for i in range(5)], [painted(i) for i in range(2)]
    with joined_processes():
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
    shares = [list(Processes(rank, 3).share(range(7))) for rank in range(3)]
    assert shares == [[0, 3, 6], [1, 4], [2, 5]]
    assert list(Processes(2, 3).share(range(2))) == []
    assert Processes().gather("x") == Processes().gather_to_first("x") == ["x"]
    assert list(Processes().gather_each_to_first(["x", "y"])) == ["x", "y"]
    assert Processes().broadcast("x") == "x"


def test_launchers_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launched_processes({}) == Processes()
    assert launched_processes({"RANK": "1", "WORLD_SIZE": "4"}) == Processes(1, 4)
    assert launched_processes(step(2, 3)) == Processes(2, 3)
    assert launched_processes(step(0, 3) | {"RANK": "5", "WORLD_SIZE": "8"}) == Processes(
        5, 8
    )  # torchrun below srun
    with pytest.raises(ValueError, match="RANK=4 with WORLD_SIZE=4"):
        launched_processes({"RANK": "4", "WORLD_SIZE": "4"})
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("evaluation.runtime.rendezvous.launched_processes", lambda: Processes(0, 2))
    with pytest.raises(ValueError, match="MASTER_ADDR does not say where they meet"), joined_processes():
        pass


def test_who_runs_once_in_a_job_of_many_tasks_is_alone() -> None:
    """A batch script is told a rank and the job's tasks; the shell of `salloc` even has a step of a kind."""
    script = {"SLURM_PROCID": "0", "SLURM_NTASKS": "4", "SLURM_JOB_ID": "7", "SLURM_LOCALID": "0"}
    assert launched_processes(script) == Processes()
    for number in ("", "batch", str(LAST_STEP + 1), "4294967294", "-1"):
        assert launched_processes(step(0, 4) | {"SLURM_STEP_ID": number}) == Processes()
    assert launched_processes(step(0, 4) | {"SLURM_STEP_ID": "0"}) == Processes(0, 4)
    with joined_processes() as processes:
        assert processes == Processes()


def test_the_place_on_the_machine() -> None:
    assert local_rank({}) == 0
    assert local_rank({"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}) == 1
    assert local_rank({"RANK": "5", "WORLD_SIZE": "8"}) == 5
    assert local_rank(step(5, 8, SLURM_LOCALID="2")) == 2
    assert local_rank({"SLURM_LOCALID": "2"}) == 0


def test_where_the_tasks_of_srun_meet() -> None:
    told = step(1, 4, SLURM_STEP_NODELIST="gpu[03-04,07],cpu1", SLURM_LAUNCH_NODE_IPADDR="10.0.0.1")
    address, port = meeting_place(told)
    assert address == "gpu03"
    assert 16_384 <= port < 32_768
    assert meeting_place(told | {"SLURM_PROCID": "3"}) == (address, port)
    assert meeting_place(told | {"SLURM_STEP_ID": "4"})[1] != port
    assert meeting_place(told | {"SLURM_JOB_ID": "4711001"})[1] != port
    assert meeting_place(told | {"MASTER_ADDR": "head", "MASTER_PORT": "12"}) == ("head", 12)
    assert meeting_place(told | {"MASTER_ADDR": "head"}) == ("head", port)
    with pytest.raises(ValueError, match="MASTER_ADDR does not say where they meet"):
        meeting_place(step(1, 4))
    with pytest.raises(ValueError, match="MASTER_PORT does not say where they meet"):
        meeting_place({"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "head"})


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        ("gpu7", "gpu7"),
        ("a,b", "a"),
        ("n[5-9]", "n5"),
        ("n[01,05-09],m[1-2]", "n01"),
        ("r[1-2]n[3-4]", "r1n3"),
        ("n[3].cluster", "n3.cluster"),
        ("", ""),
    ],
)
def test_the_first_machine_of_a_list(nodes: str, first: str) -> None:
    assert first_host(nodes) == first


def test_a_place_where_nobody_can_meet_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluation.runtime.rendezvous.MEETING_TIME", timedelta(seconds=1))
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    port = free_port()
    monkeypatch.setenv("MASTER_PORT", str(port))
    with (
        pytest.raises(OSError, match=f"2 processes did not meet at 127.0.0.1 port {port}: .*") as error,
        joined_processes(),
    ):
        pass
    assert "\n" not in str(error.value)
    assert not dist.is_initialized()


def leaver(rank: int, port: int, out: str) -> None:
    """The second process ends before it has told what it has; the first says so."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "RANK": str(rank), "WORLD_SIZE": "2"}
    with joined_processes() as processes:
        if rank:
            os._exit(0)
        try:
            processes.gather(rank)
        except OSError as error:
            Path(out).write_text(str(error))


@pytest.mark.slow
def test_a_process_that_is_gone_is_one_line(tmp_path: Path) -> None:
    mp.spawn(leaver, (free_port(), str(tmp_path / "said")), nprocs=2)
    said = (tmp_path / "said").read_text()
    assert said.startswith("another of the 2 processes is gone: ")
    assert "\n" not in said
