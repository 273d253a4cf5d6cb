import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from datamodules.batch import (
    ACTION_UNIT_NAMES,
    ACTION_UNITS,
    COMPOUNDS,
    EMOTIONS,
    LABELS,
    Sample,
    blend_label,
    check_blend,
    collate,
    parse_blend,
)


def sample(key: str = "a", frames: int = 2, **extra: object) -> Sample:
    base = {
        "key": key,
        "corpus": "test",
        "identity": "someone",
        "frames": torch.zeros(frames, 3, 8, 8, dtype=torch.uint8),
        "reference": torch.zeros(3, 8, 8, dtype=torch.uint8),
        "waveform": torch.zeros(frames * 640),
    }
    return base | extra  # type: ignore[return-value]


def test_every_action_unit_has_a_name() -> None:
    assert tuple(ACTION_UNIT_NAMES) == ACTION_UNITS


@pytest.mark.parametrize("label", LABELS)
def test_labels_parse_and_name_themselves(label: str) -> None:
    assert blend_label(parse_blend(label)) == label


def test_compounds_are_halves() -> None:
    blend = parse_blend("angrily_disgusted")
    assert blend[EMOTIONS.index("angry")] == blend[EMOTIONS.index("disgust")] == 0.5
    assert all(sum(parts.values()) == 1 for parts in COMPOUNDS.values())


@given(st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_any_blend_on_the_simplex_parses_back(weights: list[float]) -> None:
    scale = max(sum(weights), 1.0)
    wanted = torch.tensor([round(w / scale, 4) for w in weights])
    if wanted.sum() > 1:
        wanted = wanted * 0.999
    text = ",".join(f"{name}:{value:.6f}" for name, value in zip(EMOTIONS, wanted.tolist(), strict=True))
    torch.testing.assert_close(parse_blend(text), wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hapy", "did you mean 'happy'"),
        ("happy:1.5", "outside 0..1"),
        ("happy:-0.1", "outside 0..1"),
        ("happy:lots", "is not a number"),
        ("happy:0.8,sad:0.4", "sum to 1.2"),
        ("", "a part without a name"),
        ("happy:nan", "outside 0..1"),
    ],
)
def test_bad_emotions_are_one_line(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        parse_blend(text)
    assert "\n" not in str(error.value)


def test_check_blend_refuses_nan_and_wrong_size() -> None:
    with pytest.raises(ValueError, match="finite"):
        check_blend(torch.full((6,), float("nan")))
    with pytest.raises(ValueError, match="5 weights, expected 6"):
        check_blend(torch.zeros(5))


def test_collate_says_what_is_missing() -> None:
    batch = collate([sample("a", blend=torch.ones(6) / 6, text="glad"), sample("b")])
    assert batch["present"]["blend"].tolist() == [True, False]
    assert batch["present"]["text"].tolist() == [True, False]
    assert not batch["blend"][1].any()
    assert batch["landmarks"].shape == (2, 2, 68, 2)
    assert batch["mouth_mask"].dtype == torch.bool


def test_collate_names_the_odd_clip() -> None:
    with pytest.raises(ValueError, match="long: frames"):
        collate([sample("a"), sample("long", frames=3)])


@pytest.mark.parametrize(
    ("text", "words"), [("happy,", "a part without a name"), ("sad:0.2,sad:0.1", "'sad' is named twice")]
)
def test_blends_with_slips_are_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_blend(text)
