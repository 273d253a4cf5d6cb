from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from judges import FRAMES, PROTOCOL, PaintedJudge, judges, limit_pairs, painted

from datamodules.batch import Sample
from evaluation.clips.floors import ceiling_and_floors, other_people
from evaluation.clips.folders import clips_of_folder, videos_of_folder
from evaluation.clips.pair import Pair
from evaluation.clips.pairing import generated_pairs
from evaluation.clips.samples import clips_of_samples
from evaluation.evaluate import evaluate, evaluate_pairs
from evaluation.metrics import METRICS
from evaluation.protocol import load_protocol, prepare
from evaluation.results.system import System


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return [painted(i) for i in range(6)]


@pytest.fixture(scope="module")
def real(samples):
    return evaluate(samples, samples, PROTOCOL, extractors=judges(), system=System("real", "ceiling"))


def test_the_truth_against_itself(real):
    values = {name: record["value"] for name, record in real.metrics.items()}
    assert values["psnr"] == 100
    for name in (
        "ssim",
        "au_correlation",
        "au_concordance",
        "emotion_accuracy",
        "compound_emotion",
        "csim_frame",
    ):
        assert values[name] == pytest.approx(1), name
    for name in ("akd", "f_lmd", "m_lmd", "grain", "fid_embedded", "efid_embedded"):
        assert values[name] == pytest.approx(0, abs=1e-6), name
    assert real.metrics["psnr"]["n"] == 6
    assert real.data["identities"] == 3
    assert real.metrics["psnr"]["seed_spread"] is None


def test_every_metric_of_the_next_protocol_on_the_truth_itself(samples):
    protocol = load_protocol(PROTOCOL.with_name("embedded-v1.yaml"))
    pairs = limit_pairs("real video", samples)
    result = evaluate_pairs(pairs, protocol, extractors=judges(), truth="measured")
    assert result.metrics.keys() == set(protocol.metrics)
    assert result.metrics["au_f1"]["value"] is None  # 24 frames in all: no unit has support
    for name, record in result.metrics.items():
        if name in ("psnr", "flicker", "au_f1", "au_f1_anchor"):
            continue
        best = METRICS[name].target if METRICS[name].target is not None else METRICS[name].higher_is_better
        assert record["value"] == pytest.approx(float(best), abs=1e-6), name
        if name == "compound_emotion":
            assert record["interval"] is None  # a single person shows one
            continue
        low, high = record["interval"]
        assert low == pytest.approx(high, abs=1e-6), name
    assert result.metrics["ssim"]["interval_method"] == "BCa bootstrap by identity"
    assert result.metrics["fid_embedded"]["interval_method"] == "jackknife by identity"


def test_what_nobody_knows_has_no_value(real):
    assert "lip_correlation" not in real.metrics  # these clips carry no landmarks, so no exact lip opening


def test_measured_truth_is_used_for_videos_without_exact_truth(samples):
    pairs = limit_pairs("real video", samples)
    result = evaluate_pairs(pairs, PROTOCOL, extractors=judges(), truth="measured")
    assert result.metrics["lip_correlation"]["value"] == pytest.approx(1)
    assert result.data["truth"] == "measured"


def test_limits_are_told_apart(samples):
    found, clips = {}, clips_of_samples(samples)
    for name, role, make in ceiling_and_floors(clips):
        pairs = generated_pairs(clips, make)
        found[name] = evaluate_pairs(pairs, PROTOCOL, extractors=judges(), system=System(name, role))
    assert len({result.data["sha256"] for result in found.values()}) == 1
    values = {name: {m: r["value"] for m, r in result.metrics.items()} for name, result in found.items()}
    assert values["static reference"]["au_correlation"] < values["real video"]["au_correlation"] / 2
    assert values["shuffled clips"]["csim_reference"] < values["real video"]["csim_reference"]
    assert values["shuffled clips"]["emotion_accuracy"] < values["real video"]["emotion_accuracy"]
    assert values["static reference"]["csim_reference"] == pytest.approx(1)


class Distance(torch.nn.Module):
    """Stands for LPIPS on VGG: mean absolute difference."""

    name, fingerprint = "lpips-vgg", "c" * 64

    def forward(self, a, b):
        return (a - b).abs().mean((1, 2, 3))


def test_each_lpips_trunk_is_a_metric_of_its_own_where_the_protocol_names_it(samples):
    made = {sample["key"]: painted(i + 1)["frames"] for i, sample in enumerate(samples)}
    protocol = load_protocol(PROTOCOL)
    both = replace(protocol, optional_metrics=("lpips", "lpips_vgg"))
    result = evaluate(made, samples, both, extractors=judges(), lpips=[Distance()])
    assert "lpips" not in result.metrics
    assert result.metrics["lpips_vgg"]["value"] > 0
    assert result.extractors["lpips-vgg"]["provides"] == ["lpips_vgg"]
    with pytest.raises(ValueError, match="has no metric lpips_vgg: leave its network out"):
        evaluate(made, samples, protocol, extractors=judges(), lpips=[Distance()])


