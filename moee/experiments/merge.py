"""How YAML files combine into one configuration."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from evaluation.reading import read_yaml


def load(path: Path, root: Path, sources: list[Path] | None = None) -> DictConfig:
    """The file over its `extends:` parents; later parents win, the file itself wins over all.

    Args:
        path: a YAML file.
        root: the folder that parents are named in; a parent beside the file itself goes first.
        sources: collects every file that was read, parents before children.

    Raises:
        FileNotFoundError: for a parent that is nowhere.
        ValueError: for broken YAML, or files that extend each other in a circle.
    """
    return _load(path, root, [] if sources is None else sources, ())


def _load(path: Path, root: Path, sources: list[Path], descent: tuple[Path, ...]) -> DictConfig:
    if path in descent:
        raise ValueError(f"{path.name} extends itself by way of {' -> '.join(p.name for p in descent)}")
    own, merged = read_yaml(path), OmegaConf.create()
    parents = own.pop("extends", None)
    for parent in [parents] if isinstance(parents, str) else parents or []:
        if not isinstance(parent, str):
            raise ValueError(f"{path}: extends {parent!r}: expected names of YAML files")
        place = next((p for p in (path.parent / parent, root / parent) if p.is_file()), None)
        if place is None:
            raise FileNotFoundError(f"{path} extends {parent!r}, which is neither beside it nor in {root}")
        merged = merge(merged, _load(place, root, sources, (*descent, path)))
    sources.append(path)
    if "export" in own:
        merged.pop("export", None)  # what a run writes is its own: a parent's files are the parent's to make
    return merge(merged, own)


def merge(base: DictConfig, own: DictConfig) -> DictConfig:
    """`OmegaConf.merge`, but a changed `class_path` drops the old `init_args`, and `{}` empties."""
    base = base.copy()
    _drop_what_is_replaced(base, own)
    return OmegaConf.merge(base, own)  # type: ignore[return-value]


def _drop_what_is_replaced(base: DictConfig, own: DictConfig) -> None:
    if "class_path" in own and own._get_node("class_path") != base._get_node("class_path"):
        base.pop("init_args", None)
    for key in own.keys() & base.keys():
        mine, theirs = own._get_node(key), base._get_node(key)
        if not (isinstance(mine, DictConfig) and isinstance(theirs, DictConfig)):
            continue
        if mine._is_none() or theirs._is_none():
            continue
        if mine:
            _drop_what_is_replaced(theirs, mine)
        else:
            base.pop(key)


def from_pairs(pairs: Sequence[str]) -> DictConfig:
    """`key=value` strings to a configuration; values are read as YAML.

    Raises:
        ValueError: for a string without a key or an equals sign.
    """
    for pair in pairs:
        key, equals, _ = pair.partition("=")
        if not equals or not key.strip():
            raise ValueError(
                f"override {pair!r} is not of the form key=value, for example trainer.max_steps=100"
            )
    try:
        return OmegaConf.from_dotlist(list(pairs))
    except (YAMLError, OmegaConfBaseException) as error:
        raise ValueError(f"overrides {' '.join(pairs)}: {' '.join(str(error).split())}") from None


def from_dotted(values: Mapping[str, object]) -> DictConfig:
    """A mapping whose keys may be dotted paths to a configuration."""
    nested = OmegaConf.create()
    for key, value in values.items():
        OmegaConf.update(nested, str(key), value, merge=True)
    return nested
