"""Trainings under torchrun and SLURM, played by their variables; a job of SLURM was run by hand."""

from types import SimpleNamespace

import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.plugins.environments import LightningEnvironment, SLURMEnvironment

from moee import cli
from moee.experiments.launch import check_processes, cluster_environment, tell_tasks_per_node

JOB = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "2", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
STEP = {**JOB, "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_TASKS_PER_NODE": "2"}
BATCH = {**JOB, "SLURM_STEP_ID": "4294967291", "SLURM_STEP_NUM_TASKS": "1"}
TORCHRUN = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}


def one_device() -> Trainer:
    return Trainer(accelerator="cpu", devices=1, logger=False, enable_checkpointing=False)


def test_srun_tells_how_many_tasks_a_machine_has() -> None:
    for environment, told in (
        (STEP, "2"),
        (STEP | {"SLURM_STEP_NUM_TASKS": "5", "SLURM_STEP_TASKS_PER_NODE": "2(x2),1"}, "2"),
        (STEP | {"SLURM_NTASKS_PER_NODE": "4"}, "2"),  # the job's
        (BATCH, None),
        (TORCHRUN, None),
        ({}, None),
    ):
        seen = dict(environment)
        tell_tasks_per_node(seen)
        assert seen.get("SLURM_NTASKS_PER_NODE") == told


def test_srun_starts_several_processes_and_a_batch_script_its_own() -> None:
    for environment in (BATCH, JOB, STEP | {"SLURM_STEP_NUM_TASKS": "1"}):
        assert isinstance(cluster_environment(environment), LightningEnvironment)
    for name in ("job.sh", "interactive", "bash"):  # of the last two Lightning thinks that srun was not used
        assert isinstance(cluster_environment(STEP | {"SLURM_JOB_NAME": name}), SLURMEnvironment)
    for environment in (JOB | TORCHRUN, TORCHRUN, {}):
        assert cluster_environment(environment) is None


def test_as_many_processes_as_devices() -> None:
    trainer = one_device()
    for environment in (
        {},
        BATCH,
        STEP | {"SLURM_STEP_NUM_TASKS": "1"},
        TORCHRUN | {"RANK": "0", "WORLD_SIZE": "1"},
    ):
        check_processes(trainer, environment)
    for environment, how in ((STEP, "srun --ntasks-per-node N"), (TORCHRUN, "torchrun --nproc-per-node N")):
        with pytest.raises(ValueError, match=f"2 processes were launched, but trainer.devices=1 .*{how}"):
            check_processes(trainer, environment)
    two = SimpleNamespace(num_devices=2, num_nodes=1)
    with pytest.raises(ValueError, match=r"1 processes were launched, but .*devices=2"):
        check_processes(two, TORCHRUN | {"RANK": "0", "WORLD_SIZE": "1"})  # type: ignore[arg-type]
    check_processes(two, STEP | {"SLURM_STEP_NUM_TASKS": "1"})  # type: ignore[arg-type]
    machines = SimpleNamespace(num_devices=1, num_nodes=2)
    with pytest.raises(ValueError, match="num_nodes=2, but nothing starts them on the other machines"):
        check_processes(machines, BATCH)  # type: ignore[arg-type]
    check_processes(machines, BATCH | {"NODE_RANK": "1"})  # type: ignore[arg-type]
    check_processes(machines, STEP)  # type: ignore[arg-type]


def test_the_command_refuses_in_one_line(
    toy_experiment, own_folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    assert cli.main(["train", str(toy_experiment)]) == 1
    said = capsys.readouterr().err.strip()
    assert said.startswith(
        "moee: 2 processes were launched, but trainer.devices=1 and trainer.num_nodes=1 make 1"
    )
    assert "\n" not in said
    assert not list(own_folder.glob("runs/*"))