class Sighted:
    """An identity network that finds no face in dark frames, and refuses a clip without any."""

    name, fingerprint, published, provides = "sighted", "f" * 64, False, ("identity",)
    settings: ClassVar[dict] = {}

    def measure(self, frames):
        light = frames.float().mean((1, 2, 3)) > 1
        if not light.any():
            raise ValueError(f"sighted: no face in any of the {len(frames)} frames")
        return {"identity": torch.where(light[:, None], 1.0, torch.nan).expand(-1, 4)}


@pytest.mark.parametrize("given", [False, True])
def test_a_dark_first_frame_loses_one_frame_and_a_dark_reference_is_named(samples, given):
    sample = dict(samples[0]) | {"frames": samples[0]["frames"].clone()}
    sample["frames"][0] = 0
    sample |= {"reference": sample["frames"][0]} if given else {}
    if not given:
        sample.pop("reference", None)
    protocol = replace(
        load_protocol(PROTOCOL),
        metrics=("csim_reference",),
        optional_metrics=(),
        extractors={"identity": "sighted"},
    )
    result = evaluate({sample["key"]: sample["frames"]}, [sample], protocol, extractors=[Sighted()])
    (row,) = result.rows
    assert bool(row.problem) == given
    if given:
        assert "the reference picture: sighted: no face" in row.problem
    else:
        assert result.metrics["csim_reference"]["value"] == pytest.approx(1)


def test_shuffled_clips_show_other_people(samples):
    names = [sample["identity"] for sample in samples]
    assert all(names[i] != names[other] for i, other in enumerate(other_people(names)))
    assert other_people(["a", "a", "a"]) == [1, 2, 0]  # nobody else is there: at least another clip
    with pytest.raises(ValueError, match="at least two clips"):
        other_people(["a"])


def test_another_clip_is_looped_to_the_length_it_stands_for(samples):
    short = dict(samples[0]) | {"frames": samples[0]["frames"][:3]}
    clips = clips_of_samples([short, samples[2]])  # type: ignore[list-item]
    another = dict((name, make) for name, _, make in ceiling_and_floors(clips))["shuffled clips"]
    shown = another(1, samples[2], 0)
    assert torch.equal(shown, short["frames"][[0, 1, 2, 0]])


def test_failures_are_rows_with_a_reason(samples):
    made = {s["key"]: s["frames"] for s in samples[2:]}
    made["clip-2"] = made["clip-2"][:1]
    made["clip-3"] = made["clip-3"][..., :100]
    result = evaluate(made, samples, PROTOCOL, extractors=judges())
    problems = {row.key: row.problem for row in result.rows if row.problem}
    assert set(problems) == {"clip-0", "clip-1", "clip-2", "clip-3"}
    assert problems["clip-0"] == "nothing was generated"
    assert "1 frames generated, 4 true" in problems["clip-2"]
    assert "100 x 128" in problems["clip-3"]
    assert result.metrics["psnr"]["n"] == 2
    assert result.metrics["psnr"]["n_failed"] == 4
    assert result.data["failed"] == 4


def test_nothing_generated_at_all_still_gives_the_reasons(samples):
    result = evaluate({}, samples, PROTOCOL, extractors=judges())
    assert all(row.problem for row in result.rows)
    assert result.metrics == {}


def test_order_of_clips_changes_no_number(samples, real):
    other = evaluate(list(reversed(samples)), list(reversed(samples)), PROTOCOL, extractors=judges())
    assert other.data["sha256"] == real.data["sha256"]
    for name, record in real.metrics.items():
        assert other.metrics[name]["value"] == pytest.approx(record["value"], abs=1e-9), name


def test_seeds_are_reported_apart(samples):
    def noisy(sample: Sample, seed: int) -> Pair:
        noise = torch.randint(
            0, 3 + seed, sample["frames"].shape, generator=torch.Generator().manual_seed(seed)
        )
        frames = (sample["frames"].int() + noise).clamp(0, 255).to(torch.uint8)
        return Pair(sample["key"], sample["identity"], frames, sample, seed)

    pairs = [noisy(sample, seed) for seed in (1, 2) for sample in samples]
    result = evaluate_pairs(pairs, PROTOCOL, extractors=judges())
    by_seed = result.metrics["psnr"]["by_seed"]
    assert set(by_seed) == {"1", "2"}
    assert by_seed["1"] > by_seed["2"]
    assert result.metrics["psnr"]["value"] == pytest.approx(sum(by_seed.values()) / 2)
    spread = abs(by_seed["1"] - by_seed["2"]) / 2**0.5
    assert result.metrics["psnr"]["between_seeds"] == pytest.approx(spread)
    apart = result.metrics["psnr"]["seed_spread"]
    assert apart["seed_means"] == pytest.approx(spread)
    assert apart["seeds"] == pytest.approx(spread, rel=0.05)  # each clip loses about the same
    assert (apart["clip_count"], apart["seed_count"]) == (6, 2)
    assert result.metrics["fid_embedded"]["seed_spread"] is None  # no clip has a Fréchet distance of its own
    assert result.system["seeds"] == [1, 2]
    assert result.data["clips"] == 6


