"""The LPIPS network on weights from a file; nothing is ever downloaded."""

import warnings
from pathlib import Path

import torch
from torch import nn

from evaluation.extractors.weights import read_state
from evaluation.runtime.whole_files import file_digest

TRUNKS = ("alex", "vgg")


def load_lpips(trunk_weights: Path, net: str = "alex") -> nn.Module:
    """LPIPS v0.1 with the heads the `lpips` package ships, and the trunk from `trunk_weights`.

    Args:
        trunk_weights: torchvision's state dict of AlexNet or VGG-16 (`features.N.weight`), or one with the
            names of the `lpips` package (`net.slice1.0.weight`); read with `weights_only`.
        net: `alex` or `vgg`.

    Raises:
        FileNotFoundError: if the file is not there.
        ValueError: for another net or a file whose layers do not fit.
    """
    if net not in TRUNKS:
        raise ValueError(f"unknown LPIPS trunk {net!r}: known are {', '.join(TRUNKS)}")
    path = Path(trunk_weights)
    if not path.is_file():
        raise FileNotFoundError(
            f"no LPIPS trunk weights at {path}: give torchvision's {net} state dict, or leave LPIPS out"
        )
    import lpips

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its trunk is built by arguments that torchvision deprecates
        network = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    state = read_state(path)
    trunk = network.net.state_dict()
    given = list(state.values()) if all(name.startswith("net.") for name in state) else _convolutions(state)
    shapes = [tuple(value.shape) for value in trunk.values()]
    if [tuple(value.shape) for value in given] != shapes:
        raise ValueError(f"{path}: its layers do not fit LPIPS's {net} trunk")
    network.net.load_state_dict(dict(zip(trunk, given, strict=True)))
    for attribute, value in {
        "fingerprint": file_digest(path),
        "name": f"lpips-{net}",
        "published": True,
    }.items():
        setattr(network, attribute, value)
    return network.eval().requires_grad_(False)


def _convolutions(state: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """The tensors of torchvision's `features`, in order: the trunk's slices hold them in the same order."""
    return [value for name, value in state.items() if name.startswith("features.")]
