"""Every protocol that ships: its networks exist and feed its metrics; what is missing is one line."""

import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from places import PROTOCOL_FOLDER, ROOT
from shipped_protocols import PROTOCOLS, PUBLISHED, scoring
from told_faces import ToldFaces, moving_face

from evaluation.evaluate import _metrics
from evaluation.extractors.catalogue import published
from evaluation.extractors.embedded.identity import IdentityJudge
from evaluation.extractors.embedded.judge import Judge
from evaluation.extractors.embedded.sync_judge import SyncJudge
from evaluation.extractors.faces.square import FaceSquare
from evaluation.extractors.faces.sync_crop import CroppedSyncNet
from evaluation.extractors.published.arcface import ArcFace
from evaluation.extractors.published.fan import Fan
from evaluation.extractors.published.hsemotion import HSEmotion
from evaluation.extractors.published.i3d import I3d
from evaluation.extractors.published.inception import Inception
from evaluation.extractors.published.mediapipe_face import FIELDS
from evaluation.extractors.published.mini_xception import MiniXception
from evaluation.extractors.published.open_graph_au import OpenGraphAU
from evaluation.extractors.published.syncnet import SyncNet
from evaluation.extractors.published.tddfa import Tddfa
from evaluation.extractors.published.video_mae import VideoMae
from evaluation.measuring.preparation import FIELD
from evaluation.metrics import METRICS
from evaluation.metrics.pictures.perceptual import BY_NETWORK
from evaluation.protocol import load_protocol
from moee import cli
from moee.judging.protocols import find_protocol
from moee.weights import registry
from moee.weights.needed import check_weights, needed

TEMPLATE = ROOT / "docs" / "protocol" / "mine.yaml"


@cache
def networks() -> dict[str, tuple[str, ...]]:
    """Name -> fields of every network that a protocol that ships may name; none of them has weights."""
    faces = ToldFaces(moving_face(1))
    with torch.device("meta"):
        built = [Inception("clean"), Inception("torch"), I3d("squash", 16), I3d("squash", 48)]
        built += [ArcFace("ms1mv3", "r100", faces)]
    classes = (SyncNet, CroppedSyncNet, Fan, OpenGraphAU, Tddfa, HSEmotion, MiniXception, VideoMae)
    classes += (FaceSquare, Judge, IdentityJudge, SyncJudge)
    named = {network.name: network.provides for network in (*built, *classes)}
    return named | {"mediapipe-face-v2-mesh": FIELDS["mesh"]}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_its_networks_exist_and_feed_every_metric(name):
    protocol = load_protocol(PROTOCOL_FOLDER / f"{name}.yaml")
    known = networks()
    stand_ins = [SimpleNamespace(name=n, provides=known[n]) for n in protocol.extractors.values()]
    trunks = [net for net, kind in BY_NETWORK.items() if kind.name in protocol.metrics]
    metrics = _metrics(protocol, stand_ins, [SimpleNamespace(name=net) for net in trunks])
    assert [metric.name for metric in metrics] == list(protocol.metrics)
    fields = [field for network in stand_ins for field in network.provides]
    assert len(fields) == len(set(fields)), "two networks fill one field"
    truth = {*fields, "frames", "blend", "identity_reference", "measured_action_units", "loudness"}
    assert {METRICS[metric].needs[1] for metric in protocol.metrics} <= truth
    used = {need for metric in protocol.metrics for need in METRICS[metric].needs}
    used |= {FIELD} if "face_crop" in protocol.preprocessing else set()
    idle = [network.name for network in stand_ins if not used & set(network.provides)]
    assert not idle, f"{idle} measure nothing that is asked for"


@pytest.mark.parametrize("name", PROTOCOLS)
def test_an_optional_network_brings_its_metric_and_changes_no_other(name):
    protocol, known = load_protocol(PROTOCOL_FOLDER / f"{name}.yaml"), networks()
    bare = replace(protocol, extractors={}, metrics=())
    used = []
    for network in protocol.optional_extractors.values():
        assert published(network) is not None
        used += _metrics(bare, [SimpleNamespace(name=network, provides=known[network])], [])
    trunks = {kind.name for kind in BY_NETWORK.values()}
    assert [metric.name for metric in used] == [m for m in protocol.optional_metrics if m not in trunks]
    assert not _metrics(bare, [], [])
    assert not set(protocol.optional_extractors.values()) & set(protocol.extractors.values())


