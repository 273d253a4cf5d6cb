"""R10: what may come in. Sizes, colours, missing faces, short clips, repeats, missing weights.

A killed run that goes on, empty ranks, two clocks and two paths have tests of their own: see
`test_kept_rows`, `test_metrics_distributed` and `test_result`.
"""

import socket
from dataclasses import replace

import pytest
import torch
from judges import PROTOCOL, judges, painted

from datamodules.batch import CLASSES, EMOTIONS, parse_blend
from evaluation.clips.pair import Pair
from evaluation.evaluate import evaluate, evaluate_pairs
from evaluation.extractors.catalogue import load_published_extractor
from evaluation.metrics import METRICS
from evaluation.metrics.base import ClipMetric
from evaluation.protocol import load_protocol
from moee.judging.protocols import find_protocol, load_extractor, load_extractors
from moee.weights.registry import PUBLISHED, find

FRAMES = 24
MISSING = 7  # the frame without a face
CLIP_WISE = ("sync",)  # a clip with a window that could not be measured has no value


@pytest.fixture(scope="module")
def networks():
    return load_extractors(load_protocol(find_protocol("embedded-v2")))


def smooth_video(frames: int = 6, size: int = 128, seed: int = 0) -> torch.Tensor:
    """Slow waves of colour, so that resizing loses little."""
    g = torch.Generator().manual_seed(seed)
    low = torch.rand(frames, 3, 6, 6, generator=g)
    return (torch.nn.functional.interpolate(low, (size, size), mode="bicubic").clamp(0, 1) * 255).to(
        torch.uint8
    )


def pixel_protocol():
    return replace(load_protocol(PROTOCOL), metrics=("psnr", "ssim"), extractors={})


def test_other_sizes_are_the_same_picture():
    protocol, truth = pixel_protocol(), {"frames": smooth_video(), "identity": "a"}
    made = [Pair(f"c{size}", "a", smooth_video(size=size), truth) for size in (64, 128, 200, 256)]
    result = evaluate_pairs(made, protocol)
    values = {row.key: row.values["psnr"] for row in result.rows}
    assert values["c128"] == 100
    assert all(value > 30 for value in values.values()), values


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: x[..., :100], "the video is 100 x 128, the protocol compares square face crops"),
        (lambda x: x[:, :1], "expected uint8 (F, 3, H, W)"),
        (lambda x: torch.cat([x, x[:, :1]], 1), "expected uint8 (F, 3, H, W)"),
        (lambda x: x.float() / 255, "expected uint8 (F, 3, H, W)"),
        (lambda x: x[:0], "no frames"),
        (lambda x: x[0], "expected uint8 (F, 3, H, W)"),
    ],
    ids=["wide", "one channel", "with alpha", "floats", "empty", "a picture"],
)
def test_what_is_no_video_is_a_row_with_a_reason_and_the_others_stand(change, said):
    truth = {"frames": smooth_video()}
    pairs = [Pair("bad", "a", change(smooth_video()), truth), Pair("good", "b", smooth_video(), truth)]
    result = evaluate_pairs(pairs, pixel_protocol())
    bad, good = result.rows
    assert said in bad.problem
    assert "\n" not in bad.problem
    assert good.values["psnr"] == 100
    assert result.metrics["psnr"]["n_failed"] == 1


