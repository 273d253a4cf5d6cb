"""The network that animates: the shipped one, or a checkpoint the user names; points that it may ask for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from evaluation.runtime.devices import CPU
from lightning_modules.interfaces import EmotionCue
from lightning_modules.optim.precision import multiplies_bfloat16
from moee.threads import settle_threads
from moee.weights.registry import find, sha256_of

# Names in the registry of `moee weights`: what moves portraits, and what the synthetic tables still speak of.
FOR_PORTRAITS, SHIPPED = "portrait-generator", "generator"

FACE_WIDTH = 0.35  # distance of the outer eye corners of a mean face in a crop, in its sides
EYES = (0.5, 0.42)  # where they lie


class Generator(Protocol):
    """What `animate` needs of a network: side of its pictures, frames it makes at once, own strength."""

    size: int
    chunk: int
    emotion_strength: float

    def animate(
        self,
        reference_3HW: Tensor,
        sound: Iterator[Tensor] | Tensor,
        cue: EmotionCue,
        *,
        head_motion: Tensor | Callable[[int, Tensor], Tensor] | None = None,
        steps: int = 4,
        seed: int = 0,
        audio_guidance: float = 1.0,
        emotion_guidance: float = 1.0,
        emotion_strength: float | None = None,
        points: Tensor | None = None,
    ) -> Iterator[Tensor]:
        """Chunks (f, 3, size, size) uint8 until the sound is used up."""
        ...


@dataclass
class LoadedGenerator:
    """A network and where it came from."""

    network: Generator
    path: Path
    sha256: str
    device: torch.device = CPU

    @property
    def name(self) -> str:
        """What to call it: the file's stem, or the run that a checkpoint of Lightning lies in."""
        return self.path.resolve().parent.parent.name if self.path.suffix == ".ckpt" else self.path.stem


def load_generator(
    checkpoint: str | Path | None = None, precision: str = "auto", device: torch.device = CPU
) -> LoadedGenerator:
    """The network of an exported checkpoint, of a run, or the shipped one if None, ready to run.

    Args:
        checkpoint: a file that `moee export` wrote, or its name; a run directory, whose newest checkpoint is
            taken; a `.ckpt` in one; None is the shipped network.
        precision: `32`, the reference; `bf16`; or `auto`, bf16 where the device has instructions for it.
        device: where it computes; what it makes comes back to the CPU.

    Raises:
        FileNotFoundError: if there is no such checkpoint.
        ValueError: if it is damaged, or holds something else than a talking head.
    """
    network, path = _network_of(checkpoint)
    if not (hasattr(network, "animate") and hasattr(network, "size")):
        kind = type(network).__name__
        raise ValueError(
            f"{path}: holds a {kind}, not a talking head; `moee export` of a talking-head run makes one"
        )
    use_bfloat16 = getattr(network, "use_bfloat16", None)
    if callable(use_bfloat16) and (
        precision == "bf16" or (precision == "auto" and multiplies_bfloat16(device))
    ):
        use_bfloat16()
    if precision == "32":
        torch.backends.cudnn.allow_tf32 = False  # the reference has all of float32's digits on a GPU too
    settle_threads()
    return LoadedGenerator(cast("Generator", network.to(device)), path, sha256_of(path), device)


def _network_of(checkpoint: str | Path | None) -> "tuple[torch.nn.Module, Path]":
    """The network, and the file that its tensors came from."""
    from moee.weights.modules import load_module, locate_weights
    from moee.weights.runs import is_of_a_run, load_run

    if checkpoint is not None and is_of_a_run(Path(checkpoint)):
        return load_run(Path(checkpoint))
    path = find(SHIPPED) if checkpoint is None else locate_weights(checkpoint)
    return load_module(path), path


def moves_points(network: Generator) -> bool:
    """Whether a network's latents are relative to a portrait, whose points it must be given."""
    codec: Any = getattr(network, "codec", None)
    return bool(getattr(codec, "relative", False))


def refuse_moved_points(generator: LoadedGenerator, command: str) -> None:
    """Nothing, unless a network moves the points of real portraits: synthetic people of a table have none.

    Raises:
        ValueError: then; says what measures it.
    """
    if moves_points(generator.network):
        raise ValueError(
            f"{generator.path.name} moves the points of real portraits, and {command} shows it people of the "
            "older synthetic world; `moee score --real PORTRAITS CLIPS` measures it"
        )


def points_for(network: Generator, picture_3SS: Tensor) -> Tensor | None:
    """The points (K, 2) of the one face in a crop, in its pixels; None for a network that asks for none.

    Raises:
        ValueError: if there is no face in it, or more than one.
    """
    if not moves_points(network):
        return None
    from datamodules.faces.finder import open_finder
    from datamodules.faces.single_face import single_face
    from moee.weights.face_finder import finder_file

    with open_finder(finder_file()) as finder:
        return single_face(finder, picture_3SS, "the portrait").mesh


def mean_points(network: Generator) -> Tensor | None:
    """The points of a mean face in a crop of a network's size, to count what a frame costs."""
    if not moves_points(network):
        return None
    from datamodules.face_space.mesh import face_mesh

    side = network.size
    return face_mesh().rest[:, :2] * FACE_WIDTH * side + torch.tensor(EYES) * side
