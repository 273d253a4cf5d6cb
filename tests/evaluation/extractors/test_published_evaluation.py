"""Protocols of published networks through `moee evaluate`: real formats and sizes, weights of ours.

The one with the most networks runs always, every one where MOEE_ALL_CASES is set (`make test-all`).
"""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from places import PROTOCOL_FOLDER
from published_files import write
from shipped_protocols import PUBLISHED, shipped
from torch import Tensor, nn

from datamodules.batch import LANDMARKS
from evaluation.comparison.tables import group
from evaluation.extractors.catalogue import published
from evaluation.extractors.faces.mesh import POINTS, FaceMesh, Faces
from evaluation.extractors.faces.square import FaceSquare
from evaluation.extractors.interface import OTHER_WEIGHTS, UNCHECKED_WEIGHTS
from evaluation.extractors.published.fan import Fan
from evaluation.leaderboard.downloads import as_csv, as_json, as_markdown
from evaluation.leaderboard.scores import headline
from evaluation.leaderboard.site import build_leaderboard
from evaluation.metrics import METRICS, SET_METRICS
from evaluation.protocol import load_protocol
from evaluation.results.result import Result
from moee import cli
from moee.generation.video_writer import write_video
from moee.weights import registry
from moee.weights.needed import needed

FRAMES, SIZE = 16, 256  # I3D's window; so large that a protocol leaves them as they are
KEPT = 4  # filters of a layer that are computed
RUN = PUBLISHED if os.environ.get("MOEE_ALL_CASES") else ["talking-head-v2"]
ONLY_REGISTERED = ("s3fd", "3ddfa_v2_mean_std", "face_landmarker")  # beside another network's file
FILES = {network.name for name in PUBLISHED for network in needed(shipped(name))}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four filters of a layer on four of its inputs stand for all; FAN and MediaPipe are told of a face."""

    def cut_short(whole):
        def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            if self.groups > 1:
                return whole(self, x, weight, bias)
            few = whole(self, x[:, :KEPT], weight[:KEPT, :KEPT], None if bias is None else bias[:KEPT])
            return few[:, torch.arange(len(weight)) % few.shape[1]]

        return forward

    def points(count: int, pictures: int = 1) -> Tensor:
        g = torch.Generator().manual_seed(0)
        face_P2 = torch.rand(count, 2, generator=g) * 0.6 + 0.2
        return (face_P2 + 0.01 * torch.randn(pictures, count, 2, generator=g)) * SIZE

    def look(_: FaceMesh, frames_F3HW: Tensor) -> Faces:
        return Faces(points(POINTS, len(frames_F3HW)), (None,) * len(frames_F3HW))

    for kind in (nn.Conv2d, nn.Conv3d):
        monkeypatch.setattr(kind, "_conv_forward", cut_short(kind._conv_forward))
    monkeypatch.setattr(FaceMesh, "_look", look)
    monkeypatch.setattr(Fan, "points", lambda *_: points(LANDMARKS)[0])
    monkeypatch.setattr(FaceSquare, "measure", lambda *_: {"face_square": torch.tensor([0, 0, SIZE])})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips with sound of a wave that travels under noise, the first generated with less; all made up."""
    place, g = tmp_path_factory.mktemp("published"), torch.Generator().manual_seed(1)
    y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    for name in ("made", "true", "weights"):
        (place / name).mkdir()
    for number, amounts in enumerate(((5, 20), (20,))):
        wave = 127 + 60 * torch.sin((x + (1 + number) * y) / 9 + 0.4 * torch.arange(FRAMES).view(-1, 1, 1))
        noise, sound = torch.randn(FRAMES, 3, SIZE, SIZE, generator=g), 0.1 * torch.randn(FRAMES * 640)
        for side, amount in zip(("made", "true"), amounts, strict=False):
            frames = (wave[:, None] + amount * noise).clamp(0, 255).to(torch.uint8)
            write_video(place / side / f"clip_{number}.mp4", frames, sound)
    shutil.copy(place / "made" / "clip_1.mp4", place / "true")
    about = '{"clip_0": {"identity": "a", "emotion": "happy"}, "clip_1": {"identity": "b", "emotion": "sad"}}'
    (place / "about.json").write_text(about)
    for name in (*FILES, "lpips_vgg16"):
        write(name, place / "weights" / registry.registered(name).file)
    return place


