"""Reads the gates of a mixture while its network animates, and can leave an expert out.

B clip, F frame, T token, D width, E expert.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor

from lightning_modules.interfaces import EmotionFeatures, ExpertAnswer


class GateProbe:
    """A context in which a network's mixture is watched; the network itself is not changed.

    What the experts say to no emotion, the other side of `emotion_strength`, is computed by the same mixture:
    an expert that is left out is left out there too, but only the gates of the emotion itself are kept.

    Args:
        network: with a `mixture` of the class `EmotionExperts`, one clip at a time.
        without: number of an expert to leave out: its share of the sum is taken away, the others keep theirs.
    """

    def __init__(self, network: Any, without: int | None = None) -> None:
        self.network, self.without = network, without
        self._calls: dict[str, list[tuple[Tensor, Tensor]]] = defaultdict(list)
        self._global: dict[str, list[Tensor]] = defaultdict(list)
        self._local: dict[str, list[Tensor]] = defaultdict(list)
        self._square, self._common_square = 0.0, 0.0  # of the experts' answers, and of their mean over tokens

    def __enter__(self) -> Self:
        with torch.no_grad():
            null = self.network.latent_generator(EmotionFeatures(), 1)
        self._null = null.to(self.network.mixture.dtype)
        self._hook = self.network.mixture.register_forward_hook(self._see)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hook.remove()

    def watch(self, chunks: Iterator[Tensor]) -> Iterator[Tensor]:
        """Passes on what `animate` yields; the gates of each chunk are those of its own new frames."""
        for chunk in chunks:
            for location, calls in self._calls.items():
                for by_location, kind in ((self._global, 0), (self._local, 1)):
                    by_step = torch.stack([call[kind] for call in calls])  # (step, F, E)
                    by_location[location].append(by_step.mean(0)[-len(chunk) :].cpu())
            self._calls.clear()
            yield chunk

    @property
    def global_gates(self) -> dict[str, Tensor]:
        """Location -> weights of the experts over time (F, E), means over sampling steps."""
        return {location: torch.cat(parts) for location, parts in self._global.items()}

    @property
    def local_gates(self) -> dict[str, Tensor]:
        """Location -> local gates over time (F, E), means over tokens and sampling steps."""
        return {location: torch.cat(parts) for location, parts in self._local.items()}

    @property
    def spatial_share(self) -> float:
        """Share of the experts' squared answer that is not the same for all tokens of a frame."""
        return 1 - self._common_square / max(self._square, 1e-12)

    def _see(self, mixture: Any, given: tuple, answer: ExpertAnswer) -> ExpertAnswer:
        location, x_BFTD, latent_BFLD, hints = given
        if not (latent_BFLD.shape == self._null.shape and torch.equal(latent_BFLD, self._null)):
            frames = x_BFTD.shape[1]
            local_FTE = mixture.local_gates(location, x_BFTD, latent_BFLD, hints.places)[0]
            weight_FE = answer.weight[0].float().expand(frames, -1)
            self._calls[location].append((weight_FE, local_FTE.float().mean(1)))
            added = answer.added.double()
            self._square += float(added.square().sum())
            self._common_square += float(added.mean(2).square().sum() * added.shape[2])
        if self.without is None:
            return answer
        alone = mixture.contributions(
            location, x_BFTD, latent_BFLD, answer.weight, [self.without], hints.places
        )
        return replace(answer, added=answer.added - alone[0])


def over_locations(gates: dict[str, Tensor]) -> Tensor:
    """Mean of the locations' timelines (F, E)."""
    return torch.stack(list(gates.values())).mean(0)
