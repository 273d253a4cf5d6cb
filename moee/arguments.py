"""The option that says where networks compute."""

import argparse


def add_device_argument(parser: "argparse.ArgumentParser | argparse._ArgumentGroup", what: str) -> None:
    """`--device`, for `evaluation.runtime.devices.choose_device`.

    Args:
        parser: gets it.
        what: computes there.
    """
    parser.add_argument(
        "--device",
        default="auto",
        metavar="D",
        help=f"where {what}: cpu, cuda, cuda:1; auto: a GPU where there is one (default: auto)",
    )
