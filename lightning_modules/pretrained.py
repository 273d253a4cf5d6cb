"""Published networks in transformers format from a folder on disk: never fetched, never trained."""

import json
from pathlib import Path
from typing import Any

from torch import nn


class Frozen(nn.Module):
    """A network that gets no gradient and stays in evaluation mode whatever its owner does."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "Frozen":
        return super().train(False)


def load_pretrained(folder: str, classes: dict[str, str]) -> Any:
    """The transformers model in `folder`, built by the class its `model_type` has in `classes`.

    Raises:
        FileNotFoundError: if there is no `config.json` in the folder.
        ValueError: if the model is of a kind that `classes` lacks.
    """
    path = Path(folder).expanduser()
    config = path / "config.json"
    if not config.is_file():
        raise FileNotFoundError(f"{folder}: no config.json there; expected a model in transformers format")
    kind = json.loads(config.read_text()).get("model_type")
    if kind not in classes:
        raise ValueError(f"{folder}: model type {kind!r}, expected one of {', '.join(classes)}")
    import transformers

    return getattr(transformers, classes[kind]).from_pretrained(path, local_files_only=True)
