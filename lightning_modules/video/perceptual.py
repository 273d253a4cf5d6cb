"""The perceptual distance of L_spatial: LPIPS (Zhang et al. 2018), its trunk from a file. B picture."""

import warnings
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

TRUNK_SEED = 0  # of a trunk without weights, so that the same distance comes back after a stop


class LpipsDistance(nn.Module):
    """LPIPS v0.1 as a training loss; it never learns, and its weights enter no checkpoint.

    The `lpips` package carries the weights of the layers' heads, but not the trunk's. Without `trunk` it is
    random: a distance of random convolutions, which is not LPIPS and must not be called so, but lets every
    step of the recipe run without a download.

    Args:
        net: `alex` or `vgg`.
        trunk: torchvision's state dict of AlexNet or VGG-16 (`features.N.weight`), safetensors or a file that
            torch wrote, read with `weights_only`; or None.

    Raises:
        FileNotFoundError: if the file is not there.
        ValueError: if its layers do not fit; one line.
    """

    def __init__(self, net: Literal["alex", "vgg"] = "alex", trunk: str | None = None) -> None:
        super().__init__()
        import lpips

        state = None if trunk is None else _read(Path(trunk).expanduser())
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its trunk is built by arguments that torchvision deprecates
            torch.manual_seed(TRUNK_SEED)
            network = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
        if state is not None:
            _fill(network.net, state, str(trunk))
        # in a list, where a module's state dict does not look
        self._held: list[Any] = [network.eval().requires_grad_(False)]

    def forward(self, first_B3HW: Tensor, second_B3HW: Tensor) -> Tensor:
        """The distance (B,) of pictures in [-1, 1], at least 64 pixels a side."""
        network = self._held[0].to(first_B3HW.device)
        return network(first_B3HW.float(), second_B3HW.float()).flatten()


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise FileNotFoundError(
            f"perceptual.trunk: no file {path}; give torchvision's state dict, or leave it out"
        )
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _fill(trunk: nn.Module, state: dict[str, Tensor], source: str) -> None:
    """Copy the convolutions in their order: the trunk's slices hold them in the same order as `features`."""
    own = trunk.state_dict()
    given = [value for name, value in state.items() if name.startswith("features.")]
    if [value.shape for value in given] != [value.shape for value in own.values()]:
        raise ValueError(f"perceptual.trunk={source}: its layers do not fit the trunk of LPIPS")
    trunk.load_state_dict(dict(zip(own, given, strict=True)))