def words(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments for a protocol whose networks' files are all there, none of them the published one."""
    protocol, place = load_protocol(PROTOCOL_FOLDER / f"{name}.yaml"), folder / "weights"
    unknown = (
        replace(network, sha256=None, by_hand="ask") if network.name in ONLY_REGISTERED else network
        for network in registry.PUBLISHED
    )
    monkeypatch.setattr(registry, "PUBLISHED", tuple(unknown))
    monkeypatch.setenv("MOEE_WEIGHTS", str(place))
    given = ["evaluate", "--generated", str(folder / "made"), "--reference", str(folder / "true")]
    given += ["--about", str(folder / "about.json"), "--protocol", name]
    given += ["--out", str(folder / f"{name}.json"), "--kept", str(folder / "kept")]
    given += ["--sampled-by", "us", "--evaluated-by", "us"]
    for extractor in protocol.extractors.values():
        family = published(extractor)
        assert family is not None
        if (network := registry.registered(family.weights)).sha256:
            given += ["--extractor", f"{extractor}={place / network.file}"]
    for option, trunk in (("lpips", "lpips_alexnet"), ("lpips-vgg", "lpips_vgg16")):
        if option.replace("-", "_") in protocol.metrics:
            given += [f"--{option}", str(place / registry.registered(trunk).file)]
    return given


@pytest.mark.slow
@pytest.mark.parametrize("name", RUN)
def test_a_protocol_runs_and_says_whose_weights_measured(
    name: str, quick: None, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert cli.main(words(name, folder, monkeypatch)) == 0
    said = capsys.readouterr().out
    result = Result.read(folder / f"{name}.json")
    protocol = load_protocol(PROTOCOL_FOLDER / f"{name}.yaml")
    assert [row.problem for row in result.rows] == ["", ""]
    assert set(protocol.metrics) <= set(result.metrics)
    for metric in protocol.metrics:  # correlations have none: these networks see the same in every frame
        assert result.metrics[metric]["value"] is not None or metric not in SET_METRICS, metric
    for extractor, told in result.extractors.items():
        assert told["doubt"] in (OTHER_WEIGHTS, UNCHECKED_WEIGHTS), extractor
    assert result.extractors[protocol.extractors["pictures"]]["doubt"] == OTHER_WEIGHTS
    assert f"{OTHER_WEIGHTS}: {protocol.extractors['pictures']}, " in said
    _check_board(result, folder / name)


def _check_board(result: Result, folder: Path) -> None:
    """The page and every download say of each metric of a network that its weights are others."""
    page = build_leaderboard([result], folder).read_text()
    tables = group([result])
    measured = {field for told in result.extractors.values() for field in told["provides"]}
    resting = [n for n in tables[0].metrics if METRICS[n].needs[0] in measured or n in measured]
    shown = [*headline(tables[0].metrics), *tables[0].metrics]  # the few first, and all of them to open
    assert page.count("unproven weights") == sum(name in resting for name in shown) > 0
    assert f"published network, {OTHER_WEIGHTS}, sha256" in page
    for text in (as_markdown(tables), as_csv(tables), as_json(tables)):
        assert OTHER_WEIGHTS in text.lower()


def test_the_published_file_is_beyond_doubt() -> None:
    known = registry.registered("inception_tf2015")
    digest = str(known.sha256)
    assert registry.doubt("inception_tf2015", digest) == ""
    assert registry.doubt("inception_tf2015", digest[::-1]) == OTHER_WEIGHTS
    assert registry.doubt("fan_2d", f"{registry.registered('fan_2d').sha256}{'0' * 54}") == ""
    assert registry.doubt("opengraphau_resnet50", digest) == UNCHECKED_WEIGHTS
