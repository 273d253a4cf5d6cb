"""Arguments that several subcommands share. Imports nothing heavy."""

import argparse

from moee.generation.settings import PRECISIONS

Group = argparse.ArgumentParser | argparse._ArgumentGroup
LONGEST_PERSON = 80  # characters, as of a system's name on the board


def add_device_argument(parser: Group, what: str) -> None:
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


def add_checkpoint_argument(parser: Group) -> None:
    """`--checkpoint`, for `moee.generation.generator.load_generator`."""
    parser.add_argument(
        "--checkpoint",
        metavar="C",
        help="a talking head: an exported file or its name, a run directory, or a .ckpt in one (default: the "
        "shipped one)",
    )


def add_precision_argument(parser: Group) -> None:
    """`--precision`, for `moee.generation.generator.load_generator`."""
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="auto", help="auto: bf16 where it is fast (default: auto)"
    )


def add_cue_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that say how the portrait should feel, for `moee.generation.cue_request.CueRequest`."""
    group = parser.add_argument_group("emotion (combine as you like; neutral if none is given)")
    group.add_argument(
        "--emotion", metavar="E", help='such as happy, angrily_disgusted, "happy:0.5,fear:0.3"'
    )
    group.add_argument("--text", metavar="T", help='a description, such as "barely holding back tears"')
    group.add_argument("--emotion-audio", metavar="X", help="a recording whose tone of voice is taken over")
    group.add_argument("--au", metavar="A", help='action units from 0 to 1, such as "AU12=0.8,AU6=0.5"')
    group.add_argument(
        "--palette", metavar="P", help='weights of the six experts by hand, such as "happy:0.7,surprise:0.3"'
    )
    group.add_argument("--timeline", metavar="T.json", help='a list: [{"time": 0, "emotion": "sad"}, ...]')


def add_frame_rate_argument(parser: Group) -> None:
    """`--frame-rate`, for `moee.clips.reading.ClipReader`."""
    parser.add_argument(
        "--frame-rate",
        type=frames_a_second,
        metavar="R",
        help="frames a second of clips that are folders of numbered pictures",
    )


def frames_a_second(text: str) -> float:
    """A rate.

    Raises:
        argparse.ArgumentTypeError: for anything but a number above 0 and below 1000.
    """
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1000:
        raise argparse.ArgumentTypeError(f"{text!r}: expected frames a second, such as 30")
    return rate


def person(text: str) -> str:
    """The name of who sampled or evaluated, for a page: printable, not blank, at most 80 characters.

    Raises:
        argparse.ArgumentTypeError: if it is not.
    """
    text = text.strip()
    if not text or not text.isprintable() or len(text) > LONGEST_PERSON:
        raise argparse.ArgumentTypeError(f"expected a printable name of 1 to {LONGEST_PERSON} characters")
    return text
