"""Training under a launcher: what it started must be what the trainer asks for."""

import os
from collections.abc import Mapping, MutableMapping

from lightning.pytorch import Trainer
from lightning.pytorch.plugins.environments import ClusterEnvironment, LightningEnvironment

from evaluation.world import SRUN, launched, launcher

ADVICE = {
    "RANK": "torchrun --nproc-per-node N -m moee train ... trainer.devices=N",
    "SLURM_PROCID": "srun --ntasks-per-node N moee train ... trainer.devices=N",
}


def tell_tasks_per_node(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let `srun -n N` do: Lightning reads a variable that only `--ntasks-per-node` sets."""
    if launcher(environment) is SRUN:
        here = environment.get("SLURM_STEP_TASKS_PER_NODE", environment[SRUN.size]).partition("(")[0]
        environment.setdefault("SLURM_NTASKS_PER_NODE", here.partition(",")[0])


def own_environment(environment: Mapping[str, str] = os.environ) -> ClusterEnvironment | None:
    """Who starts a trainer's processes where SLURM lent the machine and srun did not start this one: itself.

    Lightning takes any process of a job for one of several, and waits for the others for ever.
    """
    in_job = "SLURM_JOB_ID" in environment and launcher(environment) is None
    return LightningEnvironment() if in_job else None


def check_processes(trainer: Trainer, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse a launch that the trainer takes for as many trainings, which would all write to one directory.

    Raises:
        ValueError: if several processes were launched and the trainer wants another number of them.
    """
    started, wanted = launched(environment).size, trainer.num_devices * trainer.num_nodes
    names = launcher(environment)
    if names is None or started in (1, wanted):
        return
    asked = f"trainer.devices={trainer.num_devices} and trainer.num_nodes={trainer.num_nodes}"
    raise ValueError(
        f"{started} processes were launched, but {asked} make {wanted}: as in {ADVICE[names.rank]}"
    )
