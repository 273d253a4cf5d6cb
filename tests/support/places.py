"""Where tests find the checkout, and what may lie beside it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "tests" / "support"
PROTOCOL_FOLDER = ROOT / "configs" / "protocol"
# Real clips, voices and small published networks; tests that read them skip where they are absent.
SHARED = ROOT.parent / "shared"
