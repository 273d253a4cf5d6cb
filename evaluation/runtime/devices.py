"""On which device networks compute, and how pictures get there and what was seen comes back."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor

from evaluation.runtime.exactness import exact
from evaluation.runtime.launchers import local_rank

CPU = torch.device("cpu")
ValueT = TypeVar("ValueT")


@runtime_checkable
class Movable(Protocol):
    """What computes where it was moved to, as every `nn.Module` does."""

    def to(self, device: torch.device) -> object:
        """Move there, in place."""
        ...


def choose_device(name: str = "auto", environment: Mapping[str, str] = os.environ) -> torch.device:
    """The device of that name.

    Args:
        name: `cpu`; `cuda:N`; `cuda`, of which each process on a machine takes its own in turn; or `auto`,
            the same where there is one, else the CPU.
        environment: in which a launcher tells this process's place.

    Raises:
        ValueError: for another name, or a device that is not here.
    """
    match = re.fullmatch(r"auto|cpu|cuda(?::(\d+))?", name)
    if not match:
        raise ValueError(f"--device {name}: allowed are auto, cpu, cuda and cuda:N")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "cpu" or (name == "auto" and not count):
        return CPU
    index = int(match[1]) if match[1] else local_rank(environment) % max(count, 1)
    if index >= count:
        here = f"cuda:0 to cuda:{count - 1}" if count else "no CUDA device"
        raise ValueError(f"--device {name}: torch sees {here} here; `--device cpu` always works")
    return torch.device("cuda", index)


def device_name(device: torch.device) -> str:
    """What it is, for the record: `cpu`, or the model of the GPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def with_room(work: Callable[[torch.device], ValueT], device: torch.device) -> ValueT:
    """What work gives on a device, or on the CPU where the device has no memory left for it."""
    try:
        return work(device)
    except RuntimeError as error:  # cuBLAS and cuSOLVER say so in words of their own
        full = isinstance(error, torch.OutOfMemoryError) or "ALLOC_FAILED" in str(error)
        if device == CPU or not full:
            raise
    return work(CPU)


class Workplace:
    """One device, on which several networks look at the same thing in turn.

    Args:
        device: where.
        networks: are moved there; those that cannot be moved are given what they measure on the CPU.
    """

    def __init__(self, device: torch.device = CPU, networks: Iterable[object] = ()) -> None:
        self.device = device
        self._last: tuple[Tensor, Tensor] | None = None
        for network in networks:
            if isinstance(network, Movable):
                network.to(device)

    def run(
        self, network: object, measure: Callable[[Tensor], dict[str, Tensor]], given: Tensor
    ) -> dict[str, Tensor]:
        """What a method of `network` makes of pictures or a sound, brought back to the CPU.

        In float32 in earnest, on every device and whatever a caller has set.
        """
        with exact(self.device):
            fields = measure(self._moved(given) if isinstance(network, Movable) else given)
        return {name: value.cpu() for name, value in fields.items()}

    def _moved(self, given: Tensor) -> Tensor:
        """Moved once, and the same tensor for each network: those that share a face finder know it again."""
        if self._last is None or self._last[0] is not given:
            self._last = given, given.to(self.device)
        return self._last[1]
