"""What a generator in training has learnt of the face, checkpoint after checkpoint.

    python -m benchmarks.learning_curve runs/embedded-faces-1a2b3c4d [--clips 64] [--seen]

At pure noise, where everything has to come from what is asked for: the share of the clip's variance around
the moved portrait that the first step explains in the cells of brows, eyes, nose and mouth, on held-out
people. With --seen on people of the training clips: the difference is what was learnt by heart.

Told are sound and head motion alone, then a label, a text, another voice or action units beside. The last
column is the PSNR of the first step's pictures, told the action units.
"""

import argparse
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datamodules.batch import MODALITIES, Sample, TalkingHeadBatch, collate
from datamodules.synthetic.recipe import Recipe, make_clip
from lightning_modules.conditioning import latent_features
from lightning_modules.interfaces import Conditions, EmotionPass
from moee.weights.modules import build_module
from moee.weights.runs import read_run

CUES = ("none", "label", "text", "speech", "action_units")
FRAMES = slice(3, 16, 8)  # two frames of each clip, far apart


def held_out(clips: int) -> TalkingHeadBatch:
    """Clips of people that no training has seen."""
    recipe = Recipe(clips, frames=16, seed=500_000, split="test", clean_share=1.0)
    return two_frames([make_clip(recipe, index) for index in range(clips)])


def seen(clips: int, trained_on: dict[str, Any]) -> TalkingHeadBatch:
    """As many clips of the training recipe, those that were rendered without randomisation."""
    recipe = replace(Recipe(**trained_on), frames=16)
    plain = (i for i in count() if np.random.default_rng([recipe.seed + i, 77]).random() < recipe.clean_share)
    return two_frames([make_clip(recipe, index) for index in islice(plain, clips)])


def two_frames(clips: list[Sample]) -> TalkingHeadBatch:
    """A batch of two frames a clip."""
    batch = collate(clips)
    for name in ("frames", "landmarks", "head_motion", "action_units", "mouth_mask"):
        batch[name] = batch[name][:, FRAMES]  # type: ignore[literal-required]
    return batch


def checkpoints(run: Path) -> list[Path]:
    """Those that a run kept, the oldest first."""
    return sorted(run.glob("checkpoints/step=*.ckpt"))


def share(sums_2: Tensor) -> Tensor:
    """Of the variance, the part explained, from (..., 2) squares left and squares there were."""
    return 1 - sums_2[..., 0] / sums_2[..., 1]


class Curve:
    """Asks a network about the same clips again and again."""

    def __init__(self, model: Any, batch: TalkingHeadBatch) -> None:
        self.model, self.batch = model, batch
        self.cells = latent_features(batch["landmarks"], model.codec.factor, model.size // model.codec.factor)

    def load(self, path: Path) -> int:
        """Take the weights of a checkpoint; returns its step."""
        content = torch.load(path, map_location="cpu", weights_only=True)
        self.model.load_state_dict(content["state_dict"])
        return content["global_step"]

    def point(self) -> tuple[dict[str, float], float]:
        """Explained variance by cue, and PSNR."""
        explained, psnr = {}, 0.0
        for cue in [c for c in CUES if c == "none" or c in self.model.emotion_encoders]:
            sums_B2, psnr = self.told(cue)
            explained[cue] = share(sums_B2.sum(0)).item()
        return explained, psnr

    @torch.no_grad()
    def told(self, cue: str) -> tuple[Tensor, float]:
        """Squares left and squares there were, clip by clip (B, 2), told one cue, and the PSNR of all."""
        model, batch = self.model.eval(), self.batch
        portrait = model.encode_pictures(batch["reference"])
        base = model.base(batch["reference"], portrait, batch["head_motion"])
        clip = torch.stack([model.encode_pictures(frames) for frames in batch["frames"]])
        x, speech = model.to_residual(clip, base), model.speech_features(batch["waveform"])[:, FRAMES]
        noise = torch.randn(x[:, :1].shape, generator=torch.Generator().manual_seed(0)).expand_as(x)
        first = torch.full(x.shape[:2], len(model.alphas) - 1)
        latent = model.cue_latent(batch, batch["blend"], self._chosen(cue))
        emotion = EmotionPass(model.mixture, latent)
        tokens = model.reference_net(portrait)
        conditions = Conditions(tokens, portrait=base, speech=speech, head_motion=batch["head_motion"])
        out = -model.denoiser(noise, first, conditions, emotion)
        squares = torch.stack([(out - x).square() * self.cells, x.square() * self.cells], -1)
        return squares.flatten(1, -2).sum(1).double(), self._psnr(model.from_residual(out, base))

    def _chosen(self, cue: str) -> Tensor:
        chosen = torch.zeros(len(self.batch["key"]), len(MODALITIES), dtype=torch.bool)
        if cue in MODALITIES:
            known = self.batch["present"]["blend"] if cue != "action_units" else True
            chosen[:, MODALITIES.index(cue)] = known
        return chosen

    def _psnr(self, z: Tensor) -> float:
        made = (self.model.codec.decode(z.flatten(0, 1)).clamp(-1, 1) + 1) / 2
        error = (made - self.batch["frames"].flatten(0, 1) / 255).square().mean((1, 2, 3))
        return (-10 * error.log10()).mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a run directory; its kept checkpoints are the points")
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--seen", action="store_true", help="people of the training clips")
    args = parser.parse_args()
    settings = read_run(args.run)
    batch = seen(args.clips, settings["data"]["init_args"]["train"]) if args.seen else held_out(args.clips)
    curve = Curve(build_module(settings["model"]), batch)
    print(f"{'step':>8}" + "".join(f"{cue:>14}" for cue in CUES) + f"{'PSNR, dB':>12}")
    for path in checkpoints(args.run):
        step = curve.load(path)
        explained, psnr = curve.point()
        cells = "".join(f"{explained.get(cue, float('nan')):14.3f}" for cue in CUES)
        print(f"{step:8}{cells}{psnr:12.2f}", flush=True)


if __name__ == "__main__":
    main()
