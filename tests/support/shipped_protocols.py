"""The protocols that ship, and which of them ask networks of publications."""

from places import PROTOCOL_FOLDER

from evaluation.extractors.catalogue import published
from evaluation.extractors.faces.square import FaceSquare
from evaluation.protocol import Protocol, load_protocol

PROTOCOLS = sorted(path.stem for path in PROTOCOL_FOLDER.glob("*.yaml"))


def shipped(name: str) -> Protocol:
    """The protocol of that name."""
    return load_protocol(PROTOCOL_FOLDER / f"{name}.yaml")


def scoring(protocol: Protocol) -> list[str]:
    """Its networks that give scores."""
    return [network for network in protocol.extractors.values() if network != FaceSquare.name]


def is_published(protocol: Protocol) -> bool:
    """Whether a protocol asks networks of publications, whatever it is called."""
    return any(published(network) is not None for network in scoring(protocol))


PUBLISHED = [name for name in PROTOCOLS if is_published(shipped(name))]
