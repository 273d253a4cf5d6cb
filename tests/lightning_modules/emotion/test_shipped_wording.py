"""The shipped reader of descriptions: README's and `--help`'s examples, held-out patterns and words."""

import re

import numpy as np
import pytest
import torch
from places import ROOT

from datamodules.batch import CLASSES, parse_blend
from datamodules.synthetic.text import describe
from moee.weights.modules import load_module
from moee.weights.registry import is_registered

NAME = "wording-encoder"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_registered(NAME), reason=f"{NAME} does not ship yet"),
]
EXAMPLES = {
    "furious, brows drawn together": "angry",
    "trying hard not to cry": "sad",
    "barely holding back tears": "sad",
    "She is very angry": "angry",
}
MORE = {
    **{
        "over the moon": "happy",
        "slightly annoyed": "angry",
        "terrified": "fear",
        "not angry, just sad": "sad",
    },
    **{
        "not happy at all": "neutral",
        "calm and composed": "neutral",
        "AU12": "happy",
        "nose wrinkled": "disgust",
    },
    **{
        "Sie ist sehr wütend": "angry",
        "elle est triste": "sad",
        "está furiosa": "angry",
        "她非常高兴": "happy",
    },
}
WHERE = (
    "README.md",
    "docs/quickstart.md",
    "moee/arguments.py",
    "moee/commands/making/animate.py",
    "moee/demo/page.py",
)


def labelled(split: str, count: int, language: str = "english") -> tuple[list[str], torch.Tensor]:
    """Texts of one clear emotion or none, and their classes (N,)."""
    rng, classes = np.random.default_rng(5), torch.arange(count) % len(CLASSES)
    scales = (0.7, 1.0)
    blends = [parse_blend(CLASSES[i % 7]) * scales[i // 7 % 2] for i in range(count)]
    return [describe(blend, rng, split, language) for blend in blends], classes


@pytest.fixture(scope="module")
def reader():
    """Texts to classes: a linear classifier on the shipped tokens, fitted on training texts."""
    encoder = load_module(NAME).eval()
    languages = ["english"] * 4 + ["german", "french", "spanish", "chinese"]
    parts = [labelled("train", 560, language) for language in dict.fromkeys(languages)]
    parts.append(labelled("train", 2100))
    texts, classes = [text for part in parts for text in part[0]], torch.cat([part[1] for part in parts])

    @torch.no_grad()
    def tokens(given: list[str]) -> torch.Tensor:
        return torch.cat([encoder(given[i : i + 200]).flatten(1) for i in range(0, len(given), 200)])

    x_ND = tokens(texts)
    mean_D, std_D = x_ND.mean(0), x_ND.std(0) + 1e-6
    head = torch.nn.Linear(x_ND.shape[1], len(CLASSES))
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        logit_NK = head((x_ND - mean_D) / std_D)
        loss = torch.nn.functional.cross_entropy(logit_NK, classes) + 1e-3 * head.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return lambda given: head((tokens(given) - mean_D) / std_D).argmax(1)


def test_the_examples_of_readme_and_help_are_all_listed() -> None:
    pages = " ".join((ROOT / name).read_text() for name in WHERE)
    written = set(re.findall(r'(?:--text|such as) "([^"]+)"', pages)) - {"happy"}
    assert written >= {"furious, brows drawn together", "trying hard not to cry", "barely holding back tears"}
    assert written & set(EXAMPLES) == {text for text in written if " " in text and "=" not in text}


@pytest.mark.parametrize("text", [*EXAMPLES, *MORE])
def test_an_example_is_read_right_and_known(reader, text: str) -> None:
    assert CLASSES[reader([text])[0]] == (EXAMPLES | MORE)[text]
    assert load_module(NAME).unknown_words(text) == []


def test_what_nobody_knows_is_neutral_and_told(reader) -> None:
    assert CLASSES[reader(["qwzx blorf"])[0]] == "neutral"
    assert load_module(NAME).known_share("qwzx blorf") == 0


@pytest.mark.parametrize(("split", "least"), [("test", 0.9), ("test_words", 0.75)])
def test_held_out_wordings_are_read(reader, split: str, least: float) -> None:
    texts, classes = labelled(split, 420)
    assert (reader(texts) == classes).float().mean() >= least


def test_it_is_below_three_megabytes() -> None:
    assert sum(x.numel() * x.element_size() for x in load_module(NAME).state_dict().values()) < 3e6
