"""The demo's page: one HTML file beside its videos, opened from disk, without any network."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from evaluation.pages.page import page, render
from moee.files import write_text

if TYPE_CHECKING:
    from moee.demo.steps import Step

SHOWN_METRICS = ("emotion_accuracy", "au_correlation", "lip_correlation", "psnr", "csim_reference", "flicker")
ORDER = ("ceiling", "system", "floor")
ARROWS = {"higher": "↑", "lower": "↓", "target": "→"}
SPARK_WIDTH, SPARK_HEIGHT = 220, 48
INTRO = (
    "One portrait, one voice, and a request for an emotion: all that this page shows was made on this machine"
    " by moee demo, offline. How much of the request is to be seen is told by the table, not by the captions."
)
JUDGED = {
    "emotion_accuracy": "the emotion asked for",
    "au_correlation": "the action units",
    "lip_correlation": "the lips",
}
LIMITS = (
    "The shipped weights are small (128 pixels) and learnt from synthetic people only. What they can and "
    "cannot do yet, with scores, stands in their model card, `moee/weights/README.md`.",
    "The judges behind the numbers are small networks of ours, trained on the same synthetic world. The "
    "numbers compare methods; they are not those of a paper.",
    "The few training steps show that both stages run and learn; other weights speak in the videos.",
    "Few clips make wide intervals. `moee evaluate` on more clips narrows them.",
)
NEXT = """moee animate --portrait face.jpg --audio line.wav --emotion happy --out happy.mp4
moee animate --portrait face.jpg --audio line.wav --text "barely holding back tears" --out tears.mp4
moee train embedded-emotion --print-config
moee doctor"""


def write_page(out: Path, steps: "Mapping[str, Step]", seconds: float) -> Path:
    """Write `index.html` into the demo's folder from the records of its steps; its path.

    Args:
        out: the folder.
        steps: by name, what each did.
        seconds: that this run took.
    """
    rows = steps["leaderboard"].facts["rows"]
    values = {
        "grids": [(path, Path(path).stem.replace("-", " ")) for path in steps["grids"].files],
        "verdict": " ".join(verdict(rows)),
        **_numbers(rows),
        "pairs": _pairs(steps["clips"].files, steps["scores"].files),
        "steps": [(step, _facts(step.facts)) for step in steps.values()],
        "work": sum(step.seconds for step in steps.values()),
        "seconds": seconds,
        "limits": [limit.split("`") for limit in LIMITS],
        "next": NEXT,
    }
    path = out / "index.html"
    write_text(path, page("MoEE Suite demo", INTRO, render("demo.html.j2", values, "moee.demo")))
    return path


def _numbers(rows: Mapping[str, Any]) -> dict[str, object]:
    """Columns and rows of the table: the shown metrics that any row has, ceilings first."""
    ordered = sorted(rows.items(), key=lambda item: ORDER.index(item[1]["role"]))
    known = [m for m in SHOWN_METRICS if any(m in row["metrics"] for row in rows.values())]
    records = [next(row["metrics"][m] for row in rows.values() if m in row["metrics"]) for m in known]
    return {
        "columns": [(r["title"], f"{ARROWS[r['direction']]} {r['unit']}") for r in records],
        "rows": [(name, row["role"], [_cell(row["metrics"].get(m)) for m in known]) for name, row in ordered],
    }


def _cell(record: Mapping[str, Any] | None) -> tuple[str, str]:
    """A value and its interval, as they are shown."""
    if record is None or record["value"] is None:
        return "–", ""
    span = record["interval"]
    return f"{record['value']:.3g}", f"{span[0]:.3g} to {span[1]:.3g}" if span else ""


def verdict(rows: Mapping[str, Any]) -> list[str]:
    """In words: what the judges can tell from every floor, and what not, for the demo's one system."""
    floors = [row["metrics"] for row in rows.values() if row["role"] == "floor"]
    systems = [row["metrics"] for row in rows.values() if row["role"] == "system"]
    above: list[str] = []
    below: list[str] = []
    for metric, words in JUDGED.items():
        record = systems[0].get(metric) if systems else None
        floor = [f[metric]["value"] for f in floors if metric in f and f[metric]["value"] is not None]
        if record is not None and floor:
            clear = record["interval"] is not None and record["interval"][0] > max(floor)
            (above if clear else below).append(words)
    parts = [("Clearly above the floor", above), ("Not to be told from the floor on these clips", below)]
    return [f"{start}: {', '.join(names)}." for start, names in parts if names]


def _pairs(true: Iterable[str], scored: Iterable[str]) -> list[tuple[str, str, str]]:
    """Title, true and generated video of each clip that has both."""
    generated = {Path(path).stem: path for path in scored if path.endswith(".mp4")}
    return [
        (stem.partition("-")[2].replace("_", " "), path, generated[stem])
        for path in true
        if (stem := Path(path).stem) in generated
    ]


def _facts(facts: Mapping[str, Any]) -> tuple[str, Markup]:
    """Numbers of a step in words, and the curve of its loss where it has one."""
    plain = ", ".join(f"{key} {value:,}" for key, value in facts.items() if isinstance(value, int | float))
    losses = facts.get("loss") or []
    if not losses:
        return plain, Markup("")
    return f"{plain}, loss {losses[0]:.3g} to {losses[-1]:.3g}", sparkline(losses)


def sparkline(values: list[float]) -> Markup:
    """A small curve of the values as SVG, the largest at the top; nothing for fewer than two."""
    if len(values) < 2:
        return Markup("")
    low, span = min(values), (max(values) - min(values)) or 1.0
    across, down = (SPARK_WIDTH - 4) / (len(values) - 1), (SPARK_HEIGHT - 4) / span
    points = " ".join(f"{2 + across * i:.1f},{2 + down * (low + span - v):.1f}" for i, v in enumerate(values))
    size = {"width": SPARK_WIDTH, "height": SPARK_HEIGHT}
    return render("sparkline.svg.j2", size | {"points": points}, "moee.demo")
