"""The judge: metrics, extractors, protocols, results and the leaderboard. Imports the contract and itself."""

from evaluation.training.identity import IdentityTraining
from evaluation.training.judge import JudgeTraining
from evaluation.training.sync import SyncTraining

__all__ = ["IdentityTraining", "JudgeTraining", "SyncTraining"]
