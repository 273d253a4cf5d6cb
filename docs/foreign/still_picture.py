"""The smallest system there is: each portrait, held still, with its voice. A pattern for wrapping a real one.

It imports nothing of MoEE Suite: what it needs stands in the manifest, what it owes is one video a clip.
"""

import json
import sys
from pathlib import Path

import av


def hold_still(clip: dict, fps: int) -> None:
    """Write the clip's video under a temporary name first: an interruption leaves no half file."""
    target = Path(clip["video"])
    partial = target.with_suffix(".part.mp4")
    with (
        av.open(clip["portrait"]) as picture,
        av.open(clip["audio"]) as voice,
        av.open(str(partial), "w") as out,
    ):
        frame = next(picture.decode(video=0)).reformat(format="yuv420p")
        video = out.add_stream("libx264", rate=fps, width=frame.width, height=frame.height, pix_fmt="yuv420p")
        sound = out.add_stream("aac", rate=16_000)
        for number in range(clip["frames"]):
            frame.pts = number
            out.mux(video.encode(frame))
        out.mux(video.encode())
        for block in voice.decode(audio=0):
            out.mux(sound.encode(block))
        out.mux(sound.encode())
    partial.replace(target)


def main() -> None:
    """Read the manifest that the command line names, and make what it asks for."""
    manifest = json.loads(Path(sys.argv[1]).read_text())
    # A real system loads its network here, once; it also reads manifest["seed"] and each clip's "emotion".
    for clip in manifest["clips"]:
        hold_still(clip, manifest["fps"])
        sys.stdout.write(f"{clip['key']}\n")


if __name__ == "__main__":
    main()
