"""A run: an experiment's configuration checked, signed, and built."""

import json
import sys
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import Logger
from omegaconf import OmegaConf

from moee.config_errors import (
    first_dictionary_problem,
    first_problem,
    innermost_line,
    restrict_imports,
    unknown_name,
)
from moee.experiments.callbacks import Checkpoints, TrainingNoise
from moee.experiments.compose import Composition, experiment_names, exporters
from moee.experiments.launch import check_processes, cluster_environment, tell_tasks_per_node
from moee.experiments.settings import checked_settings
from moee.experiments.signature import WITHOUT_DATA, WITHOUT_WEIGHTS, digest_of_data, signature
from moee.monitoring.loggers import make_loggers, quiet_lightning
from moee.monitoring.progress import PlainProgress, StepBar
from moee.weights.modules import EXPORTS, apply_weights, build_module, is_file_name, locate_weights
from moee.weights.moved_classes import with_present_names
from moee.weights.runs import without_optimizer

PARTS = ("seed_everything", "trainer", "model", "data")


class Run(LightningCLI):
    """Checks each key and type against the constructors, signs the run, and builds its objects.

    Args:
        composition: what `compose` returned.
        root: folder of all run directories.
        build: without it the run is checked and signed only; `make` builds it later.

    Attributes:
        data_digest: of the clips, by the data module; None if it has none, or the data are not there.
        settings: the resolved configuration as plain dicts and lists.
        experiment: the same, its top-level keys checked.
        missing_data: why there is no digest yet; such a run is checked, and cannot be built.
        missing_weights: which initial weights are not here, and what makes them; the same holds.
        signature: hash of everything that decides the result, constructor defaults and clips included; not of
            devices, loggers, or where files go.
        directory: `root/<experiment>-<signature>`; not made here.

    Raises:
        ValueError: one line with the dotted path of what is wrong.
    """

    def __init__(self, composition: Composition, root: str | Path = "runs", build: bool = True) -> None:
        restrict_imports()
        quiet_lightning()
        self.composition, self.root, self.build = composition, Path(root), build
        self.settings: dict[str, Any] = with_present_names(OmegaConf.to_container(composition.config))
        self.experiment = checked_settings(self.settings)
        self.name = self.experiment.name
        super().__init__(
            run=False,
            args={key: self.settings[key] for key in PARTS if key in self.settings},
            auto_configure_optimizers=False,
            save_config_callback=None,
            parser_kwargs={"exit_on_error": False},
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Check the configuration; what is wrong becomes one line."""
        try:
            self.config = parser.parse_object(args)  # type: ignore[arg-type]
        except ArgumentError as error:
            line = first_problem(self.settings, Trainer) or innermost_line(str(error))
            raise ValueError(line) from None
        if line := first_dictionary_problem({"model": self.experiment.model, "data": self.experiment.data}):
            raise ValueError(line)

    def before_instantiate_classes(self) -> None:
        """Sign what will be built; constructor defaults are filled in by now."""
        self.weights, self.missing_weights = self._initial_weights()
        self.parsed: dict[str, Any] = json.loads(
            self.parser.dump(self.config, format="json", skip_none=False, skip_validation=True)
        )
        self.data_digest: str | None = None
        self.missing_data: str | None = None
        try:
            self.data_digest = digest_of_data(self.experiment.data)
        except FileNotFoundError as error:
            self.missing_data, self.signature = str(error), WITHOUT_DATA
        else:
            self.signature = signature(self.parsed, self.weights, self.data_digest)
        if self.missing_weights is not None:
            self.signature = WITHOUT_WEIGHTS
        self.directory = self.root / f"{self.name}-{self.signature}"
        self.config.trainer.default_root_dir = str(self.directory)
        self._log_at_least_once()

    def _log_at_least_once(self) -> None:
        """A run of fewer steps than lie between two rows would leave no row."""
        trainer = self.config.trainer
        every = trainer.log_every_n_steps
        if every and 0 < trainer.max_steps < every:
            trainer.log_every_n_steps = trainer.max_steps

    def _initial_weights(self) -> tuple[dict[str, Path], str | None]:
        """Files by part, "" first: the whole, then what differs; and the line about absent names."""
        named = self.experiment.initial_weights
        located, missing = {}, []
        for part in sorted(named):
            try:
                located[part] = locate_weights(named[part])
            except FileNotFoundError:
                if is_file_name(named[part]):
                    raise
                missing.append(named[part])
        return located, how_to_make(self.name, missing) if missing else None

    def instantiate_classes(self) -> None:
        """Build at once only if asked to."""
        if self.build:
            self.make()

    def check_complete(self) -> None:
        """Nothing, if data and initial weights are there: then it has its signature and can be built.

        Raises:
            FileNotFoundError: otherwise; one line with what makes them.
        """
        for missing in (self.missing_data, self.missing_weights):
            if missing is not None:
                raise FileNotFoundError(missing)

    def check_parts(self) -> None:
        """Build the model without its numbers, for a run that is only looked at.

        Raises:
            ValueError: what a constructor says, such as that sizes of two parts differ.
        """
        import torch

        try:
            with torch.device("meta"):
                build_module(without_optimizer(self.settings["model"]), "model")
        except ValueError as error:
            raise ValueError(str(error.__cause__ or error)) from None
        except (FileNotFoundError, NotImplementedError, RuntimeError):
            pass  # a part that reads a file that is not here, or computes with numbers: `make` will tell

    def make(self) -> None:
        """Build model, data and trainer, then load the initial weights of parts.

        Raises:
            FileNotFoundError: if the data or the initial weights are not there.
            ValueError: what a constructor says, such as that sizes of two parts differ.
        """
        self.check_complete()
        try:
            super().instantiate_classes()
        except ValueError as error:  # jsonargparse wraps what a constructor says in the whole configuration
            raise ValueError(str(error.__cause__ or error)) from None
        for part, path in self.weights.items():
            apply_weights(self.model, part, path)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The trainer with our callbacks, and with loggers that open only when training starts."""
        interactive = sys.stderr.isatty()
        every, keep = self.experiment.checkpoint_every, self.experiment.keep_checkpoints
        self.checkpoints = Checkpoints(self.directory / "checkpoints", every, keep)
        ours = [
            TrainingNoise(),
            *self._progress(interactive),
            *self._scores(),
            self.checkpoints,
        ]
        self.trainer_defaults["callbacks"] = ours
        if not interactive:
            kwargs.setdefault("enable_progress_bar", False)
        tell_tasks_per_node()
        if (cluster := cluster_environment()) and self.experiment.trainer.get("plugins") is None:
            kwargs.setdefault("plugins", cluster)
        trainer = super().instantiate_trainer(logger=self._loggers(), **kwargs)
        check_processes(trainer)
        return trainer

    def _progress(self, interactive: bool) -> list[Callback]:
        if not interactive:
            return [PlainProgress()]
        return [StepBar()] if self.experiment.trainer.get("enable_progress_bar") is not False else []

    def _scores(self) -> list[Callback]:
        if self.experiment.score is None:
            return []
        from moee.monitoring.scores import Scores

        return [Scores(self.experiment.score, self.directory)]

    def _loggers(self) -> list[Logger]:
        return make_loggers(self.experiment.logger, self.directory)


def how_to_make(experiment: str, missing: list[str]) -> str:
    """One line: which initial weights are not here, which experiments export them, and what to run."""
    makers = exporters()
    exported = [name for name in missing if name in makers]
    parts = [f"{name} ({makers[name]} exports it)" if name in exported else name for name in missing]
    line = f"{experiment} starts from {', '.join(parts)}, not in ./{EXPORTS} or $MOEE_WEIGHTS"
    if unknown := [name for name in missing if name not in exported]:
        line = unknown_name(f"{line}; no shipped experiment exports {', '.join(unknown)}", unknown[0], makers)
    elif experiment in experiment_names():
        line += f": `moee train --chain {experiment}` makes all of it first"
    else:
        line += ": `moee train --chain` with this experiment makes all of it first"
    return line
