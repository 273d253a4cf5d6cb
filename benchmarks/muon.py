"""What Muon's products cost in bfloat16 and in float32, in turns: timm's against ours on this machine.

    python -m benchmarks.muon [--checkpoint C] [--rounds 3] [--threads 1]

Processor time of a step of the optimizer alone on the matrices of a generator's denoiser and experts.
"""

import argparse
import time

import torch
from timm.optim import Muon as TimmMuon

from lightning_modules.optim.muon import Muon
from moee.generation.generator import load_generator


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", help="(default: the shipped one)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of torch (default: 1)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    network = load_generator(args.checkpoint, "32").network
    parameters = [*network.denoiser.parameters(), *network.mixture.parameters()]  # type: ignore[attr-defined]
    for parameter in parameters:
        parameter.requires_grad_(True)
        parameter.grad = torch.randn_like(parameter)
    print(f"{'':10}{'timm, ms':>10}{'ours, ms':>10}{'ratio':>8}")
    optimizers = [
        kind(parameters, lr=0.0, nesterov=True, ns_coefficients="original") for kind in (TimmMuon, Muon)
    ]
    for turn in range(args.rounds):
        theirs, ours = (step(optimizer) for optimizer in optimizers)
        print(f"round {turn + 1:<4}{theirs:10.0f}{ours:10.0f}{theirs / ours:8.1f}", flush=True)


def step(optimizer: torch.optim.Optimizer) -> float:
    """Milliseconds of processor time."""
    start = time.process_time()
    optimizer.step()
    return 1000 * (time.process_time() - start)


if __name__ == "__main__":
    main()
