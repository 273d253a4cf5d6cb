"""A chain of experiments: what one starts from is trained first, each exports what the next takes up."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moee.console import Tell, silent
from moee.files import check_folder

if TYPE_CHECKING:
    from moee.experiments.run import Run

SHARED_KEYS = (
    "trainer.accelerator",
    "trainer.precision",
    "logger",
)  # of the machine: they hold for all
SMOKE_WEIGHTS = "smoke-weights"  # in the folder of runs: a trial's files are no weights to start from


@dataclass(frozen=True)
class Link:
    """One experiment of a chain, as it will be trained.

    Args:
        experiment: its name, or the path of its file.
        overrides: `key=value` strings for it.
        initial_weights: part -> name of what it starts from, as its configuration says.
        made_before: those of these names that an earlier link exports.
        exports: names of the files that it will export.
        steps: of the optimizer; -1 where something else ends it.
        name: that its runs carry.
    """

    experiment: str
    overrides: tuple[str, ...]
    initial_weights: dict[str, str | None]
    made_before: frozenset[str]
    exports: tuple[str, ...]
    steps: int
    name: str = ""


@dataclass(frozen=True)
class TrainedLink:
    """A link that is finished.

    Args:
        experiment: its name, or the path of its file.
        directory: of its run.
        files: what it exported.
        trained: in this session; False for one that an earlier session had finished.
    """

    experiment: str
    directory: Path
    files: tuple[Path, ...]
    trained: bool


def plan_chain(experiment: str | Path, overrides: Sequence[str] = (), smoke: bool = False) -> list[Link]:
    """The links in their order, the experiment itself last.

    A name in `initial_weights:` that a shipped experiment exports is made by that experiment. Names that none
    exports, and files that are named by their path, are taken as they are.

    Args:
        experiment: a name in `configs/experiment`, or the path of a YAML file.
        overrides: `key=value` strings for it; those of `SHARED_KEYS` hold for each link.
        smoke: steps are those of a short trial.

    Raises:
        FileNotFoundError: if there is no such experiment.
        ValueError: for experiments that start from each other in a circle, or what `compose` refuses.
    """
    from moee.experiments.compose import exporters

    shared = tuple(pair for pair in overrides if pair.partition("=")[0] in SHARED_KEYS)
    makers, links = exporters(), dict[str, Link]()

    def visit(name: str, own: tuple[str, ...], descent: tuple[str, ...]) -> None:
        if name in descent:
            raise ValueError(f"{' starts from what is made by '.join((*descent, name))}: nothing comes first")
        if name in links:
            return
        link = _link(name, own, makers.keys(), smoke)
        for maker in dict.fromkeys(makers[stem] for stem in sorted(link.made_before)):
            visit(maker, shared, (*descent, name))
        links[name] = link

    visit(str(experiment), tuple(overrides), ())
    return list(links.values())


def _link(name: str, overrides: tuple[str, ...], makeable: Any, smoke: bool) -> Link:
    from omegaconf import OmegaConf

    from moee.experiments.compose import compose

    # a trial's `smoke:` values let it start from nothing: here it starts as the whole experiment does
    named = compose(name, *overrides).config.get("initial_weights") or {}
    config = compose(name, *overrides, smoke=smoke).config
    weights: Any = OmegaConf.to_container(named) if OmegaConf.is_config(named) else named
    return Link(
        experiment=name,
        overrides=overrides,
        initial_weights=weights,
        made_before=frozenset(stem for stem in weights.values() if stem in makeable),
        exports=tuple(map(str, config.get("export") or ())),
        steps=int(config.trainer.get("max_steps", -1)),
        name=str(config.get("name", "")),
    )


def train_chain(
    experiment: str | Path,
    overrides: Sequence[str] = (),
    *,
    root: str | Path = "runs",
    weights: str | Path | None = None,
    smoke: bool = False,
    force: bool = False,
    tell: Tell = silent,
    advise: Tell = silent,
) -> list[TrainedLink]:
    """Train whatever an experiment starts from, in order, then the experiment; returns all links.

    A finished link is not trained again, an interrupted one goes on from its newest checkpoint: the same call
    continues a chain. Each link's files go to one folder, from where later links and other experiments take
    them by name.

    Args:
        experiment: a name in `configs/experiment`, or the path of a YAML file.
        overrides: `key=value` strings for it; those of `SHARED_KEYS` hold for each link.
        root: folder of run directories.
        weights: folder for the exported files; None is `weights`, for a trial `smoke-weights` below `root`.
        smoke: a short trial of each link: its own `smoke:` values.
        force: write over files of another run.
        tell: told which link is trained and what it exported.
        advise: told what this machine is slow at.

    Raises:
        FileNotFoundError: if there is no such experiment, or data or weights that none makes are missing.
        FileExistsError: before a link is trained, if it would write over another run's file.
        ValueError: what `plan_chain` refuses, or more devices than one.
        moee.experiments.callbacks.TrainingInterruptedError: when asked to stop; a checkpoint was written.
    """
    from moee.smoke import is_asked_for
    from moee.weights.modules import EXPORTS

    small = smoke or is_asked_for()
    folder = Path(weights) if weights else Path(root) / SMOKE_WEIGHTS if small else EXPORTS
    for place in (Path(root), folder):
        check_folder(place)
    links = plan_chain(experiment, overrides, smoke)
    _check_one_device(links)
    _check_exports(links, folder, force)
    trained = []
    for number, link in enumerate(links, 1):
        tell(f"link {number} of {len(links)}: {link.experiment}")
        trained.append(_train_link(link, Path(root), folder, smoke, force, tell, advise))
    return trained


def _check_one_device(links: list[Link]) -> None:
    """Lightning starts other processes once in a life: a chain of trainings has one process."""
    from evaluation.runtime.launchers import launched_processes
    from moee.experiments.compose import compose

    names = ", ".join(link.experiment for link in links)
    devices = compose(links[-1].experiment, *links[-1].overrides).config.trainer.get("devices", 1)
    if devices != 1 or launched_processes().size > 1:
        raise ValueError(
            f"trainer.devices={devices}: a chain trains in one process on one device; for more train links "
            f"one by one, with `moee train` and `moee export`: {names}"
        )


def _check_exports(links: list[Link], weights: Path, force: bool) -> None:
    """Refuse, before the first link is trained, files that the last one could not write.

    Raises:
        OSError: if a file cannot be written.
        FileExistsError: if a file is another experiment's; another run's of the same one shows later.
    """
    from moee.experiments.export import check_exports, maker_of, refuse_another_runs

    for link in links:
        check_exports(weights, link.exports)
        for name in () if force or not link.name else link.exports:
            maker = maker_of(weights / name)
            if maker is not None and maker.rpartition("-")[0] != link.name:
                refuse_another_runs(weights, [name], link.name, "...")


def _train_link(
    link: Link, root: Path, weights: Path, smoke: bool, force: bool, tell: Tell, advise: Tell
) -> TrainedLink:
    from moee.experiments.compose import compose
    from moee.experiments.export import export, refuse_another_runs
    from moee.experiments.run import Run
    from moee.experiments.training import train_experiment
    from moee.weights.runs import is_run

    keys = (*link.overrides, *_taken_up(link, weights))
    run = Run(compose(link.experiment, *keys, smoke=smoke), root, build=False)
    run.check_complete()
    files = tuple(weights / name for name in link.exports)
    if _is_exported(run, files):
        tell(f"finished before: {', '.join(map(str, files))}")
        return TrainedLink(link.experiment, run.directory, files, trained=False)
    if not force:
        refuse_another_runs(weights, link.exports, run.name, run.signature)
    unfinished = not _is_finished(run)
    if unfinished:
        resume = is_run(run.directory)
        train_experiment(
            link.experiment, keys, root=root, resume=resume, smoke=smoke, tell=tell, advise=advise
        )
    for path in export(run.directory, weights, force=force) if files else ():
        tell(f"exported {path}")
    return TrainedLink(link.experiment, run.directory, files, trained=unfinished)


def _taken_up(link: Link, weights: Path) -> list[str]:
    """The override that names files of earlier links by their path: nothing else of that name is meant."""
    if not link.initial_weights:
        return []
    named = {
        part: str(weights / f"{name}.safetensors") if name in link.made_before else name
        for part, name in link.initial_weights.items()
    }
    return [f"initial_weights={json.dumps(named)}"]


def _is_finished(run: "Run") -> bool:
    """Whether its directory has the checkpoint of its last step."""
    from moee.weights.runs import newest_checkpoint, step_of

    newest, steps = newest_checkpoint(run.directory), run.experiment.trainer.get("max_steps", -1)
    return newest is not None and 0 < steps <= step_of(newest)


def _is_exported(run: "Run", files: Sequence[Path]) -> bool:
    """Whether all files are there and come from the last step of this run, whose directory may be gone."""
    from moee.experiments.export import maker_of
    from moee.weights.modules import read_metadata

    steps = run.experiment.trainer.get("max_steps", -1)
    return bool(files) and all(
        maker_of(path) == f"{run.name}-{run.signature}" and 0 < steps <= read_metadata(path)["step"]
        for path in files
    )
