"""What `moee evaluate` prints of a result."""

from collections.abc import Sequence

from evaluation.comparison.sensitivity import Sensitivity, sensitivities
from evaluation.metrics import METRICS
from evaluation.protocol import NOT_SQUARE, load_protocol
from evaluation.results.data import rate_lines, unmeasured_lines
from evaluation.results.failures import failures
from evaluation.results.notes import clips_without_value, own_notes, reasons_without_value
from evaluation.results.result import Result
from moee.shipped_configs import CONFIGS


def summary(result: Result) -> list[str]:
    """One line for each metric: name, value, interval, unit."""
    lines = []
    for record in result.metrics.values():
        value, interval = record["value"], record["interval"]
        shown = "-" if value is None else f"{value:.4g}"
        reach = f" [{interval[0]:.4g}, {interval[1]:.4g}]" if interval else ""
        lines.append(f"{record['title']:28} {shown}{reach} {record['unit']}".rstrip())
    if "csim_reference" in result.metrics:
        lines.append(f"{'reference picture':28} {result.data['reference'] or '-'}")
    if cost := cost_line(result):
        lines.append(cost)
    failed = sum(bool(row.problem) for row in result.rows)
    lines += doubt_lines(result)
    lines += _missing(result)
    if result.data["truth"] == "measured":  # on renderings there is nothing to warn of
        lines += [f"note on {line}" for line in own_notes(result.metrics)]
    lines += rate_lines(result)
    lines.append(f"{len(result.rows)} clips, {failed} failed")
    return [*lines, *(f"  {line}" for line in failures(result.rows))]


def _missing(result: Result) -> list[str]:
    """A line for each reason why something has no number."""
    return [
        *(f"not measured in {line}" for line in unmeasured_lines(result)),
        *(f"without a value in {line}" for line in clips_without_value(result.rows)),
        *(f"without a value, {line}" for line in reasons_without_value(result.metrics)),
    ]


def doubt_lines(result: Result) -> list[str]:
    """Which networks are not known to have the published weights, one line for each reason."""
    doubts = {name: network.get("doubt", "") for name, network in result.extractors.items()}
    return [
        f"{reason}: {', '.join(name for name, doubt in doubts.items() if doubt == reason)}"
        for reason in dict.fromkeys(doubts.values())
        if reason
    ]


def shape_hint(result: Result) -> list[str]:
    """Which protocols cut faces out of videos of any shape, where this one met such a video and does not."""
    if not (failed := sum(NOT_SQUARE in row.problem for row in result.rows)):
        return []
    if "face_crop" in result.protocol["preprocessing"]:
        advice = "--checkpoint needs face crops, as moee prepare makes them"
        return [f"{failed} true videos are not square: {advice}"]
    shipped = (load_protocol(path) for path in sorted((CONFIGS / "protocol").glob("*.yaml")))
    cutting = [protocol.tag for protocol in shipped if "face_crop" in protocol.preprocessing]
    return [f"{failed} videos are not square; the face is cut out by --protocol {' or '.join(cutting)}"]


def cost_line(result: Result) -> str:
    """What a frame cost to make, as far as it is known."""
    seconds, memory = result.seconds_per_frame, result.peak_memory_mb
    operations = result.system.get("tflop_per_frame")
    costs = [
        f"{seconds * 1000:.4g} ms" if seconds else "",
        f"{operations:.3g} TFLOP" if operations else "",
        f"peak memory {memory:.0f} MB" if memory else "",
    ]
    known = [cost for cost in costs if cost]
    return f"{'cost a frame':28} {', '.join(known)}" if known else ""


def limit_table(results: Sequence[Result]) -> list[str]:
    """What each metric can see: all rows side by side, then ceiling, nearest floor and a verdict."""
    by_metric = {each.name: each for each in sensitivities(results)}
    lines = ["", f"{'values':28}" + "".join(f"{f'({i + 1})':>12}" for i in range(len(results)))]
    for name in by_metric:
        title = METRICS[name].title
        cells = [_cell(result, name, by_metric[name]) for result in results]
        lines.append(f"{title:28}" + "".join(f"{cell:>12}" for cell in cells))
    names = [f"({i + 1}) {result.system['name']}" for i, result in enumerate(results)]
    lines += [
        ", ".join(names),
        "~ this floor's interval meets that of a real video, also if encoded again",
    ]
    in_summary = _missing(results[0])
    for i, result in enumerate(results, 1):
        lines += [f"({i}) {line}" for line in _missing(result) if line not in in_summary]
    lines.append("")
    heads = ("what each metric sees", "real video", "its halves", "nearest floor")
    lines.append(f"{heads[0]:28}{heads[1]:26}{heads[2]:26}{heads[3]:52}sees")
    return [*lines, *map(_sensitivity_line, by_metric.values())]


def _cell(result: Result, name: str, sensitivity: Sensitivity) -> str:
    record, blind = result.metrics.get(name), result.system["name"] in sensitivity.not_told_apart
    shown = "-" if record is None or record["value"] is None else f"{record['value']:.4g}"
    return f"{'~' * blind}{shown}"


def _sensitivity_line(seen: Sensitivity) -> str:
    """Ceiling, halves, nearest floor, and whether the metric tells the floors from real video."""
    halves = "-" if seen.halves is None else _reach(*seen.halves)
    floor = "-" if seen.nearest is None else f"{_reach(*seen.nearest[1:])} {seen.nearest[0]}"
    verdict = "all floors" if not seen.not_told_apart else f"not {', '.join(seen.not_told_apart)}"
    if not seen.sees:
        verdict = "NOTHING" if seen.not_told_apart else "no floor to tell"
    real = _reach(seen.real, seen.interval)
    return f"{METRICS[seen.name].title:27} {real:25} {halves:25} {floor:51} {verdict}".rstrip()


def _reach(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.4g} [{interval[0]:.3g}, {interval[1]:.3g}]"
