"""Short attention on a CPU: PyTorch's fused kernel against two plain products, forward and backward.

    python -m benchmarks.attention [--rounds 10]

At the sizes that the embedded network has, in turns, processor time of one thread, medians.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from lightning_modules.video.attention import attention

# Name -> pictures, heads, queries, keys, width of a head.
SIZES = {
    "portrait and self": (32, 2, 64, 128, 64),
    "speech": (32, 2, 64, 5, 64),
    "six experts": (32, 6, 64, 8, 32),
    "time, 8 frames": (256, 2, 8, 8, 64),
}
Kernel = Callable[[Tensor, Tensor, Tensor], Tensor]
KERNELS: dict[str, Kernel] = {
    "fused": torch.nn.functional.scaled_dot_product_attention,
    "ours": attention,
}


def milliseconds(kernel: Kernel, inputs: list[Tensor]) -> tuple[float, float]:
    """Of one forward and one backward pass."""
    start = time.process_time()
    out = kernel(*inputs)
    middle = time.process_time()
    out.backward(torch.ones_like(out))
    return 1000 * (middle - start), 1000 * (time.process_time() - middle)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    columns = [f"{name} {way}" for name in KERNELS for way in ("forward", "backward")]
    print(f"{'':32}" + "".join(f"{name:>18}" for name in columns))
    for title, (pictures, heads, queries, keys, width) in SIZES.items():
        for kind in (torch.float32, torch.bfloat16):
            shapes = ((pictures, length, heads, width) for length in (queries, keys, keys))
            inputs = [torch.randn(s).to(kind).transpose(1, 2).requires_grad_() for s in shapes]
            spent: dict[str, list[tuple[float, float]]] = {name: [] for name in KERNELS}
            for _ in range(rounds + 2):
                for name, kernel in KERNELS.items():
                    spent[name].append(milliseconds(kernel, inputs))
            medians = [statistics.median(x) for rows in spent.values() for x in zip(*rows[2:], strict=True)]
            print(f"{title:22}{str(kind)[6:]:10}" + "".join(f"{x:15.2f} ms" for x in medians))


if __name__ == "__main__":
    main()
