"""How fast FID is: pictures to features against torch-fidelity, features to a distance against two others.

    python -m benchmarks.evaluation_speed [--rounds 5] [--pictures 8] [--size 256] [--samples 512 1024 2048]
                                          [--people 4 50] [--device cuda]

Both networks hold the same synthetic weights and get the same pictures, in turns, processor time of one
thread, medians of the rounds; the features must agree to 1e-4. `--samples` alone with `--rounds 0` leaves the
networks out. With `--people` the closing step gives way to a distance with its error, against fitting it
again without each group of people that it leaves out: two of those fits are timed and must give the same,
the others count as much. With `--device cuda` both networks and our distances compute there, the others'
distances on all threads of the processor, and time is the clock's, copies to the GPU and back included;
torch-fidelity computes in float32 as ours does, and in TF32 beside it. Needs torch-fidelity and SciPy, which
`pip install -e .[dev]` brings.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import numpy as np
import torch
from reference_media import channels_first, pictures
from synthetic_weights import fill
from torch import Tensor

from evaluation.extractors.published.inception import Inception
from evaluation.metrics import METRICS, frechet_distance
from evaluation.metrics.sets.distances import SetMetric
from evaluation.metrics.sets.kid import kid
from evaluation.runtime.devices import CPU, Workplace, choose_device
from evaluation.runtime.exactness import exact

WIDTH, NARROW, CLOSE, CLOSE_FITS = 2048, 400, 1e-4, 1e-9
ROUNDED = "theirs in TF32"


def seconds(work: Callable[[], object], device: torch.device = CPU) -> tuple[float, object]:
    """Time of a piece of work, the processor's or where a GPU works the clock's, and what it gives."""
    clock = time.process_time if device == CPU else time.perf_counter
    start = clock()
    found = work()
    if device != CPU:
        torch.cuda.synchronize(device)
    return clock() - start, found


def networks(device: torch.device) -> dict[str, Callable[[Tensor], Tensor]]:
    """Name -> pictures (N, 3, H, W) uint8 to features (N, 2048), resized as TensorFlow 1 did."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pth"
        torch.save(fill(Inception()).state_dict(), path)
        ours = Inception.load(path, "tf1")
        theirs = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], str(path)).to(device)
    place = Workplace(device, [ours])

    def theirs_in_float32(x: Tensor) -> Tensor:
        with exact(device):
            return theirs(x.to(device))[0].cpu()

    found = {
        "torch-fidelity": theirs_in_float32,
        "ours": lambda x: place.run(ours, ours.measure, x)[ours.provides[0]],
    }
    return found if device == CPU else found | {ROUNDED: lambda x: theirs(x.to(device))[0].cpu()}


def extraction(rounds: int, count: int, size: int, device: torch.device) -> None:
    """Pictures a second of both, and how far their features lie apart.

    Raises:
        ValueError: if the features differ by more than 1e-4.
    """
    kernels, spent = networks(device), {}
    shown = channels_first(pictures(501, count, size, size, 60))
    found: dict[str, Tensor] = {name: kernel(shown) for name, kernel in kernels.items()}
    apart = (found["ours"] - found["torch-fidelity"]).abs().max().item()
    if ROUNDED in found:
        rounded = (found[ROUNDED] - found["torch-fidelity"]).abs().max().item()
        print(f"{ROUNDED}, as torch has it by default: features {rounded:.1e} from those in float32")
    if not apart < CLOSE:
        raise ValueError(f"features are {apart:.1e} apart: the two do not measure the same")
    for _ in range(rounds):
        for name, kernel in kernels.items():
            spent.setdefault(name, []).append(seconds(lambda kernel=kernel: kernel(shown.clone()), device)[0])
    print(f"{count} pictures of {size} x {size}, {rounds} rounds, features {apart:.1e} apart")
    for name, times in spent.items():
        print(f"{name:16}{count / statistics.median(times):8.2f} pictures a second")
    report([theirs / ours for theirs, ours in zip(spent["torch-fidelity"], spent["ours"], strict=True)])


