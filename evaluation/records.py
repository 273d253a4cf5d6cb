"""What a result says of its protocol, system, data and networks, as plain data."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal

from torch import Tensor, nn

from evaluation.features import Extractor, describe
from evaluation.metrics.perceptual import BY_NETWORK
from evaluation.protocol import Protocol, digest_of
from evaluation.result import Row, System

Truth = Literal["exact", "measured"]
# a row, its large sums, the digest of its truth, whether the truth has a reference picture
Found = tuple[Row, dict[str, Tensor], str, bool]


def protocol_record(protocol: Protocol) -> dict:
    """Name, tag, sha256, preparation and statistics."""
    return {
        "name": protocol.name,
        "version": protocol.version,
        "tag": protocol.tag,
        "sha256": protocol.digest,
        "preprocessing": dict(protocol.preprocessing) | {"sha256": protocol.preprocessing_digest},
        "statistics": dict(protocol.statistics),
    }


def system_record(system: System, rows: Sequence[Row]) -> dict:
    """The system, with the seeds of the rows where it tells none."""
    return asdict(system) | {"seeds": system.seeds or sorted({row.seed for row in rows})}


def data_record(told: Sequence[tuple[Row, str, bool]], truth: Truth) -> dict:
    """sha256 of the truth, where its quantities and its reference pictures come from, keys and counts.

    Args:
        told: row, digest of its truth and whether that has a reference picture, in order.
        truth: of action units and landmarks.
    """
    rows = [row for row, *_ in told]
    digests = {row.key: known for row, known, _ in reversed(told)}
    return {
        "sha256": digest_of(sorted(digests.items())),
        "truth": truth,
        "reference": _reference({row.key: given for row, _, given in told if not row.problem}),
        "clips": len(digests),
        "identities": len({row.identity for row in rows}),
        "frames": sum(row.frames for row in rows),
        "failed": sum(bool(row.problem) for row in rows),
        "keys": sorted(digests),
    }


def _reference(given: dict[str, bool]) -> str:
    """With which picture of each evaluated clip the generated ones are compared."""
    count = sum(given.values())
    if count == len(given):
        return "given pictures" if given else ""
    first = "first true frame with a face"
    return f"given pictures of {count} of {len(given)} clips, else {first}" if count else first


def extractor_record(extractors: Sequence[Extractor], lpips: Sequence[nn.Module]) -> dict:
    """Name -> what is known of a network that measured."""
    record = {extractor.name: describe(extractor) for extractor in extractors}
    for network in lpips:
        name = str(network.name)
        record[name] = {
            "name": name,
            "published": True,
            "sha256": str(network.fingerprint),
            "provides": [BY_NETWORK[name].name],
        }
    return record
