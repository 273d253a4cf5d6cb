"""What a trained text encoder reads right: held-out sentence patterns and words, by language, with counts.

    python -m benchmarks.wording_encoder runs/emotion-wording-... [--texts 700]

Each text is of one emotion or of none, a seventh each, medium and strong; right is the class with the
highest logit. `test` are sentence patterns, `test_words` forms of words, `test_stems` words of families that
training has not seen; see `datamodules.synthetic.wording.tables`.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datamodules.batch import CLASSES, parse_blend
from datamodules.synthetic.text import describe
from datamodules.synthetic.wording.tables import LANGUAGES, Texts
from moee.weights.runs import load_run

STRENGTHS = (0.7, 1.0)  # a fainter emotion is more neutral than not, and has no clear class
HELD_OUT: tuple[Texts, ...] = ("test", "test_words", "test_stems")


def labelled(split: Texts, language: str, count: int) -> tuple[list[str], torch.Tensor]:
    """Texts and their classes (N,)."""
    rng, classes = np.random.default_rng(77), torch.arange(count) % len(CLASSES)
    texts = []
    for number in range(count):
        strength = STRENGTHS[number // len(CLASSES) % len(STRENGTHS)]
        blend = parse_blend(CLASSES[number % len(CLASSES)]) * strength
        texts.append(describe(blend, rng, split, language))
    return texts, classes


@torch.no_grad()
def right(model: Any, texts: list[str], classes: torch.Tensor) -> torch.Tensor:
    """Which texts are read right (N,) bool."""
    parts = [model(texts[start : start + 200])[0].argmax(-1) for start in range(0, len(texts), 200)]
    return torch.cat(parts) == classes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="run directory of emotion-wording, or a checkpoint in one")
    parser.add_argument("--texts", type=int, default=700, help="of each split and language (default: 700)")
    args = parser.parse_args()
    model, checkpoint = load_run(args.run)
    print(checkpoint)
    for split in HELD_OUT:
        for language in LANGUAGES if split != "test_stems" else LANGUAGES[:1]:
            hit = right(model, *labelled(split, language, args.texts))
            each = [
                f"{name} {hit[number :: len(CLASSES)].float().mean():.2f}"
                for number, name in enumerate(CLASSES)
            ]
            share = f"{int(hit.sum())}/{len(hit)} = {hit.float().mean():.3f}"
            print(f"{split:11} {language:8} {share}   {', '.join(each)}")


if __name__ == "__main__":
    main()
