"""The mixture against one expert as wide as all six, on the same held-out people, checkpoint by checkpoint.

    moee train ablation-mixture && moee train ablation-no-mixture
    python -m benchmarks.mixture_ablation runs/ablation-mixture-* runs/ablation-no-mixture-* [--clips 256]

At pure noise, told a label: the share of the clip's variance around the moved portrait that the first step
explains in the cells of brows, eyes, nose and mouth, apart for clips of one emotion and for those that show
two; first run less second, with 95 % intervals over people. No judge and no sampler come between, so a small
difference shows that counting right answers of a judge would need hundreds of clips for.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.learning_curve import Curve, checkpoints, held_out, share
from datamodules.batch import TalkingHeadBatch
from evaluation.statistics.intervals import cluster_interval
from moee.weights.modules import build_module
from moee.weights.runs import read_run


def kinds(batch: TalkingHeadBatch) -> dict[str, Tensor]:
    """Which clips (B,) bool show one emotion, and which two."""
    shown = (batch["blend"] > 0).sum(1)
    return {"one emotion": shown == 1, "compounds": shown > 1}


def difference(sums_4: Tensor) -> Tensor:
    """Share of the first run less that of the second, from the sums of both (..., 4)."""
    return share(sums_4[..., :2]) - share(sums_4[..., 2:])


def report(step: int, sums_B4: Tensor, chosen: dict[str, Tensor], people: list[str]) -> None:
    """One line for each kind of clip."""
    for kind, mask_B in chosen.items():
        rows = sums_B4[mask_B]
        of = [person for person, taken in zip(people, mask_B.tolist(), strict=True) if taken]
        low, high = cluster_interval(rows, of, difference) or (float("nan"), float("nan"))
        total = rows.sum(0)
        print(
            f"{step:6}  {kind:12}{len(rows):6}{share(total[:2]):9.4f}{share(total[2:]):9.4f}"
            f"{difference(total):+10.4f}  {low:+.4f} .. {high:+.4f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs=2, metavar="RUN", help="a run directory")
    parser.add_argument("--clips", type=int, default=256, help="held-out people, a clip each (default: 256)")
    args = parser.parse_args()
    batch = held_out(args.clips)
    curves = [Curve(build_module(read_run(run)["model"]), batch) for run in args.runs]
    head = f"{'step':>6}  {'shown':12}{'clips':>6}{'first':>9}{'second':>9}{'less':>10}  95 % interval"
    print(head, flush=True)
    for pair in zip(*map(checkpoints, args.runs), strict=False):
        step, other = (curve.load(path) for curve, path in zip(curves, pair, strict=True))
        if step != other:
            raise SystemExit(f"the runs kept checkpoints of other steps: {pair[0].name} and {pair[1].name}")
        sums_B4 = torch.cat([curve.told("label")[0] for curve in curves], 1)
        report(step, sums_B4, kinds(batch), batch["identity"])


if __name__ == "__main__":
    main()
