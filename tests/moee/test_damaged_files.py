"""Damaged tables, records, configurations, shards and weights: one line, or what is there."""

import json
from pathlib import Path

import pytest
import torch
from damaged_files import Kinds, check_reader
from safetensors.torch import save_file

from datamodules.corpora.folder import list_sources
from datamodules.loading.members import clip_members, read_clip
from datamodules.loading.shards import INDEX, index_content, read_index, read_members, write_shard
from datamodules.synthetic.clip import synthetic_clip
from evaluation.extractors.network import load_network
from evaluation.protocol import load_protocol
from evaluation.results.result import Result
from moee.clips.about import read_about
from moee.clips.manifest import read_manifest
from moee.clips.system_record import read_system
from moee.experiments.compose import compose
from moee.generation.cues import read_timeline
from moee.judging.adapter import read_adapter
from moee.shipped_configs import CONFIGS
from moee.sweeps.plan import read_plan
from moee.weights.modules import load_module

CLIPS = [{"key": f"c{i}", "generated": None, "reference": "a.mp4", "emotion": "happy:0.5"} for i in range(4)]
TABLE = "key,generated,reference,seed\n" + "".join(f'"c{i}",,a.mp4,{i}\n' for i in range(9))


def text(content: str):
    def write(path: Path) -> Path:
        (path.parent / "a.mp4").write_bytes(b"1")
        path.write_text(content)
        return path

    return write


def shard(path: Path) -> Path:
    clip = synthetic_clip(0, 6, 64)
    write_shard(path, [("clip", clip_members(clip, {"source": "x"}))])
    return path


def unpack(path: Path) -> None:
    for key, members in read_members(path):
        try:
            read_clip(key, members)
        except ValueError as error:  # the stream names shard and key before it
            raise ValueError(f"{path}: {error}") from None


def index(path: Path) -> Path:
    path.write_text(json.dumps(index_content({"corpus": "x", "size": 64}, [], {"a": "too short"})))
    return path


def open_index(path: Path) -> None:
    folder = path.with_suffix("")
    folder.mkdir(exist_ok=True)
    (folder / INDEX).write_bytes(path.read_bytes())
    read_index(folder)


def corpus(path: Path) -> None:
    folder = path.with_suffix("")
    folder.mkdir(exist_ok=True)
    (folder / "x.mp4").write_bytes(b"1")
    (folder / "manifest.csv").write_bytes(path.read_bytes())
    list_sources(folder)


def weights(path: Path) -> Path:
    config = {"class_path": "torch.nn.Linear", "init_args": {"in_features": 9, "out_features": 9}}
    header = {"config": json.dumps(config), "part": '""', "experiment": '"x"', "signature": '"y"'}
    save_file({"weight": torch.rand(9, 9), "bias": torch.rand(9)}, path, metadata=header)
    return path


KINDS: Kinds = {
    "about.json": (text(json.dumps({f"c{i}": {"emotion": "sad"} for i in range(9)})), read_about),
    "clips.json": (text(json.dumps({"clips": CLIPS})), read_manifest),
    "system.json": (text('{"name": "x", "seeds": [0], "settings": {"a": [1, {"b": null}]}}'), read_system),
    "timeline.json": (
        text(json.dumps([{"time": i, "emotion": "happy", "au": "AU12=0.5"} for i in range(9)])),
        lambda path: read_timeline(path, 25),
    ),
    "result.json": (text(json.dumps({"schema_version": 1, "rows": CLIPS})), Result.read),
    "index.json": (index, open_index),
    "clips.csv": (text(TABLE), read_manifest),
    "corpus.csv": (text("path,actor,emotion\nx.mp4,anna,happy\ny/z.wav,eva,sad\n"), corpus),
    "protocol.yaml": (text((CONFIGS / "protocol" / "embedded-v2.yaml").read_text()), load_protocol),
    "experiment.yaml": (text((CONFIGS / "experiment" / "judge.yaml").read_text()), compose),
    "sweep.yaml": (text((CONFIGS / "sweep" / "judge-rate.yaml").read_text()), read_plan),
    "adapter.yaml": (text('name: x\ncommand: [a, "{manifest}"]\nsettings: {a: [1, 2]}\n'), read_adapter),
    "clips.tar": (shard, unpack),
    "module.safetensors": (weights, load_module),
    "network.safetensors": (weights, lambda path: load_network(torch.nn.Linear(9, 9), path)),
}


@pytest.mark.parametrize("name", KINDS)
def test_damaged_files_give_a_line_or_what_is_there(tmp_path: Path, name: str) -> None:
    check_reader(tmp_path, name, KINDS)