@dataclass
class Video:
    frames: torch.Tensor


def read_video(path) -> Video:
    if path.read_text() == "broken":
        raise ValueError(f"{path.name}: not a video")
    return Video(painted(int(path.read_text()))["frames"])


@pytest.fixture
def folders(tmp_path):
    for name in ("made", "true"):
        (tmp_path / name).mkdir()
        for i in range(3):
            (tmp_path / name / f"v{i}.mp4").write_text(str(i))
    return tmp_path / "made", tmp_path / "true"


def test_folders_are_matched_by_name(folders, samples):
    made, true = folders
    (made / "v1.mp4").write_text("broken")
    (made / "v2.mp4").unlink()
    about = {"v0": {"identity": "someone", "blend": samples[0]["blend"]}}
    result = evaluate(made, true, PROTOCOL, extractors=judges(), read_video=read_video, about=about)
    assert [row.problem for row in result.rows] == ["", "v1.mp4: not a video", "nothing was generated"]
    assert result.rows[0].identity == "someone"
    assert result.rows[0].label == "happy"
    assert result.metrics["psnr"]["value"] == 100
    assert result.metrics["psnr"]["interval"] is None  # one person gives no interval


def test_folders_that_do_not_belong_together(folders):
    made, true = folders
    (made / "v9.mp4").write_text("0")
    clips = clips_of_folder(true, read_video)
    with pytest.raises(ValueError, match=r"no counterpart.*'v9'"):
        videos_of_folder(made, clips, read_video)
    with pytest.raises(FileNotFoundError, match="no folder"):
        videos_of_folder(made / "absent", clips, read_video)
    with pytest.raises(ValueError, match="read_video"):
        evaluate(made, true, PROTOCOL, extractors=judges())


def test_the_protocol_insists_on_its_networks(samples):
    with pytest.raises(ValueError, match="needs embedded-identity as identity, given: embedded-judge"):
        evaluate(samples, samples, PROTOCOL, extractors=[PaintedJudge()])
    protocol = replace(load_protocol(PROTOCOL), extractors={})
    with pytest.raises(ValueError, match="csim_reference needs 'identity'"):
        evaluate(samples, samples, protocol, extractors=[PaintedJudge()])
    with pytest.raises(ValueError, match="nothing to evaluate"):
        evaluate({}, [], PROTOCOL, extractors=judges())
    with pytest.raises(ValueError, match="1 generated clips have no reference"):
        evaluate({"x": samples[0]["frames"]}, [], PROTOCOL, extractors=judges())


def test_the_protocol_file_is_checked(tmp_path):
    path = tmp_path / "p.yaml"
    for text, complaint in (
        ("name: x\nversion: 0\nmetrics: [psnr, fvd]", "no metric 'fvd', did you mean"),
        ("name: x\nversion: 0\nmetric: [psnr]", "unknown key 'metric', did you mean 'metrics'"),
        ("name: x\nmetrics: [psnr]", "p.yaml: lacks version"),
        (
            "name: x\nversion: 0\nmetrics: [psnr]\npreprocessing: {sizes: 3}",
            "preprocessing: unknown key 'sizes', did you mean 'size'",
        ),
        (
            "name: x\nversion: 0\nmetrics: [psnr]\nstatistics: {interval: BC}",
            "statistics.interval is 'BC', allowed are percentile, bca",
        ),
        ("- psnr", "key: value"),
        ("name: [", "p.yaml is not readable YAML: while parsing"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=complaint):
            load_protocol(path)
    with pytest.raises(FileNotFoundError, match="no protocol file"):
        load_protocol(tmp_path / "absent.yaml")


def test_the_protocol_hash_follows_its_content():
    protocol = load_protocol(PROTOCOL)
    assert protocol.tag == "embedded-v0"
    assert protocol.digest == load_protocol(PROTOCOL).digest
    assert protocol.digest == replace(protocol, description="other words").digest
    assert protocol.digest != replace(protocol, metrics=protocol.metrics[1:]).digest
    changed = replace(protocol, preprocessing=dict(protocol.preprocessing) | {"size": 64})
    assert protocol.preprocessing_digest != changed.preprocessing_digest
    # results name this hash: a metric's new version changes it, and so parts them from new ones
    assert protocol.digest == "a47e033a5a3b326cbcb4d018ac53181c5192c3225b55ce462f488656dc363c4b"


def test_both_sides_are_prepared_alike():
    frames = painted(0)["frames"]
    assert prepare(frames, 128) is frames
    assert prepare(frames, 64).shape == (FRAMES, 3, 64, 64)
    for bad, complaint in (
        (frames[:0], "no frames"),
        (frames.float(), "expected uint8"),
        (frames[:, :1], "expected uint8"),
    ):
        with pytest.raises(ValueError, match=complaint):
            prepare(bad, 128)
