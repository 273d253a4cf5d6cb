import json
from hashlib import sha256

import pytest
import torch
from judges import PROTOCOL, judges, painted
from safetensors.torch import load_file, save, save_file

from evaluation.clips.pair import Pair
from evaluation.evaluate import evaluate, evaluate_pairs
from evaluation.results.files import put_tensors
from evaluation.results.result import Result
from evaluation.results.system import System


@pytest.fixture
def written(tmp_path):
    samples = [painted(i) for i in range(4)]
    made = {s["key"]: painted(i + 1)["frames"] for i, s in enumerate(samples[:3])}
    path = tmp_path / "result.json"
    evaluate(made, samples, PROTOCOL, path, extractors=judges(), system=System("neighbours"))
    return path


def change(path, edit) -> None:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def test_a_result_comes_back_as_it_was_written(written):
    result = Result.read(written)
    assert result.metrics["psnr"]["n"] == 3
    assert result.metrics["psnr"]["n_failed"] == 1
    assert result.digest == json.loads(written.read_text())["sha256"]
    assert {"value", "interval", "unit", "direction", "version"} <= result.metrics["fid_embedded"].keys()
    low, high = result.metrics["psnr"]["interval"]
    assert low <= result.metrics["psnr"]["value"] <= high


def test_tensors_lie_there_as_safetensors_writes_them(tmp_path):
    tensors = {"b": torch.arange(6.0).view(3, 2).mT, "a": torch.arange(4), "c": torch.ones(2).double()}
    wanted = save({name: x.contiguous() for name, x in tensors.items()})
    assert put_tensors(tmp_path / "t.safetensors", tensors) == sha256(wanted).hexdigest()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [wanted]


def test_no_half_written_files(written):
    assert sorted(path.name for path in written.parent.iterdir()) == [
        "result.json",
        "result.sums.safetensors",
    ]


def test_two_evaluations_find_the_same(written, tmp_path):
    samples = [painted(i) for i in range(4)]
    made = {s["key"]: painted(i + 1)["frames"] for i, s in enumerate(samples[:3])}
    again = evaluate(made, samples, PROTOCOL, extractors=judges(), system=System("neighbours"))
    assert again.digest == Result.read(written).digest


def lips_of(content) -> dict:
    """What is told of the clips without a lip opening: all that were made, as painted ones have none."""
    return content["data"]["unmeasured"]["lip_correlation"]


def resigned(path, edit) -> None:
    """Tamper, and sign what was tampered with."""
    change(path, edit)
    content = json.loads(path.read_text())
    unsigned = Result(
        **{k: content[k] for k in ("protocol", "system", "data", "extractors", "metrics")}, rows=[]
    )
    from evaluation.results.rows import Row

    unsigned.rows = [Row(**row) for row in content["rows"]]
    change(path, lambda c: c.update(sha256=unsigned.digest))


def test_a_changed_aggregate_is_noticed(written):
    change(written, lambda c: c["metrics"]["psnr"].update(value=50.0))
    with pytest.raises(ValueError, match="changed after it was written"):
        Result.read(written)


def test_a_changed_aggregate_is_noticed_even_when_signed_again(written):
    resigned(written, lambda c: c["metrics"]["psnr"].update(value=50.0))
    with pytest.raises(ValueError, match=r"psnr claims value 50\.0, its rows give"):
        Result.read(written)


def test_a_changed_interval_or_an_invented_metric_is_noticed(written):
    before = written.read_text()
    resigned(written, lambda c: c["metrics"]["ssim"].update(interval=[0.9, 0.95]))
    with pytest.raises(ValueError, match="ssim claims interval"):
        Result.read(written)
    written.write_text(before)
    resigned(written, lambda c: c["metrics"].update(lpips=c["metrics"]["psnr"]))
    with pytest.raises(ValueError, match="no rows for lpips"):
        Result.read(written)


def test_a_row_whose_value_does_not_follow_from_its_sums_is_noticed(written):
    resigned(written, lambda c: c["rows"][0]["values"].update(psnr=99.0))
    with pytest.raises(ValueError, match=r"clip-0: psnr claims 99\.0"):
        Result.read(written)


def test_changed_or_missing_sums_are_noticed(written):
    beside = written.with_suffix(".sums.safetensors")
    content = bytearray(beside.read_bytes())
    content[-1] ^= 1
    beside.write_bytes(bytes(content))
    with pytest.raises(ValueError, match=r"result\.sums\.safetensors was changed"):
        Result.read(written)
    beside.unlink()
    with pytest.raises(FileNotFoundError, match="does not lie beside it"):
        Result.read(written)


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (lambda c: c.update(schema_version=99), "has schema 99"),
        (lambda c: c.pop("schema_version"), "not a result"),
        (lambda c: c.pop("data"), "lacks data"),
        (
            lambda c: c["rows"][0].update(extra=1),
            r"rows\[0\]: unknown key 'extra', known are key, identity, label",
        ),
    ],
)
def test_what_is_no_result_is_refused(written, edit, complaint):
    change(written, edit)
    with pytest.raises(ValueError, match=complaint):
        Result.read(written)


