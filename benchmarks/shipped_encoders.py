"""The encoder scores of the model card, from the shipped files alone.

    python -m benchmarks.shipped_encoders

Text and speech: a linear classifier is fitted on the frozen tokens of training cues and scored on held-out
wordings or speakers, on clips with one clear class. Speech features: their own lip head on held-out, degraded
voices.
"""

import argparse
from typing import Any

import torch
from torch import Tensor

from datamodules.voices import SyntheticCues, SyntheticVoices
from lightning_modules.emotion_recognition import CLEAR, SpeechFeatureTraining, class_shares
from moee.modules import load_module


def tokens_and_classes(encoder: Any, loader: Any, limit: int) -> tuple[Tensor, Tensor]:
    """Tokens (N, T * D), and classes (N,) of the clear clips among the first `limit`."""
    rows, classes = [], []
    for batch in loader:
        blend = batch["blend"]
        clear = (blend.amax(1) > CLEAR) | (blend.sum(1) == 0)
        rows.append(encoder(batch["cue"]).flatten(2).mean(1)[clear])
        classes.append(class_shares(blend)[clear].argmax(1))
        limit -= len(blend)
        if limit <= 0:
            break
    return torch.cat(rows), torch.cat(classes)


def linear_classes(x: Tensor, y: Tensor, test: Tensor) -> Tensor:
    """Classes of `test` by logistic regression with a small ridge, fitted by L-BFGS."""
    mean, std = x.mean(0), x.std(0) + 1e-6
    x, test = (x - mean) / std, (test - mean) / std
    head = torch.nn.Linear(x.shape[1], 7)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(head(x), y) + 1e-3 * head.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        return head(test).argmax(1)


def recognition(name: str, modality: str, clips: int, held_out: int, strength: float) -> None:
    data = SyntheticCues(modality, clips=clips, held_out_clips=held_out, strength=strength)
    encoder = load_module(name).eval()
    with torch.no_grad():
        x, y = tokens_and_classes(encoder, data.train_dataloader(), clips)
        test, truth = tokens_and_classes(encoder, data.test_dataloader(), held_out)
    right = linear_classes(x, y, test) == truth
    recall = torch.stack([right[truth == c].float().mean() for c in truth.unique()]).mean()
    print(
        f"{name}: accuracy {right.float().mean():.3f}, unweighted {recall:.3f}, {len(truth)} of {held_out} "
        f"held-out clips have a clear class, strength {strength}"
    )


def lips(held_out: int) -> None:
    data = SyntheticVoices(held_out_clips=held_out)
    module = SpeechFeatureTraining(load_module("speech-features").eval())
    module.log = lambda *args, **options: None  # no trainer to log to
    with torch.no_grad():
        for batch in data.test_dataloader():
            module.test_step(batch, 0)
    scores = {n: round(float(m.compute()), 3) for n, m in module.scores["testing"].items()}
    print(f"speech-features on {held_out} held-out clips, mean r per clip: {scores}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--held-out", type=int, default=400, help="clips (default: 400)")
    held_out = parser.parse_args().held_out
    torch.manual_seed(0)
    recognition("text-encoder", "text", 4000, held_out, 0.0)
    for strength in (0.0, 0.7):
        recognition("speech-emotion", "speech", 1000, held_out, strength)
    lips(held_out)


if __name__ == "__main__":
    main()
