"""Whether a clip shows the emotion that was asked for.

F frame, E expert, L class (the experts and neutral).
"""

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from datamodules.batch import CLASSES, EMOTIONS
from evaluation.metrics.base import ClipMetric

NEUTRAL_BELOW = 0.25  # a blend with less intensity than this counts as neutral


def class_target(blend_E: Tensor) -> Tensor:
    """Soft class (..., L) of a blend (..., E).

    The normalised blend, or neutral where its sum is under 0.25.
    """
    total = blend_E.sum(-1, keepdim=True)
    neutral = (total < NEUTRAL_BELOW).to(blend_E)
    return torch.cat([(1 - neutral) * blend_E / total.clamp(min=NEUTRAL_BELOW), neutral], dim=-1)


def clip_probability(probability_FL: Tensor, classes: int = len(CLASSES)) -> Tensor:
    """Mean of the frames' probabilities (L,), by which a clip is judged; a vote over frames can differ.

    Frames without a number are left out; NaN where none is left.

    Raises:
        ValueError: for another shape than (F, L).
    """
    if probability_FL.ndim != 2 or probability_FL.shape[-1] != classes:
        raise ValueError(f"expected probabilities (F, {classes}), got {tuple(probability_FL.shape)}")
    return probability_FL[torch.isfinite(probability_FL).all(-1)].double().mean(0)


def clip_vote(probability_FL: Tensor, classes: int = len(CLASSES)) -> Tensor:
    """Share of the frames that vote for each class (L,); frames without a number do not vote.

    A millionth of the mean probability is added, which breaks ties.

    Raises:
        ValueError: for another shape than (F, L).
    """
    mean_L = clip_probability(probability_FL, classes)
    seen_FL = probability_FL[torch.isfinite(probability_FL).all(-1)]
    votes_L = torch.bincount(seen_FL.argmax(-1), minlength=classes).to(mean_L)
    return votes_L / votes_L.sum() + 1e-6 * mean_L


class EmotionMetric(ClipMetric):
    """Judges a clip by the probabilities of its frames, against the blend that was asked for.

    Class attributes:
        classes: of the classifier, ours first.
    """

    higher_is_better = True
    aggregation = "clips"
    needs = ("emotion", "blend")
    classes: ClassVar[tuple[str, ...]] = CLASSES

    def probability(self, found_FL: Tensor) -> Tensor:
        """What the classifier gave, in the order of `classes`."""
        return found_FL


class ConfusionMetric(EmotionMetric):
    """Sums are the confusion matrix of clips, truth by row.

    A clip that asks for several emotions at once is none of its business: see `CompoundEmotion`.
    """

    absent = "several emotions are asked for"

    def __init__(self) -> None:
        super().__init__(width=len(self.classes) ** 2)

    @abstractmethod
    def shown(self, probability_FL: Tensor) -> Tensor:
        """How much a clip shows each class (L,); the largest counts."""

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        confusion = torch.zeros(len(self.classes), len(self.classes), dtype=torch.float64)
        shown_L = self.shown(self.probability(pred))
        if (true > 0).sum() < 2 and torch.isfinite(shown_L).all():
            confusion[class_target(true).argmax(), shown_L.argmax()] = 1
        return confusion.flatten()

    def finish(self, sums: Tensor) -> Tensor:
        confusion = sums.unflatten(-1, (len(self.classes), len(self.classes)))
        total = confusion.sum((-1, -2))
        return confusion.diagonal(dim1=-2, dim2=-1).sum(-1) / torch.where(total > 0, total, torch.nan)

    def details(self, sums: Tensor) -> dict[str, object]:
        confusion = sums.unflatten(-1, (len(self.classes), len(self.classes)))
        rows = confusion.sum(-1)
        named = enumerate(self.classes)
        recall = {name: (confusion[i, i] / rows[i]).item() for i, name in named if rows[i] > 0}
        return {
            "classes": list(self.classes),
            "confusion": confusion.long().tolist(),
            "recall": recall,
            "unweighted_accuracy": sum(recall.values()) / len(recall) if recall else None,
            "chance": 1 / len(self.classes),
        }


class EmotionAccuracy(ConfusionMetric):
    """Share of clips of one emotion (or none) recognised from the mean of the frames' probabilities."""

    name, title = "emotion_accuracy", "Emotion acc."

    def shown(self, probability_FL: Tensor) -> Tensor:
        return clip_probability(probability_FL, len(self.classes))


class EmotionVote(ConfusionMetric):
    """The same by a vote of the frames, as the video classifiers of the MEAD line are often read."""

    name, title = "emotion_vote", "Emotion acc., vote"

    def shown(self, probability_FL: Tensor) -> Tensor:
        return clip_vote(probability_FL, len(self.classes))


class EmotionRecall(ConfusionMetric):
    """Mean over classes of their recall (macro recall, UAR): a frequent emotion cannot carry the others."""

    name, title = "emotion_recall", "Emotion recall"

    def shown(self, probability_FL: Tensor) -> Tensor:
        return clip_probability(probability_FL, len(self.classes))

    def finish(self, sums: Tensor) -> Tensor:
        confusion = sums.unflatten(-1, (len(self.classes), len(self.classes)))
        rows = confusion.sum(-1)
        return (confusion.diagonal(dim1=-2, dim2=-1) / torch.where(rows > 0, rows, torch.nan)).nanmean(-1)


class CompoundEmotion(EmotionMetric):
    """Share of clips asking for several emotions that show each of them above all others and neutral."""

    name, title = "compound_emotion", "Compound"
    absent = "a single emotion is asked for, or none"

    def clip_sums(self, pred: Tensor, true: Tensor) -> Tensor:
        others = len(self.classes) - len(EMOTIONS)  # neutral, and what a classifier has and we lack
        asked_L = torch.cat([true > 0, torch.zeros(others, dtype=torch.bool, device=true.device)])
        if asked_L.sum() < 2:
            return torch.zeros(2, dtype=torch.float64)
        shown_L = clip_probability(self.probability(pred), len(self.classes))
        if shown_L.isnan().any():
            return torch.zeros(2, dtype=torch.float64)
        hit = shown_L[asked_L].min() > shown_L[~asked_L].max()
        return torch.tensor([float(hit), 1.0], dtype=torch.float64)

    def details(self, sums: Tensor) -> dict[str, object]:
        pairs = len(EMOTIONS) * (len(EMOTIONS) - 1) // 2
        return {"clips_compound": int(sums[1]), "chance": 1 / (pairs + len(EMOTIONS))}
