"""The scores of encoders and of the identity judge in the model card, from the shipped files alone.

    python -m benchmarks.shipped_encoders [--held-out 400] [--people 128] [--only identity]

Text and speech: a linear classifier is fitted on the frozen tokens of training cues and scored on held-out
wordings or speakers, on clips with one clear class. Speech features: their own lip head on held-out, degraded
voices. Identity: cosines between pictures of held-out people, four of each with other expressions and poses.
"""

import argparse
from typing import Any

import torch
from torch import Tensor

from datamodules.loading.synthetic_cues import SyntheticCues
from datamodules.loading.synthetic_voices import SyntheticVoices
from datamodules.synthetic.clip import synthetic_clip
from evaluation import IdentityTraining
from lightning_modules.emotion.recognition import CLEAR, SpeechFeatureTraining, class_shares
from moee.weights.modules import load_module


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


def identity(people: int) -> None:
    clips = [synthetic_clip(7_500_000 + i, 6, identity=90_000 + i, split="test") for i in range(people)]
    stacked = {name: torch.stack([clip[name] for clip in clips]) for name in ("frames", "reference")}
    module = IdentityTraining()
    x, person_N = module.pictures_of(stacked | {"identity": [clip["identity"] for clip in clips]})  # type: ignore[arg-type]
    with torch.no_grad():
        embedding_ND = load_module("judge-identity").eval()(x)
    cosine_NN, itself = embedding_ND @ embedding_ND.mT, torch.eye(len(x), dtype=torch.bool)
    same = (person_N[:, None] == person_N) & ~itself
    others = cosine_NN[~same & ~itself]
    nearest = person_N[cosine_NN.masked_fill(itself, -2).argmax(1)] == person_N
    print(
        f"judge-identity: {len(x)} pictures of {people} people, cosines of one {cosine_NN[same].mean():.3f}, "
        f"at least {cosine_NN[same].min():.3f}, of two {others.mean():.3f}, at most {others.max():.3f}, "
        f"nearest of the same person {nearest.float().mean():.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--held-out", type=int, default=400, help="clips (default: 400)")
    parser.add_argument("--people", type=int, default=128, help="of the identity judge (default: 128)")
    parser.add_argument("--only", choices=["identity"], help="leave the others out")
    args = parser.parse_args()
    torch.manual_seed(0)
    identity(args.people)
    if args.only:
        return
    held_out = args.held_out
    recognition("text-encoder", "text", 4000, held_out, 0.0)
    for strength in (0.0, 0.7):
        recognition("speech-emotion", "speech", 1000, held_out, strength)
    lips(held_out)


if __name__ == "__main__":
    main()
