import json

import pytest
from judges import PROTOCOL, judges, painted

from evaluation.evaluate import evaluate
from evaluation.result import Result, System


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


def resigned(path, edit) -> None:
    """Tamper, and sign what was tampered with."""
    change(path, edit)
    content = json.loads(path.read_text())
    unsigned = Result(
        **{k: content[k] for k in ("protocol", "system", "data", "extractors", "metrics")}, rows=[]
    )
    from evaluation.result import Row

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
        (lambda c: c["rows"][0].update(extra=1), "exactly the fields"),
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
