"""The page of files says what the code reads: endings, formats, shares and options."""

import argparse
import re

import pytest
from places import ROOT

from datamodules.media.folders import PICTURE_ENDINGS, SOUND_ENDINGS, VIDEO_ENDINGS
from datamodules.media.pictures import FORMATS, MAX_PICTURE_PIXELS
from datamodules.preparation.clips import LEAST_HEARD, LEAST_LASTING
from evaluation.pages.videos import LARGEST_VIDEO
from moee.cli import COMMANDS, build_parser
from moee.preparation.prepare import FRAMES

PAGE = (ROOT / "docs" / "files.md").read_text()
# Options and arguments by which a user gives pictures, sounds, videos, tables or texts.
MEDIA = {
    *("portrait", "audio", "emotion_audio", "timeline", "recordings", "generated", "reference", "manifest"),
    *("about", "system", "videos", "source", "adapter", "folders", "answers", "space", "experiment"),
}
CALLED = {"source": "SRC", "adapter": "ADAPTER.yaml", "folders": "build DIR", "answers": "rank ANSWERS"}


def row(first: str) -> str:
    return next(line for line in PAGE.splitlines() if line.startswith(f"| {first} |"))


@pytest.mark.parametrize(
    ("kind", "endings"), [("video", VIDEO_ENDINGS), ("sound", SOUND_ENDINGS), ("frame", PICTURE_ENDINGS)]
)
def test_every_ending_is_on_the_page(kind: str, endings: tuple[str, ...]) -> None:
    assert re.findall(r"\.\w+", row(kind)) == list(endings)


def test_formats_and_shares_are_those_of_the_code() -> None:
    words = " ".join(PAGE.split())
    assert f"**Pictures** may be {', '.join(FORMATS)};" in words
    assert f"up to {MAX_PICTURE_PIXELS // 1_000_000} megapixels" in words
    assert f"less than {LEAST_LASTING * 100:.0f} % of it or is above -60 dB in" in words
    assert f"less than {LEAST_HEARD * 100:.0f} % of its frames" in words
    assert f"at most {LARGEST_VIDEO >> 20} MiB each" in words
    assert f"{FRAMES} frames at 25 a second or more" in words


def actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    inside = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    own = [action for action in parser._actions if action not in inside]
    return own + [each for action in inside for child in action.choices.values() for each in actions(child)]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_that_takes_such_files_is_on_the_page(command: str) -> None:
    parser = build_parser(command).commands[command]
    rows = "\n".join(line for line in PAGE.splitlines() if f"`moee {command}" in line)
    for action in actions(parser):
        if action.dest in MEDIA:
            name = action.option_strings[0] if action.option_strings else CALLED.get(action.dest, "")
            assert name in rows, f"{command} {name}"
            assert rows, command


def test_options_on_the_page_exist() -> None:
    for command, options in re.findall(r"`moee (\w+)[^`]* (--[\w-]+)`", PAGE):
        known = {
            name
            for action in actions(build_parser(command).commands[command])
            for name in action.option_strings
        }
        assert options in known, (command, options)
