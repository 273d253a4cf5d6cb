"""Published classifiers' label orders: each word at its place, and none of them mapped silently."""

import pytest
import torch

from datamodules.batch import CLASSES, EMOTIONS, parse_blend
from evaluation.metrics import METRICS
from evaluation.metrics.emotion.labels import ORDERS, OURS, in_our_order, own_classes

PLACES = {  # written down from the publications, not from the table
    "fer2013": {"angry": 0, "disgust": 1, "fear": 2, "happy": 3, "sad": 4, "surprise": 5, "neutral": 6},
    "emonet8": {
        **{"neutral": 0, "happy": 1, "sad": 2, "surprise": 3, "fear": 4, "disgust": 5},
        **{"angry": 6, "contempt": 7},
    },
    "hsemotion8": {
        **{"angry": 0, "contempt": 1, "disgust": 2, "fear": 3},
        **{"happy": 4, "neutral": 5, "sad": 6, "surprise": 7},
    },
}


def certain(classifier: str, name: str, frames: int = 3) -> torch.Tensor:
    """Frames of which a classifier is sure that they show one class."""
    out = torch.zeros(frames, len(PLACES[classifier]))
    out[:, PLACES[classifier][name]] = 1
    return out


@pytest.mark.parametrize("classifier", ORDERS)
def test_one_hot_inputs_land_on_their_class(classifier):
    for name in PLACES[classifier]:
        found = in_our_order(certain(classifier, name), classifier)[0]
        assert own_classes(classifier)[found.argmax()] == name
    assert own_classes(classifier)[: len(CLASSES)] == CLASSES
    assert sorted(own_classes(classifier)) == sorted(PLACES[classifier])


def test_every_word_is_ours_or_stands_apart():
    assert set(OURS.values()) == set(CLASSES)
    assert {word for order in ORDERS.values() for word in order if word not in OURS} == {"contempt"}
    with pytest.raises(ValueError, match=r"emonet8: expected \(F, 8\), got \(2, 7\)"):
        in_our_order(torch.zeros(2, 7), "emonet8")


@pytest.mark.parametrize("kind", ["emotion_accuracy", "emotion_recall", "emotion_vote"])
@pytest.mark.parametrize("classifier", ORDERS)
def test_each_emotion_is_recognised(kind, classifier):
    metric = METRICS[f"{kind}_{classifier}"]()
    for name in CLASSES:
        metric.update(certain(classifier, name), parse_blend(name))
    assert metric.compute() == 1
    metric.update(certain(classifier, "sad"), parse_blend("happy"))
    details = metric.details(metric.sums)
    happy, sad = CLASSES.index("happy"), CLASSES.index("sad")
    assert details["confusion"][happy][sad] == 1
    assert details["recall"]["happy"] == 0.5
    assert details["chance"] == 1 / len(PLACES[classifier])


def test_contempt_is_wrong_and_named():
    metric = METRICS["emotion_accuracy_emonet8"]()
    for name in ("contempt", "angry"):
        metric.update(certain("emonet8", name), parse_blend("angry"))
    details = metric.details(metric.sums)
    assert metric.compute() == 0.5
    assert details["classes"] == [*CLASSES, "contempt"]
    assert details["confusion"][CLASSES.index("angry")][-1] == 1
    assert details["recall"] == {"angry": 0.5}


@pytest.mark.parametrize("classifier", ORDERS)
def test_a_compound_shows_both_above_all_others(classifier):
    both = (certain(classifier, "happy") + certain(classifier, "surprise")) / 2
    metric = METRICS[f"compound_emotion_{classifier}"]()
    metric.update(both, parse_blend("happily_surprised"))
    assert metric.compute() == 1
    last = [name for name in PLACES[classifier] if name not in ("happy", "surprise")][-1]
    metric.update(both / 2 + certain(classifier, last) / 2, parse_blend("happily_surprised"))
    assert metric.compute() == 0.5


def test_frames_without_a_face_do_not_vote():
    metric = METRICS["emotion_vote_fer2013"]()
    frames = torch.cat([torch.full((5, 7), torch.nan), certain("fer2013", "fear", 2)])
    metric.update(frames, parse_blend("fear"))
    metric.update(frames[:5], parse_blend("fear"))  # nothing was seen
    assert metric.compute() == 1
    assert metric.sums.sum() == 1
    assert len(EMOTIONS) + 1 == len(CLASSES)
