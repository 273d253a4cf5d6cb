"""From an experiment's name to a checked, signed, built run."""

import hashlib
import json
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from moee.config_errors import first_problem, innermost_line, restrict_imports, unknown_key, unknown_name
from moee.experiments.callbacks import Checkpoints, PlainProgress, TrainingNoise
from moee.experiments.launch import check_processes, cluster_environment, tell_tasks_per_node
from moee.experiments.loggers import make_loggers, quiet_lightning
from moee.experiments.merge import from_dotted, from_pairs, load, merge
from moee.shipped_configs import CONFIGS
from moee.weights.modules import apply_weights, locate_weights
from moee.weights.moved_classes import with_present_names
from moee.weights.registry import sha256_of

PARTS = ("seed_everything", "trainer", "model", "data")
TOP_LEVEL_KEYS = (
    *("name", "description", "vars", *PARTS, "logger", "checkpoint_every", "keep_checkpoints"),
    *("initial_weights", "export", "score", "smoke"),
)
SIGNED_TRAINER_KEYS = (
    *("max_steps", "max_epochs", "min_steps", "min_epochs", "max_time", "precision", "gradient_clip_val"),
    *("gradient_clip_algorithm", "accumulate_grad_batches", "limit_train_batches", "overfit_batches"),
    *("reload_dataloaders_every_n_epochs", "callbacks"),
)
LOGGERS = ("csv", "wandb", "tensorboard")


@dataclass(frozen=True)
class Composition:
    """An experiment's resolved configuration, and what it was made from."""

    config: DictConfig
    sources: tuple[Path, ...]
    overrides: tuple[str, ...]


def experiment_names() -> list[str]:
    """Names of the shipped experiments."""
    return sorted(path.stem for path in (CONFIGS / "experiment").glob("*.yaml"))


def compose(experiment: str | Path, *overrides: str, smoke: bool = False) -> Composition:
    """Parents left to right, then the file, then its `smoke:` values if asked for, then overrides.

    Args:
        experiment: a name in `configs/experiment`, or the path of a YAML file.
        overrides: `key=value` strings; later wins.
        smoke: shrink the experiment as its own `smoke:` section says.

    Raises:
        FileNotFoundError: if there is no such experiment.
        ValueError: for a top-level key nobody reads, an unresolvable `${...}`, or broken YAML.
    """
    path = _experiment_path(str(experiment))
    sources: list[Path] = []
    config = load(path, CONFIGS, sources)
    if smoke:
        config = merge(config, from_dotted(config.get("smoke") or {}))
    changes = from_pairs(overrides)
    _check_top_level(config, changes)
    config = merge(config, changes)
    config.name = config.get("name") or path.stem
    try:
        OmegaConf.resolve(config)
    except OmegaConfBaseException as error:
        raise ValueError(f"{path.name}: {' '.join(str(error).split())}") from None
    return Composition(config, tuple(sources), overrides)


def _experiment_path(experiment: str) -> Path:
    shipped = CONFIGS / "experiment" / f"{experiment}.yaml"
    if shipped.is_file():
        return shipped
    if Path(experiment).suffix in (".yaml", ".yml"):
        if Path(experiment).is_file():
            return Path(experiment).resolve()
        raise FileNotFoundError(f"no experiment file {experiment}")
    raise FileNotFoundError(unknown_name(f"no experiment {experiment!r}", experiment, experiment_names()))


def _check_top_level(config: DictConfig, changes: DictConfig) -> None:
    for key in [*config, *changes]:
        if key not in TOP_LEVEL_KEYS:
            raise ValueError(unknown_key("", str(key), TOP_LEVEL_KEYS))
    variables = [str(name) for name in config.get("vars") or {}]
    for name in changes.get("vars") or {}:
        if name not in variables:
            raise ValueError(unknown_key("vars", str(name), variables))


