"""The judge: metrics, extractors, protocols, results and the leaderboard. Imports the contract and itself."""

from evaluation.extractors.identity import IdentityTraining
from evaluation.extractors.judge import JudgeTraining
from evaluation.extractors.sync_training import SyncTraining

__all__ = ["IdentityTraining", "JudgeTraining", "SyncTraining"]
