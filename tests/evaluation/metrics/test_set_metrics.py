"""FID, KID and FVD from features kept beside a result, and networks that listen."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from judges import PROTOCOL, judges, painted
from torch import Tensor

from evaluation.comparison.compare import compare
from evaluation.evaluate import evaluate
from evaluation.extractors.catalogue import load_published_extractor, published
from evaluation.metrics import METRICS, SET_METRICS, frechet_distance
from evaluation.metrics.sets.distances import FrechetOfSets, KernelOfSets
from evaluation.metrics.sets.kid import kid
from evaluation.protocol import load_protocol
from evaluation.results.result import Result
from evaluation.results.set_features import by_person, collected, packed, unpacked
from moee.weights.registry import registered

NAMES = ("fid_clean", "fid_clean_n", "kid_clean", "sync_c", "sync_offset")


class Pixels:
    """Stands for Inception: eight numbers of each of the first three frames."""

    name, published, fingerprint, provides = "inception-tf2015-clean-3", True, "d" * 64, ("inception_clean",)

    def __init__(self) -> None:
        self.settings = {"resize": "clean"}

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        return {"inception_clean": frames_F3HW[:3, 0, 0, :8].float() / 99}


class Ears:
    """Stands for SyncNet: lips are the loudness the frames carry, and it refuses single pictures."""

    name, published, fingerprint, provides = "syncnet-v2", True, "e" * 64, ("sync_video", "sync_audio")

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        if len(frames_F3HW) < 2:
            raise ValueError("too short")
        return {"sync_video": frames_F3HW[:, 0, 0, :16].float()}

    def measure_sound(self, sound_S: Tensor) -> dict[str, Tensor]:
        return {"sync_audio": sound_S.reshape(-1, 640)[:, :16] * 255}


@pytest.fixture(scope="module")
def samples():
    found = [painted(i) for i in range(6)]
    for sample in found:
        lips = sample["frames"][:, 0, 0, :16].float() / 255
        sample["waveform"] = torch.cat([lips, torch.zeros(len(lips), 624)], 1).flatten()
    return found


@pytest.fixture(scope="module")
def made(samples):
    return {s["key"]: (s["frames"].int() * 3 // 4 + 20).to(torch.uint8) for s in samples}


def scored(made, samples, **options) -> Result:
    protocol = replace(load_protocol(PROTOCOL), metrics=("psnr", *NAMES), extractors={})
    return evaluate(made, samples, protocol, extractors=[*judges(), Pixels(), Ears()], **options)


def alike(one: list, other: list) -> bool:
    return all(torch.equal(a, b) for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True))


def test_values_are_those_of_all_features(samples, made):
    result = scored(made, samples)
    pictures = [made[s["key"]] for s in samples], [s["frames"] for s in samples]
    sides = [torch.cat([Pixels().measure(x)["inception_clean"] for x in side]) for side in pictures]
    for name, wanted in (
        ("fid_clean", frechet_distance(*sides)),
        ("fid_clean_n", frechet_distance(*sides, ddof=0)),
        ("kid_clean", kid(*sides)),
    ):
        record = result.metrics[name]
        assert record["value"] == pytest.approx(wanted.item(), rel=1e-9), name
        assert record["interval"][0] <= record["value"] <= record["interval"][1]
        assert record["details"] == {"samples_generated": 18, "samples_true": 18}
        assert record["interval_method"] == "jackknife by identity"
    assert scored({s["key"]: s["frames"] for s in samples}, samples).metrics["fid_clean"]["value"] < 1e-9


def test_the_sound_is_heard_and_single_pictures_are_not_shown(samples, made):
    own = scored({s["key"]: s["frames"] for s in samples}, samples)
    assert not any(row.problem for row in own.rows)
    assert own.metrics["sync_offset"]["value"] == 0
    assert own.metrics["sync_c"]["value"] > scored(made, samples).metrics["sync_c"]["value"]


def test_a_result_with_features_reads_back_and_tells_tampering(samples, made, tmp_path: Path):
    result = scored(made, samples, out=tmp_path / "r.json", cache=tmp_path / "kept")
    again = Result.read(tmp_path / "r.json")
    assert again.digest == result.digest
    assert all(
        torch.equal(a, b)
        for one, other in zip(
            result.features["inception_clean"], again.features["inception_clean"], strict=True
        )
        for a, b in zip(one, other, strict=True)
    )
    assert scored(made, samples, cache=tmp_path / "kept").digest == result.digest
    beside = tmp_path / "r.sums.safetensors"
    beside.write_bytes(beside.read_bytes()[:-4] + b"\x00\x00\x00\x7f")
    with pytest.raises(ValueError, match="was changed after"):
        Result.read(tmp_path / "r.json")


def test_an_interval_is_found_once_and_a_value_is_checked_without_it(samples, made, tmp_path, monkeypatch):
    calls, path = [], tmp_path / "r.json"
    for kind in (FrechetOfSets, KernelOfSets):
        found = kind.jackknife
        monkeypatch.setattr(kind, "jackknife", lambda *a, found=found: calls.append(1) or found(*a))
    result = scored(made, samples, out=path)
    assert len(calls) == 3  # fid_clean, fid_clean_n, kid_clean
    unchecked = Result.read(path, set_intervals=False)
    assert unchecked.metrics == result.metrics
    assert len(calls) == 3
    whole = Result.read(path)
    whole.verify()  # as a board does with what it read
    assert len(calls) == 6
    for found in (unchecked, whole):
        found.metrics["fid_clean"]["interval"][0] -= 1
        with pytest.raises(ValueError, match="fid_clean claims interval"):
            found.verify()
    result.metrics["kid_clean"]["interval"][1] += 0.5
    result.write(path)  # signed
    with pytest.raises(ValueError, match="kid_clean claims interval"):
        Result.read(path)
    Result.read(path, set_intervals=False)
    result.metrics["fid_clean"]["value"] += 1
    result.write(path)
    with pytest.raises(ValueError, match="fid_clean claims value"):
        Result.read(path, set_intervals=False)


def test_seeds_failures_and_a_single_person(samples, made):
    fewer = {key: frames for key, frames in made.items() if key != "clip-1"}
    result = scored(fewer, samples)
    assert result.metrics["fid_clean"]["details"]["samples_true"] == 15
    assert result.metrics["fid_clean"]["n_failed"] == 1
    alone = scored({s["key"]: made[s["key"]] for s in samples[:2]}, samples[:2])  # both show one person
    assert alone.metrics["fid_clean"]["value"] > 0
    assert alone.metrics["fid_clean"]["interval"] is None


def test_settings_and_weights_keep_results_apart(samples, made):
    one, other = scored(made, samples), scored(made, samples)
    other.extractors["inception-tf2015-clean-3"]["settings"] = {"resize": "clean", "frames_of_a_clip": 8}
    assert one.comparable["extractors"] != other.comparable["extractors"]
    assert one.comparable["data"] == other.comparable["data"]


def test_no_paired_test_is_made_of_them(samples, made):
    one, other = scored(made, samples), scored({s["key"]: s["frames"] for s in samples}, samples)
    assert "fid_clean" not in {pair.metric for pair in compare([one, other])}
    with pytest.raises(ValueError, match="fid_clean is a distance of sets"):
        compare([one, other], metrics=["fid_clean"])


@pytest.mark.parametrize("name", [name for name in SET_METRICS if name.endswith(("clean", "crop_48_n"))])
def test_they_are_torchmetrics_too(name: str):
    class Small(SET_METRICS[name]):  # type: ignore[misc,valid-type]
        width = 5

    x, y = torch.randn(30, 5), torch.randn(24, 5) * 1.3
    metric = Small()  # type: ignore[abstract]
    assert metric.compute().isnan()
    for a, b in zip(x.split(10), y.split(8), strict=True):
        metric.update(a, b)
    assert isinstance(metric, FrechetOfSets | KernelOfSets)
    wanted = kid(x, y) if isinstance(metric, KernelOfSets) else frechet_distance(x, y, ddof=metric.ddof)
    assert metric.compute().item() == pytest.approx(wanted.item(), rel=1e-9)
    metric.reset()
    assert metric.compute().isnan()


def test_features_are_grouped_and_packed():
    clips = [(torch.full((i + 1, 2), float(i)), torch.full((2, 2), float(-i))) for i in range(3)]
    features = {"inception_clean": clips}
    back = unpacked(packed(features) | {"psnr": torch.zeros(3, 2)})["inception_clean"]
    assert all(
        torch.equal(a, b)
        for one, other in zip(clips, back, strict=True)
        for a, b in zip(one, other, strict=True)
    )
    made, true = by_person(clips, ["b", "a", "b"])
    assert [x[:, 0].tolist() for x in made] == [[1, 1], [0, 2, 2, 2]]
    assert [len(x) for x in true] == [2, 4]
    assert collected([{"psnr": torch.zeros(2)}]) == {}
    broken = packed(features)
    broken["features/inception_clean/made"] = broken["features/inception_clean/made"][:-1]
    with pytest.raises(ValueError, match=r"\[6, 6\] samples counted, 5 and 6 kept"):
        unpacked(broken)


def test_names_carry_what_decides_them(tmp_path: Path):
    assert published("embedded-judge") is None
    for name, weights in (
        ("inception-tf2015-torch_aa-8", "inception_tf2015"),
        ("i3d-kinetics400-crop-48", "i3d_kinetics400"),
        ("videomae2-giant-ssv2-squash-16", "videomae2_giant_ssv2"),
        ("syncnet-v2", "syncnet_v2"),
        ("mediapipe-face-v2-landmarks", "face_landmarker"),
    ):
        family = published(name)
        assert family is not None
        assert family.weights == weights
        with pytest.raises(FileNotFoundError, match="absent"):
            load_published_extractor(name, tmp_path / "absent.pth")
    for name, wanted in (
        ("3ddfa-v2-mb05-mediapipe", "3ddfa_v2_mean_std, face_landmarker"),
        ("mini-xception-fer2013-mediapipe", "face_landmarker"),
        ("emonet8-mediapipe", "face_landmarker"),
    ):
        with pytest.raises(ValueError, match=f"{name} needs beside its own file: {wanted}$"):
            load_published_extractor(name, tmp_path / "absent.pth")
        assert {registered(other).name for other in published(name).beside} == set(wanted.split(", "))
    with pytest.raises(ValueError, match="no published network 'inception-tf2015-box'"):
        load_published_extractor("inception-tf2015-box", tmp_path)
    fields = ("inception_", "i3d_", "videomae_", "expression_3ddfa")
    assert all(METRICS[name].needs[0].startswith(fields) for name in SET_METRICS)
