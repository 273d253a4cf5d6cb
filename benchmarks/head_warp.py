"""Fits the constants of `lightning_modules/head_warp.py` again, by gradient descent on training clips.

    python -m benchmarks.head_warp [--clips 300] [--steps 150]

Prints the moved portrait against the true frame (dB of the mean squared error) for a portrait that does not
move at all, as the constants stand, and after fitting; then the fitted constants. People, voices and poses
come from the training split; people that were not fitted are printed beside.
"""

import argparse

import torch
from torch import Tensor

from datamodules.synthetic.clip import synthetic_clip
from lightning_modules.video import head_warp

NAMES = (
    "HEAD_Y", "HEAD_WIDE", "HEAD_HIGH", "RIM", "NECK", "CHEST", "FOLLOW", "DOME_Y", "DOME_WIDE", "DOME_HIGH",
    "SLIDE_YAW", "SLIDE_PITCH",
)  # fmt: skip
Set = tuple[Tensor, Tensor, Tensor]


def frames(first: int, clips: int) -> Set:
    """Portraits and frames (N, 3, H, W) in [0, 1], motion (N, 1, M): one frame of each clip."""
    rows = [synthetic_clip(first + i, frames=5, randomisation=0.4 * (i % 3)) for i in range(clips)]
    portraits = torch.stack([row["reference"] for row in rows]).float() / 255
    shown = torch.stack([row["frames"][3] for row in rows]).float() / 255
    return portraits, shown, torch.stack([row["head_motion"][3:4] for row in rows])  # type: ignore[typeddict-item]


def decibels(moved: Tensor, shown: Tensor) -> float:
    return -10 * (moved - shown).square().mean().log10().item()


def fit(data: Set, steps: int) -> dict[str, Tensor]:
    """Put tensors in place of the module's constants and descend."""
    constants = {name: torch.tensor(float(getattr(head_warp, name)), requires_grad=True) for name in NAMES}
    for name, value in constants.items():
        setattr(head_warp, name, value)
    optimizer = torch.optim.Adam(constants.values(), lr=0.01)
    for step in range(steps):
        some = torch.randint(len(data[0]), (48,))
        portraits, shown, motion = (x[some] for x in data)
        loss = (head_warp.warp_head(portraits, motion)[:, 0] - shown).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        optimizer.param_groups[0]["lr"] = 0.01 * (1 - step / steps)
    return constants


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument("--steps", type=int, default=150)
    args = parser.parse_args()
    torch.manual_seed(0)
    fitted, other = frames(0, args.clips), frames(100_000, max(args.clips // 3, 1))

    def line(title: str) -> None:
        with torch.no_grad():
            values = [decibels(head_warp.warp_head(p, m)[:, 0], x) for p, x, m in (fitted, other)]
        print(f"{title:28}{values[0]:8.2f} dB{values[1]:12.2f} dB on other people")

    still = [decibels(p, x) for p, x, _ in (fitted, other)]
    print(f"{'portrait as it is':28}{still[0]:8.2f} dB{still[1]:12.2f} dB on other people")
    line("moved, constants as shipped")
    constants = fit(fitted, args.steps)
    line("moved, fitted again")
    print("  ".join(f"{name} {value.item():.3f}" for name, value in constants.items()))


if __name__ == "__main__":
    main()
