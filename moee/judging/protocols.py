"""Protocols by their names, and the networks that they ask for."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluation.extractors.interface import Extractor
    from evaluation.protocol import Protocol

DEFAULT_PROTOCOL = "embedded-v2"


def find_protocol(name: str) -> Path:
    """The YAML file of a protocol, by name or by path.

    Raises:
        FileNotFoundError: if there is none; the line has the nearest name.
    """
    from moee.shipped_configs import find_config

    return find_config("protocol", name)


def load_extractors(protocol: "Protocol", given: Iterable[str] = ()) -> "list[Extractor]":
    """The networks a protocol asks for: shipped or registered ones, or files named as `NAME=FILE`.

    Of its optional networks those that are named, as `NAME=FILE` or as `NAME` alone.

    Raises:
        ValueError: for a name the protocol does not ask for, or a file that does not fit.
        FileNotFoundError: for one that is nowhere; the line says how to get it.
    """
    from moee.config_errors import unknown_name

    files: dict[str, Path | None] = dict.fromkeys(protocol.extractors.values())
    known = [*files, *protocol.optional_extractors.values()]
    for pair in given:
        name, equals, path = pair.partition("=")
        if name not in known or (equals and not path):
            raise ValueError(unknown_name(f"--extractor {pair}: expected NAME=FILE or NAME", name, known))
        files[name] = Path(path) if path else None
    return [load_extractor(name, path) for name, path in files.items()]


def load_extractor(name: str, path: Path | None = None) -> "Extractor":
    """One network, of a publication or of ours, from a file or from where `moee weights` keeps it.

    Whether a publication's file is the published one stands in the network's `doubt`, and so in results.
    """
    from evaluation.extractors.catalogue import load_published_extractor, published
    from moee.weights.modules import load_module, locate_weights
    from moee.weights.registry import doubt, find, sha256_of

    if family := published(name):
        beside = [find(other) for other in family.beside]
        network: Any = load_published_extractor(name, path or find(family.weights), beside)
        network.doubt = doubt(family.weights, network.fingerprint)
        return network
    path = locate_weights(path or name)
    network = load_module(path).requires_grad_(False)
    network.fingerprint = sha256_of(path)
    return network
