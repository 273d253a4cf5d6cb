"""The metric reference, written from the metric classes and from `metric_sources.yaml`."""

import inspect
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from evaluation.metrics import METRICS
from evaluation.metrics.base import ClipMetric
from evaluation.protocol import load_protocol

DOCS = Path(__file__).resolve().parent
PROTOCOLS = DOCS.parent / "configs" / "protocol"
FAMILIES = {  # title -> beginnings of names; the first that fits counts
    "Pictures": ("psnr", "ssim", "lpips", "flicker", "grain", "sharpness"),
    "Sets of pictures and videos": ("fid", "kid", "fvd", "efid"),
    "Landmarks and lips": ("akd", "f_lmd", "m_lmd", "lip_correlation"),
    "Lips and sound": ("sync", "lip_loudness", "silent_lips"),
    "Emotion": ("emotion", "compound"),
    "Action units": ("au_",),
    "Identity": ("csim",),
    "Motion of head, lids, lips and brows": ("",),
}
AVERAGES = {
    "frames": "mean over frames",
    "clips": "mean over clips",
    "pooled": "one statistic of all clips",
}


def family_of(name: str) -> str:
    """The title that a metric stands under."""
    return next(title for title, starts in FAMILIES.items() if name.startswith(starts))


def read_sources() -> dict[str, dict[str, str]]:
    """Pattern of names -> source, reference and test."""
    return yaml.safe_load((DOCS / "metric_sources.yaml").read_text())


def source_of(name: str, sources: dict[str, dict[str, str]]) -> tuple[str, dict[str, str]]:
    """The first pattern that fits a metric's name, and what it says.

    Raises:
        KeyError: if none does.
    """
    for pattern, said in sources.items():
        if fnmatchcase(name, pattern):
            return pattern, said
    raise KeyError(f"metric_sources.yaml says nothing of {name}")


def direction(kind: type[ClipMetric]) -> str:
    """Which values are good, in words."""
    if kind.higher_is_better is None:
        return f"best at {kind.target:g}" if kind.target is not None else "no better end"
    return "higher is better" if kind.higher_is_better else "lower is better"


def definition(kind: type[ClipMetric]) -> str:
    """The docstring's prose, as one paragraph of Markdown."""
    text = inspect.cleandoc(kind.__doc__ or "").split("\nArgs:")[0]
    return " ".join(text.split()).replace("*", r"\*").replace("<", r"\<")


def protocols_with() -> dict[str, list[str]]:
    """Metric -> the shipped protocols that have it, optional ones in brackets."""
    places: dict[str, list[str]] = {}
    for path in sorted(PROTOCOLS.glob("*.yaml")):
        protocol = load_protocol(path)
        for name in protocol.metrics:
            places.setdefault(name, []).append(protocol.tag)
        for name in protocol.optional_metrics:
            places.setdefault(name, []).append(f"({protocol.tag})")
    return places


def card(kind: type[ClipMetric], said: dict[str, str], protocols: list[str]) -> str:
    """One metric: its definition, then what else there is to know, a line each."""
    made, true = kind.needs
    needs = f"`{made}`" if made == true else f"`{made}` of the generated clip, `{true}` of the true one"
    facts = {
        "Value": ", ".join(filter(None, [kind.unit, direction(kind), AVERAGES[kind.aggregation]])),
        "Version": f"{kind.version}; interval by {kind.resampling} over people",
        "Needs": needs,
        "Source": said["source"],
        "Checked against": f"{said['reference']} (`tests/evaluation/{said['test']}`)",
        "In protocols": ", ".join(protocols) or "none that ships; name it in one of your own",
    }
    if kind.absent:
        facts["No value where"] = kind.absent
    if kind.note:
        facts["Note"] = kind.note
    lines = [f"(metric-{kind.name})=", f"### `{kind.name}`: {kind.title}", "", definition(kind), ""]
    return "\n".join([*lines, *(f"- **{fact}:** {text}" for fact, text in facts.items()), ""])


def reference() -> str:
    """The whole page."""
    sources, protocols = read_sources(), protocols_with()
    parts = [
        "# Metric reference",
        f"All {len(METRICS)} metrics, made from the classes in `evaluation/metrics` when this page was "
        "built. A number belongs to its name, its version and the networks it rests on: two names never "
        "share a column.",
        "",
    ]
    for title in FAMILIES:
        parts += [f"## {title}", ""]
        for name, kind in METRICS.items():
            if family_of(name) == title:
                parts.append(card(kind, source_of(name, sources)[1], protocols.get(name, [])))
    return "\n".join(parts)


def write_reference(folder: Path) -> Path:
    """`metrics.md` in a folder, which is made; left alone where it would not change."""
    folder.mkdir(exist_ok=True)
    path, text = folder / "metrics.md", reference()
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)
    return path
