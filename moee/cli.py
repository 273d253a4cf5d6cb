"""The command `moee`: finds the subcommand, runs it, makes one line of expected errors. Imports little."""

import argparse
import importlib
import sys
import textwrap
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import NoReturn

from moee import smoke
from moee.console import warn
from moee.installed import suite_version
from moee.threads import prepare_threads

GROUPS = {  # folder of `moee.commands` -> command -> what it does; `moee --help` shows them in this order
    "making": {
        "animate": "a portrait, a voice and an emotion to a video",
    },
    "training": {
        "prepare": "raw recordings to training shards",
        "train": "train one experiment",
        "sweep": "search over the keys of an experiment",
        "export": "weights of a run to files that can be loaded and shared",
    },
    "judging": {
        "clips": "true clips to judge by: recordings cut to the face, or synthetic people",
        "evaluate": "score generated videos under a protocol",
        "foreign": "another system's videos of your clips, by its own code",
        "score": "the table of the model card: does the generator obey?",
        "study": "doses, leaks, drift, experts: what one number cannot tell",
        "compare": "one result against others, in paired tests",
        "leaderboard": "results to a page and tables",
        "preference": "a blind study of pairs of videos, and its ranking",
    },
    "machine": {
        "demo": "clips, training, videos and scores: once, small and offline",
        "doctor": "what works on this machine, and how to mend the rest",
        "weights": "list, fetch and verify published networks",
        "cache": "what is kept because making it takes long: list and remove",
    },
}
HEADINGS = {
    "making": "make videos",
    "training": "prepare data and train",
    "judging": "judge",
    "machine": "this machine",
}
COMMANDS = {  # name -> its module, which is imported when it is chosen
    name: f"moee.commands.{group}.{name}" for group, commands in GROUPS.items() for name in commands
}
INTERRUPTED = 130
EXPECTED_ERRORS = (ValueError, OSError)
EXPECTED_NAMES = (
    "MisconfigurationException",
    "OutOfMemoryError",
)  # Lightning's and torch's, not imported here


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Prose flows with the terminal's width; paragraphs with indented lines (examples) stay as written."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(
            part if "\n  " in part else textwrap.fill(part, width, break_on_hyphens=False)
            for part in text.strip().split("\n\n")
        )


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in one line, without the usage above it."""

    commands: Mapping[str, "Parser"] = {}

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        warn(f"{self.prog}: {message}; see `{self.prog} --help`")
        self.exit(2)

    def refuse(self, argument: str) -> NoReturn:
        """Exit over an argument that is not known, with the nearest option."""
        near = get_close_matches(argument.partition("=")[0], self._option_string_actions, n=1)
        self.error(f"no argument {argument!r}" + (f": did you mean {near[0]}?" if near else ""))


def build_parser(chosen: str | None = None) -> Parser:
    """The whole parser; only the chosen subcommand's module is imported, for its arguments."""
    parser = Parser(
        prog="moee",
        usage="moee [--debug] COMMAND ...",
        description=f"MoEE Suite: train, animate and judge emotional talking heads.\n\n{list_commands()}",
        epilog="`moee COMMAND --help` shows a command's arguments and examples.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"moee-suite {suite_version()}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(dest="command", prog="moee", help=argparse.SUPPRESS)
    parser.commands = commands.choices
    for name, place in COMMANDS.items():
        command = commands.add_parser(name, formatter_class=HelpFormatter, allow_abbrev=False)
        if name == chosen:
            module = importlib.import_module(place)
            command.add_argument(
                "--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
            )
            command.description, command.epilog = module.DESCRIPTION, module.EXAMPLES
            module.add_arguments(command)
    return parser


def list_commands() -> str:
    """The commands under the headings of their groups, one a line."""
    width = max(map(len, COMMANDS))
    blocks = [
        "\n".join([f"{HEADINGS[group]}:", *(f"  {name:{width}}  {what}" for name, what in commands.items())])
        for group, commands in GROUPS.items()
    ]
    return "\n\n".join(blocks)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((argument for argument in arguments if not argument.startswith("-")), None)
    if chosen is not None and chosen not in COMMANDS:
        near = get_close_matches(chosen, COMMANDS, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        warn(f"moee: no command {chosen!r}: {hint}known are {', '.join(COMMANDS)}")
        return 2
    parser = build_parser(chosen)
    if chosen is None and not arguments:
        parser.print_help()
        return 2
    args = _parse(parser, arguments)
    if args.command is None:
        parser.print_help()
        return 2
    prepare_threads()
    smoke.shrink(args)
    return _run(args)


def _parse(parser: Parser, arguments: list[str]) -> argparse.Namespace:
    """As the parser does, but `key=value` may also stand after options."""
    args, rest = parser.parse_known_args(arguments)
    if rest and (not hasattr(args, "overrides") or any(word.startswith("-") for word in rest)):
        strange = next((word for word in rest if word.startswith("-")), rest[0])
        parser.commands.get(args.command, parser).refuse(strange)
    if rest:
        args.overrides += rest
    return args


def _run(args: argparse.Namespace) -> int:
    try:
        return importlib.import_module(COMMANDS[args.command]).run(args)
    except KeyboardInterrupt:
        warn("moee: interrupted")
        return INTERRUPTED
    except Exception as error:
        if args.debug or not _is_expected(error):
            raise
        warn(f"moee: {one_line(error)}")
        return 1


def _is_expected(error: Exception) -> bool:
    """Bad input, what others say of it, which is no ValueError, a full GPU; all else is a fault of ours."""
    return isinstance(error, EXPECTED_ERRORS) or type(error).__name__ in EXPECTED_NAMES


def one_line(error: Exception) -> str:
    """What went wrong in one line; a system error with its file."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__
