"""The data: corpora, shards, preparation and the synthetic world. Imports nothing of ours."""

from datamodules.synthetic_heads import SyntheticHeads

__all__ = ["SyntheticHeads"]
