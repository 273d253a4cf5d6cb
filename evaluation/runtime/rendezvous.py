"""Where the processes of a launch meet, and how they become one group."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

from evaluation.runtime.distributed import Processes, first_line
from evaluation.runtime.launchers import SRUN, launched_processes, launcher

PORTS = range(16_384, 32_768)  # below those that Linux gives to outgoing connections
MEETING_TIME = timedelta(minutes=10)  # until all processes of a launch have come
WAITING_TIME = timedelta(days=2)  # for a process whose clips take longer; gloo's own half hour is too short


def meeting_place(environment: Mapping[str, str] = os.environ) -> tuple[str, int]:
    """Address and port where the processes of a launch meet: `MASTER_ADDR` and `MASTER_PORT`.

    srun sets neither. The first process of its step runs on the first of the step's machines; the machine
    that srun was called on (`SLURM_LAUNCH_NODE_IPADDR`) may be another. Job and step give the port, so that
    steps side by side do not meet each other.

    Raises:
        ValueError: if there is no telling.
    """
    place = {name: environment.get(name, "") for name in ("MASTER_ADDR", "MASTER_PORT")}
    if launcher(environment) is SRUN:
        job, step = (int(environment.get(name, "0")) for name in ("SLURM_JOB_ID", "SLURM_STEP_ID"))
        derived = {
            "MASTER_ADDR": first_host(environment.get("SLURM_STEP_NODELIST", "")),
            "MASTER_PORT": str(PORTS[(job * 31 + step) % len(PORTS)]),
        }
        place = {name: value or derived[name] for name, value in place.items()}
    for name, value in place.items():
        if not value:
            raise ValueError(f"several processes were launched, but {name} does not say where they meet")
    return place["MASTER_ADDR"], int(place["MASTER_PORT"])


def first_host(nodes: str) -> str:
    """The first machine of a list as SLURM writes them: `gpu[03-04,7],cpu1` begins with `gpu03`."""
    return re.sub(r"\[([^],-]*)[^]]*\]", r"\1", nodes).partition(",")[0]


@contextmanager
def joined_processes() -> Iterator[Processes]:
    """Join the other processes of a launch for a while; alone where nothing was launched.

    Raises:
        ValueError: if a launcher named no address to meet at.
        OSError: if the others do not come, or the address cannot be used.
    """
    processes = launched_processes()
    if processes.size == 1:
        yield processes
        return
    _meet(processes, *meeting_place())
    try:
        yield processes
    finally:
        dist.destroy_process_group()


def _meet(processes: Processes, address: str, port: int) -> None:
    """Start the process group; gloo, since only rows on the CPU are exchanged."""
    os.environ |= {"MASTER_ADDR": address, "MASTER_PORT": str(port)}  # where torch looks
    try:
        store, *_ = next(rendezvous("env://", processes.rank, processes.size, timeout=MEETING_TIME))
        dist.init_process_group(
            "gloo", store=store, rank=processes.rank, world_size=processes.size, timeout=WAITING_TIME
        )
    except RuntimeError as error:
        raise OSError(
            f"{processes.size} processes did not meet at {address} port {port}: {first_line(error)}; "
            "MASTER_ADDR and MASTER_PORT name another place"
        ) from error
