"""FID, KID and FVD: distances between the features of all generated and all true clips. N sample, D width.

What decides a number is in its name: the filter that brought pictures to the network's size, the crop and
the frames of a window, and `_n` where covariances divide by N as NVIDIA's code does, not by N - 1. Their
dependence on the number of samples (`evaluation.md`, A.2) is why that number stands beside the value.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from evaluation.metrics.base import ClipMetric
from evaluation.metrics.sets.jackknife import dealt, frechet_jackknife, frechet_of_parts
from evaluation.metrics.sets.kid import kid, kid_jackknife, kid_of_parts
from evaluation.metrics.sets.moments import frechet_of_moments, merge, moments_of
from evaluation.metrics.sets.moments import over_processes as merged
from evaluation.runtime.devices import CPU, with_room
from evaluation.runtime.distributed import current_processes

FILTERS = ("clean", "tf1", "torch", "torch_aa")
CROPS, WINDOWS = ("squash", "crop"), (16, 48)
WIDE = 1024  # from here on a value takes seconds, so that people are left out in groups
GROUPS = 20  # at most, then


class SetMetric(ClipMetric):
    """A distance of sets of features; a clip's row are its features, kept beside the result.

    The interval is a jackknife over people: a bootstrap repeats samples, which moves such distances. One
    person is left out at a time (Efron & Tibshirani 1993, eq. 11.5); from wide Fréchet distances of more than
    20 people a twentieth of them, rounded up, twenty times: the delete-d jackknife (Shao & Wu 1989, "A
    general theory for jackknife variance estimation", Annals of Statistics 17(3)), which with about 19
    degrees of freedom knows the error to 16 %. It is always as many people, since Fréchet distances depend on
    the number of samples; where people have unequally many, that alone spreads the values and widens the
    interval.
    """

    higher_is_better = False
    aggregation = "pooled"
    resampling = "jackknife"
    in_json = False
    of_sets = True
    least: ClassVar[float] = 0.0

    def __init__(self) -> None:
        super().__init__(width=2)  # the numbers of samples; features are not sums

    @abstractmethod
    def value_of(self, generated: Sequence[Tensor], true: Sequence[Tensor]) -> Tensor:
        """Value of generated and true features, in parts, as they enter the distance.

        Raises:
            ValueError: for too few samples.
        """

    @abstractmethod
    def jackknife(self, generated: Sequence[Tensor], true: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Value, and values (G,) without each of `groups` at a time; of two people or more.

        Raises:
            ValueError: for too few samples.
        """

    def groups(self, people: int) -> list[list[int]]:
        """Places of the people that are left out together, as many each time."""
        return [[place] for place in range(people)]

    def of_people(
        self,
        generated: Sequence[Tensor],
        true: Sequence[Tensor],
        spread: bool = True,
        device: torch.device = CPU,
    ) -> tuple[float, float | None]:
        """Value, and its standard error by leaving out people; None where too few would be left.

        Args:
            generated: generated features (N, D) of each person.
            true: the true ones, of the same people in the same order.
            spread: whether the error is wanted, which takes a value for each group of people.
            device: that computes, if it has the memory; else the CPU.

        Raises:
            ValueError: for too few samples.
        """

        def computed(place: torch.device) -> tuple[float, float | None]:
            here, there = ([part.to(place) for part in side] for side in (generated, true))
            return self._of_people(here, there, spread)

        return with_room(computed, device)

    def _of_people(
        self, generated: Sequence[Tensor], true: Sequence[Tensor], spread: bool
    ) -> tuple[float, float | None]:
        people = [self.prepared(*sides) for sides in zip(generated, true, strict=True)]
        sides = [[person[side] for person in people] for side in (0, 1)]
        if len(people) < 2 or not spread:
            return self.value_of(*sides).item(), None
        try:
            value, left_G = self.jackknife(*sides)
        except ValueError:  # too few samples are left without some of the people: a value, but no interval
            return self.value_of(*sides).item(), None
        times = len(people) / len(self.groups(len(people))[0]) - 1
        return value.item(), (times * left_G.var(correction=0)).sqrt().item()

    def prepared(self, generated_ND: Tensor, true_ND: Tensor) -> tuple[Tensor, Tensor]:
        """A person's features as they enter the distance: unchanged, unless a metric says otherwise."""
        return generated_ND, true_ND

    def samples(self, features_ND: Tensor) -> Tensor:
        """Those of a clip's features that count; all, unless a frame can be without any."""
        return features_ND

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        """How many samples a clip has on either side."""
        return torch.tensor([len(pred), len(true)], dtype=torch.float64)

    def finish(self, sums: Tensor) -> Tensor:
        """No number: a distance of sets cannot be told from how many samples there were."""
        return torch.full_like(sums[..., 0], torch.nan)

    def details(self, sums: Tensor) -> dict[str, object]:
        return {"samples_generated": int(sums[0]), "samples_true": int(sums[1])}

    def jackknife_details(self, people: int) -> dict[str, object]:
        """What the interval leaves out, where that is not a person at a time."""
        groups = self.groups(people)
        left_out = {"times": len(groups), "people": len(groups[0])}
        return {} if len(groups) == people else {"left_out": left_out}


class FrechetOfSets(SetMetric):
    """Fréchet distance; torchmetrics' `update` keeps moments only, in bounded memory."""

    version = "2"  # above twenty people the interval of a wide one leaves out groups of them
    width: ClassVar[int]
    ddof: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        self.generated_moments = self.true_moments = moments_of(torch.zeros(0, self.width))

    def value_of(self, generated: Sequence[Tensor], true: Sequence[Tensor]) -> Tensor:
        return frechet_of_parts(generated, true, self.ddof)

    def jackknife(self, generated: Sequence[Tensor], true: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        return frechet_jackknife(generated, true, self.ddof, self.groups(len(generated)))

    def groups(self, people: int) -> list[list[int]]:
        return dealt(people, GROUPS) if self.width >= WIDE and people > GROUPS else super().groups(people)

    def update(self, pred: Tensor, true: Tensor) -> None:
        super().update(pred, true)
        self.generated_moments, self.true_moments = (
            merge(self.generated_moments, moments_of(pred)),
            merge(self.true_moments, moments_of(true)),
        )

    def compute(self) -> Tensor:
        """Over all processes, NaN for too few samples; each must call it."""
        generated, true = merged(self.generated_moments), merged(self.true_moments)
        if min(generated.count, true.count) <= self.ddof:
            return torch.tensor(torch.nan, dtype=torch.float64)
        return frechet_of_moments(generated, true, self.ddof)

    def reset(self) -> None:
        super().reset()
        self.generated_moments = self.true_moments = moments_of(torch.zeros(0, self.width))


class KernelOfSets(SetMetric):
    """Unbiased kernel distance of all samples, so also below zero; see `evaluation.metrics.sets.kid`."""

    least = -math.inf

    def __init__(self) -> None:
        super().__init__()
        self.clips: list[tuple[Tensor, Tensor]] = []

    def value_of(self, generated: Sequence[Tensor], true: Sequence[Tensor]) -> Tensor:
        return kid_of_parts(generated, true)

    def jackknife(self, generated: Sequence[Tensor], true: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        return kid_jackknife(generated, true)

    def update(self, pred: Tensor, true: Tensor) -> None:
        super().update(pred, true)
        self.clips.append((pred, true))

    def compute(self) -> Tensor:
        """Over all processes, NaN for too few samples; each must call it."""
        clips = [clip for part in current_processes().gather(self.clips) for clip in part]
        generated, true = (
            torch.cat([clip[side] for clip in clips]) if clips else torch.zeros(0, 1) for side in (0, 1)
        )
        if min(len(generated), len(true)) < 2:
            return torch.tensor(torch.nan, dtype=torch.float64)
        return kid(generated, true)

    def reset(self) -> None:
        super().reset()
        self.clips = []


def _frechet(name: str, title: str, field: str, width: int, ddof: int) -> type[FrechetOfSets]:
    attributes = {"name": name, "title": title, "needs": (field, field), "width": width, "ddof": ddof}
    return type(
        f"Frechet_{name}", (FrechetOfSets,), attributes | {"__doc__": f"{title}; divided by N - {ddof}."}
    )


def _kernel(name: str, title: str, field: str) -> type[KernelOfSets]:
    attributes = {"name": name, "title": title, "needs": (field, field), "__doc__": f"{title}, all pairs."}
    return type(f"Kernel_{name}", (KernelOfSets,), attributes)


def _set_metrics() -> list[type[SetMetric]]:
    metrics: list[type[SetMetric]] = []
    for resize in FILTERS:
        field = f"inception_{resize}"
        metrics += [
            _frechet(f"fid_{resize}", f"FID ({resize})", field, 2048, 1),
            _frechet(f"fid_{resize}_n", f"FID ({resize}, N)", field, 2048, 0),
            _kernel(f"kid_{resize}", f"KID ({resize})", field),
        ]
    for crop in CROPS:
        for window in WINDOWS:
            name, field = f"fvd_{crop}_{window}", f"i3d_{crop}_{window}"
            title = f"FVD ({crop}, {window} frames)"
            metrics += [
                _frechet(name, title, field, 400, 1),
                _frechet(f"{name}_n", f"{title[:-1]}, N)", field, 400, 0),
            ]
    name, title = "fvd_videomae_squash_16", "FVD (VideoMAE, squash, 16 frames)"
    return [
        *metrics,
        _frechet(name, title, "videomae_squash_16", 1408, 1),
        _frechet(f"{name}_n", f"{title[:-1]}, N)", "videomae_squash_16", 1408, 0),  # cd-fvd's own
    ]


PICTURE_METRICS: dict[str, type[ClipMetric]] = {metric.name: metric for metric in _set_metrics()}
