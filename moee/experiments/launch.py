"""Training under a launcher: what it started must be what the trainer asks for."""

import os
from collections.abc import Mapping, MutableMapping

from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.pytorch import Trainer

from evaluation.runtime.launchers import SRUN, TORCHRUN, launched_processes, launcher

ADVICE = {
    "RANK": "torchrun --nproc-per-node N -m moee train ... trainer.devices=N",
    "SLURM_PROCID": "srun --ntasks-per-node N moee train ... trainer.devices=N",
}


def tell_tasks_per_node(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let `srun -n N` do: Lightning reads a variable that only `--ntasks-per-node` sets."""
    if launcher(environment) is SRUN:
        here = environment.get("SLURM_STEP_TASKS_PER_NODE", environment[SRUN.size]).partition("(")[0]
        environment["SLURM_NTASKS_PER_NODE"] = here.partition(",")[0]  # what stands there may be the job's


def cluster_environment(environment: Mapping[str, str] = os.environ) -> ClusterEnvironment | None:
    """Who starts a trainer's processes in a job of SLURM: srun if it started several, else the trainer.

    Left to itself Lightning goes by the job's name and its tasks: it takes a batch script for one of several
    processes and waits for the others for ever, and each task of srun within `salloc` for a whole training.
    None outside of SLURM and under torchrun, which Lightning knows.
    """
    if "SLURM_JOB_ID" not in environment or launcher(environment) not in (None, SRUN):
        return None
    return SLURMEnvironment() if launched_processes(environment).size > 1 else LightningEnvironment()


def check_processes(trainer: Trainer, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse a launch that the trainer takes for as many trainings, which would all write to one directory.

    Raises:
        ValueError: if processes were launched and the trainer wants another number of them, or if it wants
            several machines of a job of which it has one.
    """
    started, wanted = launched_processes(environment).size, trainer.num_devices * trainer.num_nodes
    names, asked = launcher(environment), f"trainer.devices={trainer.num_devices}"
    asked += f" and trainer.num_nodes={trainer.num_nodes}"
    torchrun_differs = names is TORCHRUN and started != wanted
    if names is not None and (torchrun_differs or (names is SRUN and started not in (1, wanted))):
        raise ValueError(
            f"{started} processes were launched, but {asked} make {wanted}: as in {ADVICE[names.rank]}"
        )
    alone = isinstance(cluster_environment(environment), LightningEnvironment)
    if alone and trainer.num_nodes > 1 and "NODE_RANK" not in environment:
        raise ValueError(f"{asked}, but nothing starts them on the other machines: as in {ADVICE[SRUN.rank]}")
