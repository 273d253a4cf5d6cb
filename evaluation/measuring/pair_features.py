"""What networks see in a generated video and in its truth, after one preparation of both. F frame."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from datamodules.batch import SAMPLES_PER_FRAME
from datamodules.head_motion import lip_opening
from evaluation.clips.pair import Pair
from evaluation.extractors.interface import Extractor, Listener
from evaluation.measuring.feature_cache import FeatureCache
from evaluation.measuring.preparation import Preparation, Prepare
from evaluation.metrics.sync.lip_loudness import frame_loudness
from evaluation.results.provenance import Truth


class PairFeatures(NamedTuple):
    """What networks see in the generated and in the true video, over the frames they share.

    Both hold fields of `Measured`.
    """

    generated: dict[str, Tensor]
    true: dict[str, Tensor]
    frames: int


class PairFeatureExtractor:
    """Prepares the two videos of a pair alike and lets networks look at both.

    Args:
        extractors: the networks that measure.
        preprocessing: of the protocol.
        truth: exact, what a clip carries counts; measured, what the networks see in the true video.
        cache: what was measured before.
    """

    def __init__(
        self,
        extractors: Sequence[Extractor],
        preprocessing: Mapping[str, int | str],
        truth: Truth,
        cache: FeatureCache,
    ) -> None:
        self.truth, self.cache = truth, cache
        self.preparation = Preparation(preprocessing, extractors, cache)
        self.extractors = [network for network in extractors if network is not self.preparation.finder]

    def of(self, pair: Pair) -> PairFeatures:
        """The features of both videos.

        Raises:
            ValueError: if there is none, it does not fit the protocol, or a network finds nothing in it.
        """
        if pair.problem or pair.generated is None or "frames" not in pair.truth:
            raise ValueError(pair.problem or "no video")
        prepare = self.preparation.of(pair)
        generated_F3HW = self.preparation.of_generated(pair)(pair.generated)
        true_F3HW = prepare(pair.truth["frames"])
        frames = self.preparation.common_length(generated_F3HW, true_F3HW, pair.rates)
        generated = self._measure(generated_F3HW[:frames])
        return PairFeatures(generated, self._true(pair, true_F3HW[:frames], prepare), frames)

    def _measure(self, frames_F3HW: Tensor, field: str = "") -> dict[str, Tensor]:
        """Fields of `Measured`; given a field only by the networks that provide it."""
        fields = {"frames": frames_F3HW}
        for extractor in self.extractors:
            if not field or field in extractor.provides:
                fields |= self.cache.measure(extractor, frames_F3HW)
        return fields

    def _hear(self, sound_S: Tensor) -> dict[str, Tensor]:
        """How loud a sound is, and what networks that listen make of it."""
        fields: dict[str, Tensor] = {"loudness": frame_loudness(sound_S)}
        for extractor in self.extractors:
            if isinstance(extractor, Listener):
                fields |= self.cache.measure_sound(extractor, sound_S)
        return fields

    def _true(self, pair: Pair, frames_F3HW: Tensor, prepare: Prepare) -> dict[str, Tensor]:
        """What is true of the clip: measured, or what it carries where the truth is exact."""
        true = self._measure(frames_F3HW)
        if "action_units" in true:
            true["measured_action_units"] = true["action_units"]
        if "identity" in true:
            true["identity_reference"] = self._reference(pair, true["identity"], prepare)
        if "waveform" in pair.truth:
            true |= self._hear(pair.truth["waveform"][: len(frames_F3HW) * SAMPLES_PER_FRAME])
        if "blend" in pair.truth:
            true["blend"] = pair.truth["blend"]
        if self.truth == "exact":
            _exact(pair.truth, true, len(frames_F3HW))
        return true

    def _reference(self, pair: Pair, identity_FD: Tensor, prepare: Prepare) -> Tensor:
        """Identity (1, D) in the reference picture; without one in the first true frame with a face."""
        if "reference" not in pair.truth:
            return identity_FD[torch.isfinite(identity_FD).all(-1)][:1]
        try:
            return self._measure(prepare(pair.truth["reference"][None]), "identity")["identity"]
        except ValueError as error:
            raise ValueError(f"the reference picture: {error}") from None


def _exact(sample: Mapping, true: dict[str, Tensor], frames: int) -> None:
    """Take action units and lip opening from the clip.

    Without them it has none, rather than measured ones.
    """
    true.pop("action_units", None)
    true.pop("lip_opening", None)
    if "action_units" in sample:
        true["action_units"] = sample["action_units"][:frames]
    if "landmarks" in sample:
        true["lip_opening"] = lip_opening(sample["landmarks"][:frames].float())
