"""Unweighted accuracy of the speech-emotion encoder on real voices: every fold of actors, mean and spread.

Run `python -m benchmarks.speech_emotion_folds --folder FOLDER`: sound files with RAVDESS names; further
`key=value` arguments change the experiment. The actors tested on take no part in training, and nothing is
chosen by looking at them.
"""

import argparse
import json
import statistics
from pathlib import Path

from moee.experiments.compose import compose
from moee.experiments.run import Run
from moee.experiments.training import train

EXPERIMENT = "speech-emotion-ravdess"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", required=True, help="sound files with RAVDESS names")
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--root", type=Path, default=Path("runs"), help="folder of run directories")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    args = parser.parse_args()
    scores = [score_fold(args, fold) for fold in range(args.folds)]
    mean, spread = statistics.mean(scores), statistics.stdev(scores)
    print(
        json.dumps({"folds": [round(s, 4) for s in scores], "mean": round(mean, 4), "sd": round(spread, 4)})
    )


def score_fold(args: argparse.Namespace, fold: int) -> float:
    """Train without the actors of one fold, then test on them."""
    changes = (f"data.init_args.folder={args.folder}", f"data.init_args.folds={args.folds}")
    changes += (
        f"data.init_args.fold={fold}",
        f"seed_everything={args.seed}",
        f"data.init_args.seed={args.seed}",
    )
    run = Run(compose(EXPERIMENT, *changes, *args.overrides), args.root)
    train(run)
    scores = run.trainer.test(run.model, run.datamodule, verbose=False)[0]
    print(f"fold {fold}: unweighted accuracy {scores['test/unweighted_accuracy']:.3f}, {run.directory}")
    return float(scores["test/unweighted_accuracy"])


if __name__ == "__main__":
    main()