def test_files_that_are_no_json(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(ValueError, match="is not JSON"):
        Result.read(tmp_path / "x.json")
    with pytest.raises(FileNotFoundError, match="no result file"):
        Result.read(tmp_path / "absent.json")
    with pytest.raises(ValueError, match="unknown role 'winner'"):
        System("x", role="winner")


@pytest.fixture
def seeded(tmp_path):
    """Two clips of two people with two seeds each."""
    pairs = []
    for i in (0, 2):
        for seed in (0, 1):
            made = painted(i + seed + 1)["frames"]
            pairs.append(Pair(f"clip-{i}", f"person-{i}", made, painted(i), seed))
    evaluate_pairs(pairs, PROTOCOL, tmp_path / "result.json", extractors=judges())
    return tmp_path / "result.json"


@pytest.mark.parametrize(
    ("metric", "what", "value"),
    [
        ("psnr", "between_seeds", 0.001),
        ("psnr", "by_seed", {"0": 30.0, "1": 30.0}),
        ("psnr", "seed_spread", None),
        ("psnr", "unit", "grey levels"),
        ("psnr", "direction", "lower"),
        ("emotion_accuracy", "details", {}),
    ],
)
def test_whatever_follows_from_the_rows_is_checked(seeded, metric, what, value):
    assert Result.read(seeded).metrics[metric][what] is not None
    resigned(seeded, lambda c: c["metrics"][metric].update({what: value}))
    with pytest.raises(ValueError, match=rf"result\.json: {metric}.* its rows") as caught:
        Result.read(seeded)
    assert "\n" not in str(caught.value)


def test_a_seeded_result_comes_back(seeded):
    result = Result.read(seeded)
    assert result.metrics["psnr"]["between_seeds"] > 0
    assert result.metrics["psnr"]["by_seed"].keys() == {"0", "1"}


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda c: c["data"].update(frames=10**6), "claims 1000000 frames, its rows give"),
        (lambda c: c["data"].update(keys=["a"]), "list of clips"),
        (lambda c: c["rows"][3].update(sums=c["rows"][0]["sums"]), "it failed and yet has numbers"),
        (lambda c: c["rows"][0]["values"].pop("psnr"), "psnr with a value or with sums alone"),
        (lambda c: c["rows"][0].update(key="clip-1"), "claims 4 clips, its rows give 3"),
        (lambda c: c["metrics"]["psnr"].update(version="0"), "is of version 0, this suite measures 1"),
        (lambda c: c["metrics"].update(psnr="good"), "metrics.psnr must be `key: value` pairs, got 'good'"),
        (lambda c: c["rows"][0]["sums"].update(magic=[1.0]), "knows no metric 'magic'"),
        (lambda c: c["rows"][0]["sums"].update(psnr=[1.0]), "psnr needs 2 finite sums"),
        (lambda c: c.update(rows=7), "rows must be a list, got 7"),
        (lambda c: lips_of(c).update(clips=1), "lip_correlation claims .*'clips': 1.*rows give .*'clips': 3"),
        (lambda c: lips_of(c).update(why="nobody spoke"), "lip_correlation claims .*nobody spoke"),
        (lambda c: c["data"]["unmeasured"].update(psnr=lips_of(c)), "psnr claims .*give a measured metric"),
        (
            lambda c: [c["rows"][0][part].pop("psnr") for part in ("sums", "values")],
            "psnr claims to be measured everywhere, its rows give .*'clips': 1",
        ),
    ],
)
def test_parts_that_do_not_agree_are_one_line(written, edit, said):
    before = written.read_text()
    try:
        resigned(written, edit)
    except (TypeError, AttributeError):  # what cannot even be signed
        written.write_text(before)
        change(written, edit)
    with pytest.raises(ValueError, match=said) as caught:
        Result.read(written)
    assert str(written) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_result_of_before_operations_were_counted_stays_valid(written):
    assert Result.read(written).system["tflop_per_frame"] is None
    resigned(written, lambda c: c["system"].pop("tflop_per_frame"))
    old = Result.read(written)
    assert "tflop_per_frame" not in old.system
    assert (old.seconds_per_frame, old.peak_memory_mb) == (None, None)
    resigned(written, lambda c: c["system"].update(tflop_per_frame="many"))
    with pytest.raises(ValueError, match=r"system\.tflop_per_frame must be a number or null, got 'many'"):
        Result.read(written)


def test_a_number_that_is_none_is_one_line(written):
    written.write_text(written.read_text().replace('"frames": 12', '"frames": NaN'))
    with pytest.raises(ValueError, match="is not JSON: NaN is no number"):
        Result.read(written)


def test_tensors_that_do_not_fit_the_rows_are_one_line(written):
    beside = written.with_suffix(".sums.safetensors")
    whole = load_file(beside)
    for change_of, said in (
        (lambda x: x[:2], r"fid_embedded needs finite sums \(3, 4290\), found \(2, 4290\)"),
        (lambda x: x * torch.nan, "needs finite sums"),
    ):
        save_file(whole | {"fid_embedded": change_of(whole["fid_embedded"])}, beside)
        mark = sha256(beside.read_bytes()).hexdigest()
        change(written, lambda c, mark=mark: c["sums_file"].update(sha256=mark))
        with pytest.raises(ValueError, match=said):
            Result.read(written)
    change(written, lambda c: c.update(sums_file="sums"))
    with pytest.raises(ValueError, match="sums_file must be `key: value` pairs or null, got 'sums'"):
        Result.read(written)
