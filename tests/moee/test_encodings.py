"""Whatever a user writes is read in every encoding that editors and spreadsheets leave."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.protocol import load_protocol
from moee.clips.about import read_about
from moee.clips.manifest import read_manifest
from moee.clips.system_record import read_system
from moee.experiments.compose import compose
from moee.generation.cues import read_timeline
from moee.judging.adapter import read_adapter
from moee.sweeps.plan import read_plan

ENTRY = {"key": "\u00fc", "generated": None, "reference": "a.mp4"}
FILES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "about.json": ('{"\u00fc": {"emotion": "happy"}}', read_about),
    "manifest.json": (json.dumps({"clips": [ENTRY]}, ensure_ascii=False), read_manifest),
    "manifest.csv": ("key,generated,reference\n\u00fc,,a.mp4\n", read_manifest),
    "system.json": ('{"name": "\u00fc"}', read_system),
    "timeline.json": (
        '[{"time": 0, "emotion": "happy"}, {"time": 1, "emotion": "sad"}]',
        lambda path: read_timeline(path, 25),
    ),
    "adapter.yaml": ('name: \u00fc\ncommand: [x, "{manifest}"]\n', read_adapter),
    "protocol.yaml": ("name: \u00fc\nversion: 0\nmetrics: [psnr]\n", load_protocol),
    "sweep.yaml": (
        "experiment: \u00fc\nmetric: loss\ndirection: minimize\n"
        "space: {seed: {kind: int, args: {low: 0, high: 3}}}\n",
        read_plan,
    ),
    "experiment.yaml": ("# \u00fc\nextends: experiment/judge.yaml\n", lambda path: compose(path)),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", FILES)
def test_files_of_users_are_read_in_every_usual_encoding(tmp_path: Path, name: str, encoding: str) -> None:
    text, read = FILES[name]
    (tmp_path / "a.mp4").write_bytes(b"1")
    (tmp_path / name).write_text(text, encoding=encoding)
    assert read(tmp_path / name)
    (tmp_path / name).write_bytes(text.encode("utf-16-le") + b"\xd8")
    with pytest.raises(ValueError, match=r"UTF-8|decode") as caught:
        read(tmp_path / name)
    assert "\n" not in str(caught.value)
