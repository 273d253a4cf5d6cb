"""From an experiment's name to its resolved configuration."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from evaluation.reading import read_text, read_yaml
from moee.config_errors import unknown_key, unknown_name
from moee.experiments.merge import from_dotted, from_pairs, load, merge
from moee.experiments.settings import WEIGHTS_SUFFIX, top_level_keys
from moee.shipped_configs import CONFIGS
from moee.smoke import is_asked_for

LEAST_SCORE = {
    "score.every": 2,
    "score.clips": 2,
    "score.frames": 5,
    "score.steps": 1,
}  # of a trial of 2 steps


@dataclass(frozen=True)
class Composition:
    """An experiment's resolved configuration, and what it was made from."""

    config: DictConfig
    sources: tuple[Path, ...]
    overrides: tuple[str, ...]


def experiment_names() -> list[str]:
    """Names of the shipped experiments."""
    return sorted(path.stem for path in (CONFIGS / "experiment").glob("*.yaml"))


def exporters() -> dict[str, str]:
    """Stem of a weights file -> the shipped experiment whose run exports it.

    Raises:
        ValueError: if two shipped experiments export the same name.
    """
    makers: dict[str, str] = {}
    for name in experiment_names():
        for file in _exported(CONFIGS / "experiment" / f"{name}.yaml"):
            stem = str(file).removesuffix(WEIGHTS_SUFFIX)
            if stem in makers:
                raise ValueError(f"{makers[stem]} and {name} both export {file}: rename one's")
            makers[stem] = name
    return makers


def _exported(path: Path) -> list[str]:
    """File names of the `export:` section: the experiment's own, else its last parent's."""
    own = read_yaml(path)
    if "export" in own:
        return [str(file) for file in own.export or {}]
    named = own.get("extends") or []
    parents = [CONFIGS / parent for parent in ([named] if isinstance(named, str) else reversed(named))]
    return next((files for parent in parents if (files := _exported(parent))), [])


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
    _check_variables_are_read(map(str, config.get("vars") or {}), sources)
    if smoke:
        config = merge(config, from_dotted(config.get("smoke") or {}))
    changes = _by_part(from_pairs(overrides))
    _check_top_level(config, changes)
    config = merge(config, changes)
    if is_asked_for():  # a line is tried out: whatever it changes stays small
        small = {"trainer.log_every_n_steps": 1, **(config.get("smoke") or {}), **least_score(config)}
        config = merge(config, from_dotted(small))
    config.name = config.get("name") or path.stem
    try:
        OmegaConf.resolve(config)
    except OmegaConfBaseException as error:
        raise ValueError(f"{path.name}: {' '.join(str(error).split())}") from None
    return Composition(config, tuple(sources), overrides)


def least_score(config: DictConfig) -> dict[str, int]:
    """The smallest look at a network in training that its `score:` can be; nothing where it has none."""
    return LEAST_SCORE if config.get("score") else {}


def _experiment_path(experiment: str) -> Path:
    shipped = CONFIGS / "experiment" / f"{experiment}.yaml"
    if shipped.is_file():
        return shipped
    if Path(experiment).suffix in (".yaml", ".yml"):
        if Path(experiment).is_file():
            return Path(experiment).resolve()
        raise FileNotFoundError(f"no experiment file {experiment}")
    raise FileNotFoundError(unknown_name(f"no experiment {experiment!r}", experiment, experiment_names()))


def _by_part(changes: DictConfig) -> DictConfig:
    """`initial_weights.a.b=x` names the part `a.b`: on the line, its dots look like those of a path."""
    named = changes.get("initial_weights")
    if isinstance(named, DictConfig):
        changes.initial_weights = dict(_flat(OmegaConf.to_container(named)))
    return changes


def _flat(node: object, above: str = "") -> Iterator[tuple[str, object]]:
    if not isinstance(node, dict):
        yield above, node
        return
    for key, value in node.items():
        yield from _flat(value, f"{above}.{key}" if above else str(key))


def _check_top_level(config: DictConfig, changes: DictConfig) -> None:
    for key in map(str, [*config, *changes]):
        if key not in top_level_keys():
            raise ValueError(unknown_key("", key, top_level_keys()))
    variables = [str(name) for name in config.get("vars") or {}]
    for name in changes.get("vars") or {}:
        if name not in variables:
            raise ValueError(unknown_key("vars", str(name), variables))


def _check_variables_are_read(variables: Iterable[str], sources: Iterable[Path]) -> None:
    """Refuse a variable that no source refers to: most often a misspelt one in an experiment's file."""
    referred = {name for path in sources for name in re.findall(r"\bvars[.\[](\w+)", read_text(path))}
    for name in variables:
        if name not in referred:
            raise ValueError(unknown_name(f"vars.{name}: no value is ${{vars.{name}}}", name, referred))