class Run(LightningCLI):
    """Checks each key and type against the constructors, signs the run, and builds its objects.

    Args:
        composition: what `compose` returned.
        root: folder of all run directories.
        build: without it the run is checked and signed only; `make` builds it later.

    Attributes:
        signature: hash of everything that decides the result, constructor defaults included; not of devices,
            loggers, or where files go.
        directory: `root/<experiment>-<signature>`; not made here.

    Raises:
        ValueError: one line with the dotted path of what is wrong.
    """

    def __init__(self, composition: Composition, root: str | Path = "runs", build: bool = True) -> None:
        restrict_imports()
        quiet_lightning()
        self.composition, self.root, self.build = composition, Path(root), build
        self.settings: dict[str, Any] = with_present_names(OmegaConf.to_container(composition.config))
        self.name: str = self.settings["name"]
        _check_settings(self.settings)
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

    def before_instantiate_classes(self) -> None:
        """Sign what will be built; constructor defaults are filled in by now."""
        # An experiment takes back what its parent names by writing null; "" is first: the whole.
        named = {part: name for part, name in (self.settings.get("initial_weights") or {}).items() if name}
        self.weights = {part: locate_weights(named[part]) for part in sorted(named)}
        self.parsed: dict[str, Any] = json.loads(
            self.parser.dump(self.config, format="json", skip_none=False, skip_validation=True)
        )
        signed = {key: self.parsed[key] for key in ("seed_everything", "model", "data")}
        signed["trainer"] = {key: self.parsed["trainer"][key] for key in SIGNED_TRAINER_KEYS}
        signed["initial_weights"] = {part: sha256_of(path) for part, path in self.weights.items()}
        text = json.dumps(signed, sort_keys=True)
        self.signature = hashlib.sha256(text.encode()).hexdigest()[:8]
        self.directory = self.root / f"{self.name}-{self.signature}"
        self.config.trainer.default_root_dir = str(self.directory)

    def instantiate_classes(self) -> None:
        """Build at once only if asked to."""
        if self.build:
            self.make()

    def make(self) -> None:
        """Build model, data and trainer, then load the initial weights of parts."""
        try:
            super().instantiate_classes()
        except ValueError as error:  # jsonargparse wraps what a constructor says in the whole configuration
            raise ValueError(str(error.__cause__ or error)) from None
        for part, path in self.weights.items():
            apply_weights(self.model, part, path)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The trainer with our callbacks, and with loggers that open only when training starts."""
        interactive = sys.stderr.isatty()
        every, keep = self.settings["checkpoint_every"], self.settings["keep_checkpoints"]
        self.checkpoints = Checkpoints(self.directory / "checkpoints", every, keep)
        ours = [
            TrainingNoise(),
            *([] if interactive else [PlainProgress()]),
            *self._scores(),
            self.checkpoints,
        ]
        self.trainer_defaults["callbacks"] = ours
        if not interactive:
            kwargs.setdefault("enable_progress_bar", False)
        tell_tasks_per_node()
        if (cluster := cluster_environment()) and self.settings["trainer"].get("plugins") is None:
            kwargs.setdefault("plugins", cluster)
        trainer = super().instantiate_trainer(logger=self._loggers(), **kwargs)
        check_processes(trainer)
        return trainer

    def _scores(self) -> list[Callback]:
        if not self.settings.get("score"):
            return []
        from moee.monitoring.scores import ScorePlan, Scores

        names = [field.name for field in fields(ScorePlan)]
        for key in self.settings["score"]:
            if key not in names:
                raise ValueError(unknown_key("score", key, names))
        if "every" not in self.settings["score"]:
            raise ValueError("score.every: missing, how many optimizer steps lie between two looks")
        plan = ScorePlan(**self.settings["score"])
        return [Scores(plan, self.directory)]

    def _loggers(self) -> list[Logger]:
        return make_loggers(logger_names(self.settings), self.directory)


def logger_names(settings: dict[str, Any]) -> list[str]:
    """The loggers of a run: always `csv`, and what `logger` names beside it."""
    chosen = settings.get("logger") or []
    return sorted({"csv", *([chosen] if isinstance(chosen, str) else chosen)})


def _check_settings(settings: dict[str, Any]) -> None:
    """What the constructors cannot check: the keys that this file itself reads."""
    for key in ("trainer", "model", "data"):
        if not isinstance(settings.get(key), dict):
            raise ValueError(f"{key}: missing, an experiment needs trainer, model and data")
    for name in logger_names(settings):
        if name not in LOGGERS:
            raise ValueError(unknown_name(f"logger: unknown {name!r}", str(name), LOGGERS))
    for key in ("initial_weights", "export"):
        if not isinstance(settings.get(key) or {}, dict):
            raise ValueError(f"{key}: expected `key: value` pairs, got {settings[key]!r}")
    for name in settings.get("export") or {}:
        if not name.endswith(".safetensors"):
            raise ValueError(
                f"export: {name!r} is no file name; expected `<name>.safetensors: <part of the model>`"
            )
    for key in ("checkpoint_every", "keep_checkpoints"):
        if not isinstance(settings.get(key), int) or settings[key] < 1:
            raise ValueError(
                f"{key}: {settings.get(key)!r} is not a positive whole number (set in base.yaml)"
            )
