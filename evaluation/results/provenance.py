"""What a result says of its protocol, system and networks, as plain data."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal

from torch import nn

from evaluation.extractors.interface import Extractor, describe, doubt_of
from evaluation.metrics.pictures.perceptual import BY_NETWORK
from evaluation.protocol import Protocol
from evaluation.results.rows import Row
from evaluation.results.system import System

Truth = Literal["exact", "measured"]


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


def extractor_record(extractors: Sequence[Extractor], lpips: Sequence[nn.Module]) -> dict:
    """Name -> what is known of a network that measured."""
    record = {extractor.name: describe(extractor) | doubt_of(extractor) for extractor in extractors}
    for network in lpips:
        name = str(network.name)
        record[name] = {
            "name": name,
            "published": True,
            "sha256": str(network.fingerprint),
            "provides": [BY_NETWORK[name].name],
        } | doubt_of(network)
    return record