def test_an_optional_network_is_needed_only_where_it_is_named():
    protocol = load_protocol(PROTOCOL_FOLDER / "talking-head-v1.yaml")
    (motion,) = protocol.optional_extractors.values()
    names = [network.name for network in needed(protocol)]
    assert "videomae2_giant_ssv2" not in names
    assert [network.name for network in needed(protocol, [f"{motion}=mine.pth"])] == names
    assert {n.name for n in needed(protocol, [motion])} - set(names) == {"videomae2_giant_ssv2"}


def test_a_protocol_without_optional_networks_keeps_its_hash():
    protocol = load_protocol(PROTOCOL_FOLDER / "paper-moee.yaml")
    assert "optional_extractors" not in protocol.canonical()
    other = replace(protocol, optional_extractors={"motion": "videomae2-giant-ssv2-squash-16"})
    assert other.digest != protocol.digest


def test_two_networks_never_fill_one_field():
    protocol = load_protocol(PROTOCOL_FOLDER / "embedded-v1.yaml")
    known = networks()
    stand_ins = [SimpleNamespace(name=n, provides=known[n]) for n in protocol.extractors.values()]
    another = SimpleNamespace(name="another", provides=("identity", "mesh_478"))
    with pytest.raises(ValueError, match="two networks fill identity: name one of them"):
        _metrics(protocol, [*stand_ins, another], [])


@pytest.mark.parametrize("name", PROTOCOLS)
def test_its_tag_is_its_file(name):
    protocol = load_protocol(PROTOCOL_FOLDER / f"{name}.yaml")
    assert name in (protocol.tag, protocol.name)
    whose = {published(network) is not None for network in scoring(protocol)}
    assert len(whose) == 1, "an embedded score beside a published one"
    if protocol.name == "embedded":
        assert name not in PUBLISHED


def test_the_template_for_a_protocol_of_ones_own_is_one(tmp_path, monkeypatch):
    protocol, known = load_protocol(TEMPLATE), networks()
    stand_ins = [SimpleNamespace(name=n, provides=known[n]) for n in protocol.extractors.values()]
    assert [metric.name for metric in _metrics(protocol, stand_ins, [])] == list(protocol.metrics)
    assert protocol.tag == "mine-v1"
    monkeypatch.chdir(tmp_path)
    shutil.copy(TEMPLATE, "mine.yaml")
    assert load_protocol(find_protocol("mine.yaml")).digest == protocol.digest


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    monkeypatch.setenv("MOEE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "weights").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", PUBLISHED)
def test_all_that_is_missing_is_one_line_and_nothing_is_lost(name, nowhere, capsys):
    for folder in ("made", "true"):
        (nowhere / folder).mkdir()
    before = sorted(nowhere.rglob("*"))
    words = ["evaluate", "--generated", str(nowhere / "made"), "--reference", str(nowhere / "true")]
    assert cli.main([*words, "--protocol", name, "--out", str(nowhere / "r.json")]) != 0
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    protocol = load_protocol(PROTOCOL_FOLDER / f"{name}.yaml")
    for network in needed(protocol):
        assert (network.file if network.by_hand else network.name) in said
    assert f"{protocol.tag} needs {len(needed(protocol))} files" in said
    assert "run `moee weights fetch inception_tf2015 " in said
    assert sorted(nowhere.rglob("*")) == before


def test_files_that_are_here_or_given_are_not_asked_for(nowhere, monkeypatch):
    protocol = load_protocol(PROTOCOL_FOLDER / "talking-head-v1.yaml")
    (nowhere / "weights" / "arcface_ms1mv3_r100.pth").write_bytes(b"its sha256 is not known")
    with pytest.raises(FileNotFoundError) as caught:
        check_weights(protocol, ["fan-2d=mine.pth"], {"alex": Path("alexnet.pth")})
    said = str(caught.value)
    assert "by hand, into a folder named in MOEE_WEIGHTS, param_mean" in said
    assert "OpenGprahAU-ResNet50_second_stage.pth (take it from" in said
    assert " s3fd" in said
    for name in ("arcface", "fan_2d", "lpips_alexnet"):
        assert name not in said
    monkeypatch.setattr(registry, "_trusted", lambda path, network: path)
    for network in needed(protocol):
        (nowhere / "weights" / network.file).touch()
    check_weights(protocol)
