"""Where the time of a training step goes, and what bfloat16 and attention at 16 x 16 change.

    python -m benchmarks.training_step [--rounds 5] [--clips 8] [--window 5]

Variants take turns in every round, so that other work on the machine hits all of them; the median counts.
Processor seconds of one thread.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from omegaconf import OmegaConf

from datamodules.batch import TalkingHeadBatch, collate
from datamodules.synthetic.clip import synthetic_clip
from moee.experiments.compose import compose
from moee.weights.modules import build_module

WIDER = (
    "vars.unet.up_block_types=[CrossAttnUpBlock2D,CrossAttnUpBlock2D]",
    "vars.places.up_1_0=64",
    "vars.places.up_1_1=64",
)
VARIANTS: dict[str, tuple[tuple[str, ...], bool]] = {
    "as shipped, bfloat16": ((), True),
    "as shipped, float32": ((), False),
    "attention at 16 x 16 too, bfloat16": (WIDER, True),
    "attention at 16 x 16 too, float32": (WIDER, False),
}


class Step:
    """One variant of the model, and the parts of its training step one after the other."""

    def __init__(self, overrides: tuple[str, ...], half: bool, batch: TalkingHeadBatch) -> None:
        torch.manual_seed(0)
        config: Any = OmegaConf.to_container(compose("embedded-joint", *overrides).config)
        self.model: Any = build_module(config["model"])
        self.model.log = self.model.log_dict = lambda *_, **__: None
        self.half, self.batch, self.spent = half, batch, dict[str, list[float]]()
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=1e-4)
        with torch.no_grad():
            clip, portrait, speech = self.model._latents(batch)
        self.batch |= {"latent": clip, "reference_latent": portrait, "speech_tokens": speech}  # type: ignore[assignment]

    def take(self) -> None:
        """Forward, backward, optimizer; each timed."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            loss = self._timed("forward", lambda: self.model.training_step(self.batch, 0))
        self._timed("backward", loss.backward)
        self._timed("optimizer", self.optimizer.step)
        self.optimizer.zero_grad()

    def _timed(self, stage: str, work: Callable[[], Any]) -> Any:
        start = time.process_time()
        result = work()
        self.spent.setdefault(stage, []).append(time.process_time() - start)
        return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--window", type=int, default=5, help="at least 5")
    args = parser.parse_args()
    torch.set_num_threads(1)
    clips = [synthetic_clip(seed, args.window) for seed in range(args.clips)]
    start = time.process_time()
    batch = collate(clips)
    data = time.process_time() - start
    steps = {name: Step(*options, batch.copy()) for name, options in VARIANTS.items()}
    for _ in range(args.rounds + 1):
        for step in steps.values():
            step.take()
    print(f"{args.clips} clips x {len(clips[0]['frames'])} frames, collating {1000 * data:.0f} ms")
    print(f"{'':36}{'forward':>10}{'backward':>10}{'optimizer':>10}{'step':>10}")
    for name, step in steps.items():
        parts = [statistics.median(times[1:]) for times in step.spent.values()]
        print(f"{name:36}" + "".join(f"{1000 * x:7.0f} ms" for x in (*parts, sum(parts))))


if __name__ == "__main__":
    main()
