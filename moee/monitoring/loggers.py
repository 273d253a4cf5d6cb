"""Where a run's numbers go: a CSV file always, Weights & Biases and TensorBoard when asked."""

import csv
import logging
import os
import warnings
from collections.abc import Iterable
from pathlib import Path

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

METRICS_FILE = "metrics.csv"
EXPECTED_WARNINGS = (
    "Experiment logs directory",  # the run directory is made before the loggers
    "You're resuming from a checkpoint that ended before",  # our data start at the step of training
    ".*does not have many workers",
    "The number of training batches .* is smaller than the logging interval",  # steps count here, no epochs
    ".*LeafSpec.*is deprecated",
    "You passed in a `val_dataloader` but have no `validation_step`",
    "The `srun` command is available on your system but is not used",  # see `moee.experiments.launch`
)


def make_loggers(names: Iterable[str], directory: Path) -> list[Logger]:
    """Loggers that write below `directory` once training starts; W&B offline unless WANDB_MODE is set."""
    loggers: list[Logger] = [CSVLogger(directory, name="", version="", flush_logs_every_n_steps=1)]
    if "wandb" in names:
        offline = os.environ.get("WANDB_MODE", "offline") == "offline"
        loggers.append(WandbLogger(name=directory.name, save_dir=directory, project="moee", offline=offline))
    if "tensorboard" in names:
        loggers.append(TensorBoardLogger(directory, name="", version="tensorboard"))
    return loggers


def read_metrics(directory: Path) -> list[dict[str, str]]:
    """Rows of a run's `metrics.csv`, empty cells left out; no rows if there is no file."""
    path = directory / METRICS_FILE
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return [{name: cell for name, cell in row.items() if cell} for row in csv.DictReader(file)]


def continue_metrics(logger: CSVLogger, rows: list[dict[str, str]], step: int) -> None:
    """Write the rows of an earlier session that lie before `step` again: the logger starts its file anew."""
    for row in rows:
        if int(row["step"]) < step:
            values = {name: float(cell) for name, cell in row.items() if name != "step"}
            logger.experiment.log_metrics(values, int(row["step"]))
    logger.save()


def close_loggers(loggers: Iterable[Logger]) -> None:
    """End the run of W&B, which else would take in the next training of this process too."""
    if any(isinstance(logger, WandbLogger) for logger in loggers):
        import wandb

        wandb.finish()


def quiet_lightning() -> None:
    """Leave out Lightning's tips and its warnings of what is meant to be so; all other warnings stay."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for expected in EXPECTED_WARNINGS:
        warnings.filterwarnings("ignore", expected)
