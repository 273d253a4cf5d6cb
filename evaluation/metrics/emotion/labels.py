"""The label orders of published classifiers, and emotion scores on each of them.

F frame, L class of a classifier. An extractor gives the probabilities in its own order as
`emotion_<classifier>`; here they are brought into ours. What a classifier has and we lack (contempt) keeps a
column of its own behind ours: a clip that is taken for it is wrong, and the confusion matrix says what it was
taken for.
"""

from torch import Tensor

from datamodules.batch import CLASSES
from evaluation.metrics.base import ClipMetric
from evaluation.metrics.emotion.scores import (
    CompoundEmotion,
    EmotionAccuracy,
    EmotionMetric,
    EmotionRecall,
    EmotionVote,
)

# Words and orders of the classifiers' own outputs: oarriaga/face_classification, `get_labels("fer2013")`;
# face-analysis/emonet, README; av-savchenko/hsemotion, `idx_to_class`.
ORDERS: dict[str, tuple[str, ...]] = {
    "fer2013": ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"),
    "emonet8": ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt"),
    "hsemotion8": ("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"),
}
OURS = {name: name for name in CLASSES} | {
    "anger": "angry",
    "happiness": "happy",
    "sadness": "sad",
}  # a classifier's word -> ours


def own_classes(classifier: str) -> tuple[str, ...]:
    """Our classes in our order, then the classifier's words that we lack, in its order."""
    return (*CLASSES, *(word for word in ORDERS[classifier] if word not in OURS))


def in_our_order(probability_FL: Tensor, classifier: str) -> Tensor:
    """Columns in the order of `own_classes`.

    Raises:
        ValueError: for another number of columns than the classifier has.
    """
    order = ORDERS[classifier]
    if probability_FL.ndim != 2 or probability_FL.shape[1] != len(order):
        raise ValueError(f"{classifier}: expected (F, {len(order)}), got {tuple(probability_FL.shape)}")
    places = [OURS.get(word, word) for word in order]
    return probability_FL[:, [places.index(name) for name in own_classes(classifier)]]


def _by(classifier: str, kind: type[EmotionMetric]) -> type[EmotionMetric]:
    """A metric of ours on what a classifier gives."""
    attributes = {
        "name": f"{kind.name}_{classifier}",
        "title": f"{kind.title} ({classifier})",
        "needs": (f"emotion_{classifier}", "blend"),
        "classes": own_classes(classifier),
        "probability": lambda _, found_FL: in_our_order(found_FL, classifier),
        "__module__": __name__,
        "__doc__": f"{kind.__doc__} By {classifier}.",
    }
    return type(f"{kind.__name__}_{classifier}", (kind,), attributes)


KINDS = (EmotionAccuracy, EmotionRecall, EmotionVote, CompoundEmotion)
LABELLED_METRICS: dict[str, type[ClipMetric]] = {
    metric.name: metric for classifier in ORDERS for metric in (_by(classifier, kind) for kind in KINDS)
}
