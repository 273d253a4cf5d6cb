"""Weights that others published, from a file the user brings; nothing is ever downloaded here."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from evaluation.runtime.whole_files import file_digest


def load_published(
    network: nn.Module, path: Path, advice: str, within: str | Sequence[str] = "", prefix: str = ""
) -> str:
    """Fill a network from a state dict; the sha256 of the file, which is the network's fingerprint.

    Counters of batch normalisation may be missing, as in files of old versions; they do not enter a result.

    Args:
        network: every other tensor of it must be in the file, by name and shape, and none besides.
        path: safetensors, or what `torch.save` wrote, which is read with `weights_only`.
        advice: how to get the file, for whoever has none.
        within: where the published file keeps its tensors beside other things, such as `state_dict`; of
            several places the first that it has, or the file itself if it has none of them.
        prefix: what stands before each of its names, such as `module.` of a network trained on many GPUs.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: if it cannot be read, belongs to another network or holds values that are not finite.
    """
    path, kind = Path(path), type(network).__name__
    if not path.is_file():
        raise FileNotFoundError(f"no {kind} weights at {path}: {advice}")
    state = {name: value for name, value in read_state(path, within).items() if not _is_counter(name)}
    state = {name.removeprefix(prefix): value for name, value in state.items()}
    own = {name: value for name, value in network.state_dict().items() if not _is_counter(name)}
    wrong = sorted(own.keys() ^ state.keys())
    wrong += sorted(name for name in own.keys() & state.keys() if own[name].shape != state[name].shape)
    if wrong:
        raise ValueError(f"{path} does not fit {kind}: {len(wrong)} tensors differ, the first is {wrong[0]}")
    broken = [name for name, value in state.items() if not torch.isfinite(value).all()]
    if broken:
        raise ValueError(f"{path} is damaged: {broken[0]} holds values that are not finite; get it again")
    network.load_state_dict(state, strict=False)
    return file_digest(path)


def _is_counter(name: str) -> bool:
    return name.endswith("num_batches_tracked")


def read_state(path: Path, within: str | Sequence[str] = "") -> dict[str, Tensor]:
    """The tensors of a safetensors or PyTorch file, on the CPU; those under `within` of a PyTorch file.

    Of several places named in `within` the first that is there counts, or the file itself if none is.

    Raises:
        ValueError: if it is neither, or holds anything but named tensors.
    """
    try:
        if Path(path).suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is wrong with a file is said once, below
            state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # bytes that are no pickle make the unpickler stumble in any way
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path} is not a readable weights file: {reason[:120]}") from None
    if within and isinstance(state, dict):
        places = [within] if isinstance(within, str) else [name for name in within if name in state]
        state = state.get(places[0]) if places else state
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{path} is no state dict: expected tensors by name, got {type(state).__name__}")
    return state