def with_root(x_ND: np.ndarray, y_ND: np.ndarray) -> float:
    """The distance by SciPy's matrix root, as pytorch-fid 0.3 computes it."""
    from scipy.linalg import sqrtm

    one, other = (np.cov(z, rowvar=False) for z in (x_ND, y_ND))
    shift = x_ND.mean(0) - y_ND.mean(0)
    return float(shift @ shift + np.trace(one + other) - 2 * np.trace(sqrtm(one @ other)).real)


def with_eigenvalues(x_ND: np.ndarray, y_ND: np.ndarray) -> float:
    """The distance as torch-fidelity computes it, from the eigenvalues of the product of covariances."""
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_statistics_to_metric

    moments = [{"mu": z.mean(0), "sigma": np.cov(z, rowvar=False)} for z in (x_ND, y_ND)]
    return fid_statistics_to_metric(*moments, False)[KEY_METRIC_FID]


def closing(samples: int, device: torch.device) -> None:
    """The distance of two sets of features by each route."""
    routes: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
        "ours": lambda x, y: frechet_distance(*(torch.from_numpy(z).to(device) for z in (x, y))).item(),
        "torch-fidelity": with_eigenvalues,
        "sqrtm": with_root,
    }
    rng = np.random.default_rng(samples)
    x, y = rng.standard_normal((samples, WIDTH)), 1.2 * rng.standard_normal((samples, WIDTH)) + 0.1
    spent = {}
    if device != CPU:
        routes["ours"](x, y)  # the first time loads libraries
    for name, route in routes.items():
        spent[name], value = seconds(lambda route=route: route(x, y), device)
        times = spent[name] / spent["ours"]
        print(f"{samples} samples: {name:16}{spent[name]:8.2f} s  {times:6.1f} x  {value:.6f}")


def intervals(samples: int, people: int, device: torch.device) -> None:
    """A distance with its error over people, against refitting.

    Raises:
        ValueError: if a value without one person is another one.
    """
    g = torch.Generator().manual_seed(samples)
    features = [scale * torch.randn(samples, WIDTH, generator=g) for scale in (1.0, 1.2)]
    routes: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], int]] = {
        "kid_clean": (kid, WIDTH),
        "fid_clean": (frechet_distance, WIDTH),
        "fvd_crop_16": (frechet_distance, NARROW),
    }
    for name, (fit, width) in routes.items():
        metric = METRICS[name]()
        assert isinstance(metric, SetMetric)
        groups = metric.groups(people)
        sides = [side[:, :width].to(device).tensor_split(people) for side in features]
        ours, (value, left_G) = seconds(lambda metric=metric, sides=sides: metric.jackknife(*sides), device)
        took = []
        for i in (0, len(left_G) - 1):
            rest = [
                torch.cat([x for place, x in enumerate(side) if place not in groups[i]]) for side in sides
            ]
            spent, found = seconds(lambda fit=fit, rest=rest: fit(*rest), device)
            took.append(spent)
            if not abs(found - left_G[i]) <= CLOSE_FITS * abs(found):
                raise ValueError(f"{name} without group {i} is {left_G[i]}, fitted again {found}")
        again, error = (
            statistics.mean(took) * (len(left_G) + 1),
            (len(left_G) - 1) ** 0.5 * left_G.std(correction=0),
        )
        print(
            f"{samples} samples, {people} people: {name:10}{ours:8.2f} s, refitted {again:9.2f} s "
            f"{again / ours:7.1f} x  {value:.6f} +- {error:.6f}"
        )


def report(ratios: list[float]) -> None:
    """Their time over ours."""
    middle = statistics.median(ratios)
    print(f"{'ratio':16}{middle:8.2f}  (of the rounds {min(ratios):.2f} to {max(ratios):.2f})\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--samples", type=int, nargs="*", default=[512, 1024, 2048])
    parser.add_argument("--people", type=int, nargs="*", default=[], help="at least 2 each")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    device = choose_device(args.device)
    torch.set_num_threads(1 if device == CPU else os.cpu_count() or 1)
    if args.rounds:
        extraction(args.rounds, args.pictures, args.size, device)
    for samples in args.samples:
        for people in args.people:
            intervals(samples, people, device)
        if not args.people:
            closing(samples, device)


if __name__ == "__main__":
    main()
