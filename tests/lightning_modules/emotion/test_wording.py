"""The reader of descriptions: pieces of words, order, and what it knows."""

import pytest
import torch

from datamodules.batch import UNKNOWN_WORD
from lightning_modules import EmotionRecognition, WordingEncoder
from lightning_modules.emotion.word_pieces import piece_numbers, pieces, split_words


@pytest.fixture
def encoder() -> WordingEncoder:
    torch.manual_seed(0)
    return WordingEncoder(width=16, tokens=3, buckets=512, piece_width=8)


def test_words_are_split_in_any_language() -> None:
    assert split_words("She ISN'T ÜBEL, AU12!", 9) == ["she", "isn't", "übel", ",", "au12", "!"]
    assert split_words("她很高兴 ok", 9) == ["她", "很", "高", "兴", "ok"]
    assert split_words("one two three", 2) == ["one", "two"]
    assert split_words("  ", 9) == []


def test_inflections_share_pieces() -> None:
    assert pieces("sad")[0] == "<sad>"
    common = set(pieces("irritated")) & set(pieces("irritation"))
    assert {"<irr", "irrita"} <= common
    assert piece_numbers("sad", 512) == piece_numbers("sad", 512)
    assert max(piece_numbers("irritated", 512)) < 512


def test_tokens_do_not_depend_on_the_company(encoder: WordingEncoder) -> None:
    encoder.eval()
    alone = encoder(["not happy"])
    together = encoder(["not happy", "a very long sentence about something else, with many more words", ""])
    assert together.shape == (3, 1, 3, 16)
    torch.testing.assert_close(together[:1], alone)
    assert together.isfinite().all()
    assert not torch.allclose(encoder(["happy not"]), alone)


def test_it_remembers_what_it_has_read(encoder: WordingEncoder) -> None:
    text = "She is irritated 3 times"
    assert encoder.eval().known_share(text) == 0
    assert encoder.unknown_words(text) == ["she", "is", "irritated", "times"]
    encoder.train()([text, f"{UNKNOWN_WORD} she"])
    assert encoder.unknown_words(text) == []
    assert encoder.unknown_words("is she irritate? qwzx, qwzx") == ["qwzx"]
    assert encoder.known_share("blorf qwzx") == 0
    assert encoder.known_share("42 !") == 0
    again = WordingEncoder(width=16, tokens=3, buckets=512, piece_width=8)
    again.load_state_dict(encoder.state_dict())
    assert again.known_share(text) == 1


def test_training_takes_marked_words_for_unknown_ones(encoder: WordingEncoder) -> None:
    encoder.forgotten = 0.0
    torch.manual_seed(1)
    first, second = encoder.train()._words([UNKNOWN_WORD]), encoder._words([UNKNOWN_WORD])
    assert not torch.allclose(first, second)
    encoder.eval()
    torch.testing.assert_close(encoder._words([UNKNOWN_WORD]), encoder._words([UNKNOWN_WORD]))


@pytest.mark.parametrize(
    ("arguments", "line"), [({"width": 15}, "even number"), ({"forgotten": 1.0}, "0 up to below 1")]
)
def test_bad_arguments_are_one_line(arguments: dict, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        WordingEncoder(**arguments)


def test_it_is_small() -> None:
    assert sum(p.numel() for p in WordingEncoder().parameters()) * 4 < 2_000_000


def test_units_are_learned_where_the_blend_is_not_known() -> None:
    torch.manual_seed(0)
    model = EmotionRecognition(WordingEncoder(16, 2, 512, 8), units_weight=1.0)
    model.log = model.log_dict = lambda *args, **kwargs: None  # type: ignore[method-assign]
    blend_BE = torch.stack([torch.full((6,), torch.nan), torch.eye(6)[0]])
    batch = {"cue": ["raised brows", "happy"], "blend": blend_BE, "action_units": torch.rand(2, 15)}
    model.training_step(batch, 0).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert EmotionRecognition(WordingEncoder(16, 2, 512, 8)).units_head is None


def test_with_few_buckets_of_what_is_known_strangers_pass_for_known() -> None:
    few = WordingEncoder(width=16, tokens=3, buckets=512, piece_width=8, known_buckets=1)
    few.train()(["she"])
    assert few.unknown_words("qwzx") == []