@pytest.mark.parametrize(("height", "width"), [(128, 100), (96, 171), (720, 405)])
def test_a_video_of_any_shape_is_judged_where_the_protocol_cuts_the_face(height, width):
    class Finder:
        name, published, fingerprint, provides = "finder", True, "f" * 64, ("face_square",)

        def measure(self, frames_F3HW: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"face_square": torch.tensor([width // 4, -3, height // 2 + 1])}

    plain = pixel_protocol()
    cutting = replace(plain, preprocessing=dict(plain.preprocessing) | {"face_crop": "reference"})
    true = torch.nn.functional.interpolate(smooth_video().float(), (height, width)).to(torch.uint8)
    pairs = [Pair("same", "a", true, {"frames": true}), Pair("other", "a", true.flip(-1), {"frames": true})]
    other, same = evaluate_pairs(pairs, cutting, extractors=[Finder()]).rows
    assert same.values["psnr"] == 100
    assert other.values["psnr"] < 40
    for row in evaluate_pairs(pairs, plain).rows:
        assert f"the video is {width} x {height}, the protocol compares square face crops" in row.problem


def test_a_grey_video_is_a_video(networks):
    colour = smooth_video(20)
    grey = colour.float().mean(1, keepdim=True).round().to(torch.uint8).expand(-1, 3, -1, -1)
    for network in networks:
        for name, value in network.measure(grey).items():
            assert value.isfinite().all(), name
    sync = next(network for network in networks if network.name == "embedded-sync")
    likeness = (sync.measure(grey)[sync.provides[0]] * sync.measure(colour)[sync.provides[0]]).sum(1)
    assert likeness.mean() > 0.8  # it looks at grey anyway, weighted otherwise


def test_pictures_without_a_face_do_not_stop_an_evaluation(networks):
    truth = painted(0) | {
        "frames": torch.zeros(20, 3, 128, 128, dtype=torch.uint8),
        "waveform": torch.zeros(12_800),
    }
    result = evaluate_pairs(
        [Pair("c", "a", truth["frames"], truth)],
        find_protocol("embedded-v2"),
        None,
        networks,
        truth="measured",
    )
    assert not result.rows[0].problem
    values = {name: record["value"] for name, record in result.metrics.items()}
    assert values["akd"] == pytest.approx(0, abs=1e-6)
    assert values["sync_c_embedded"] == pytest.approx(0, abs=1e-5)  # nothing moves and nothing sounds


def test_batches_and_their_order_change_nothing(networks):
    frames = torch.cat([smooth_video(9, seed=i) for i in range(2)])
    for network in networks:
        whole = network.measure(frames)
        for name, value in whole.items():
            if name.startswith("embedded_sync"):
                pieces = torch.cat([network.measure(part)[name] for part in (frames[:11], frames[7:])])
            else:
                pieces = torch.cat([network.measure(part)[name] for part in frames.split(5)])
                turned = network.measure(frames.flip(0))[name].flip(0)
                assert torch.allclose(turned, value, atol=1e-4, rtol=1e-4), name
            assert torch.allclose(pieces, value, atol=1e-4, rtol=1e-4), name


def test_a_clip_given_twice_counts_once():
    samples = [painted(i) for i in range(3)]
    pairs = [Pair(s["key"], s["identity"], s["frames"].flip(-1), s) for s in samples]
    once = evaluate_pairs(pairs, PROTOCOL, extractors=judges())
    twice = evaluate_pairs([*pairs, *pairs[:2]], PROTOCOL, extractors=judges())
    assert twice.metrics == once.metrics
    assert twice.data == once.data


def test_a_clip_too_short_for_the_windows_keeps_its_other_numbers(networks):
    truth = painted(0)  # four frames
    result = evaluate_pairs(
        [Pair("c", "a", truth["frames"], truth)], find_protocol("embedded-v2"), None, networks
    )
    assert not result.rows[0].problem
    assert result.metrics["psnr"]["value"] == 100
    for name in ("sync_c_embedded", "sync_d_embedded", "sync_offset_embedded"):
        assert result.metrics[name]["value"] is None


def measured(seed: int) -> dict[str, torch.Tensor]:
    """Every field a metric can need, of a face that moves at random."""
    g = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=g)

    units = rand(FRAMES, 15)
    return {
        "action_units": units,
        "measured_action_units": units,
        "emotion": torch.softmax(3 * rand(FRAMES, len(CLASSES)), -1),
        "blend": parse_blend(EMOTIONS[0]),
        "lip_opening": rand(FRAMES),
        "landmarks": rand(1, 68, 2) * 100 + 5 * rand(FRAMES, 68, 2),
        "identity": rand(FRAMES, 64),
        "identity_reference": rand(1, 64),
        "features": rand(FRAMES, 64),
        **{
            f"{mark}sync_{side}": rand(FRAMES, 64)
            for mark in ("", "embedded_")
            for side in ("video", "audio")
        },
    }


def faceless() -> list[str]:
    known = measured(0)
    return [name for name, metric in METRICS.items() if set(metric.needs) <= known.keys() - {"frames"}]


@pytest.mark.parametrize("name", faceless())
def test_a_frame_without_a_face_leaves_the_others_their_value(name):
    kind: type[ClipMetric] = METRICS[name]
    made, true = measured(1)[kind.needs[0]], measured(2)[kind.needs[1]]
    blind = made.clone()
    blind[MISSING] = torch.nan
    whole, holed = kind(), kind()
    whole.update(made, true)
    holed.update(blind, true)
    if name.startswith(CLIP_WISE):
        assert holed.compute().isnan()
        assert holed.details(holed.sums)["clips_scored"] == 0
    elif whole.compute().isfinite():
        assert holed.compute().isfinite()
        wanted = float(whole.compute())
        assert abs(float(holed.compute()) - wanted) < 0.35 * max(abs(wanted), 0.3), wanted
    assert not holed.sums.isnan().any()


def test_one_bad_clip_does_not_poison_the_value():
    for name in ("fid_embedded", "au_correlation", "au_rmse", "akd", "csim_frame"):
        kind = METRICS[name]
        made, true = measured(1)[kind.needs[0]], measured(2)[kind.needs[1]]
        alone, beside = kind(), kind()
        for metric in (alone, beside):
            metric.update(made, true)
        beside.update(torch.full_like(made, torch.nan), true)
        if name == "fid_embedded":  # a distance of sets: the true side has the frames twice
            assert beside.compute().isfinite()
        else:
            assert float(beside.compute()) == pytest.approx(float(alone.compute())), name


NAMES = ("inception-tf2015-clean", "i3d-kinetics400-crop-16", "syncnet-v2")


@pytest.mark.parametrize(
    ("get", "name"),
    [*((load_extractor, name) for name in NAMES), *((find, network.name) for network in PUBLISHED)],
)
def test_missing_weights_are_one_line_and_no_call_home(get, name, monkeypatch, tmp_path):
    def no_network(*args: object, **options: object) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket, "socket", no_network)
    monkeypatch.setattr(socket, "create_connection", no_network)
    monkeypatch.setenv("MOEE_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"is not here: .*MOEE_WEIGHTS") as found:
        get(name)
    assert "\n" not in str(found.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.model"):
        load_published_extractor("syncnet-v2", tmp_path / "absent.model")


def test_results_of_another_preparation_are_not_compared():
    from evaluation.comparison.compare import compare

    samples = [painted(i) for i in range(4)]
    protocol = load_protocol(PROTOCOL)
    changed = replace(protocol, preprocessing=dict(protocol.preprocessing) | {"extra_frames": 0})
    one, other = (evaluate(samples, samples, p, extractors=judges()) for p in (protocol, changed))
    with pytest.raises(ValueError, match="protocol"):
        compare([one, other])
