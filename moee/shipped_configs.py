"""The YAML files that ship, and how one of them is found by its name."""

from importlib.resources import files
from pathlib import Path

from moee.config_errors import unknown_name

CONFIGS = Path(str(files("configs")))


def find_config(kind: str, name: str) -> Path:
    """A YAML file by its name among the shipped ones, or by its path.

    Args:
        kind: folder below `configs`, such as `protocol` or `sweep`.
        name: of the file without its ending, or a path.

    Raises:
        FileNotFoundError: if there is neither; the line has the nearest name.
    """
    shipped = CONFIGS / kind / f"{name}.yaml"
    if shipped.is_file():
        return shipped
    if Path(name).is_file():
        return Path(name)
    known = [path.stem for path in shipped.parent.glob("*.yaml")]
    raise FileNotFoundError(unknown_name(f"no {kind} {name!r}", name, known))
