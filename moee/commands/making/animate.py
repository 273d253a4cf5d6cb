"""`moee animate`: one portrait, one voice and one emotion to a video with sound."""

import argparse

from moee.arguments import (
    add_checkpoint_argument,
    add_cue_arguments,
    add_device_argument,
    add_precision_argument,
)
from moee.console import progress_bar, say
from moee.generation.settings import GATES, HEAD_MOTIONS, STEPS

DESCRIPTION = """A portrait, a voice and an emotion to a video: H.264 and AAC at 25 frames per second.

Cues may be combined; a timeline changes them over time. The file's `comment` says that it is AI-generated, by
which checkpoint and seed. Animate people only with their consent.
"""
EXAMPLES = """examples:
  moee animate --portrait face.jpg --audio line.wav --emotion happy --out happy.mp4
  moee animate --portrait face.jpg --audio line.wav --text "trying hard not to cry" --out tears.mp4
  moee animate --portrait face.jpg --audio line.wav --au "AU12=0.8,AU6=0.5" --paste-back --out smile.mp4
  moee animate --portrait face.jpg --audio line.wav --timeline mood.json --out mood.mp4
  moee animate --portrait face.jpg --audio line.wav --emotion sad --palette "sad:0.4,fear:0.6" --out dread.mp4
  moee animate --portrait face.jpg --audio line.wav --grid --out grid.mp4

emotions: neutral, happy, sad, angry, disgust, fear, surprise, angrily_disgusted, sadly_surprised,
happily_surprised, fearfully_surprised, or weights that sum to at most 1; "angry above happy" for brows
of one and the mouth of another, where the network knows regions
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `moee animate`."""
    parser.add_argument("--portrait", required=True, metavar="P", help="a picture with one face, of any size")
    parser.add_argument(
        "--audio", required=True, metavar="A", help="the voice: a sound or video file of any length"
    )
    parser.add_argument("--out", required=True, metavar="O.mp4", help="the video to write")
    add_cue_arguments(parser)
    how = parser.add_argument_group("how")
    how.add_argument(
        "--grid", action="store_true", help="neutral, six emotions and a compound one, side by side"
    )
    how.add_argument("--paste-back", action="store_true", help="put the face back into the whole picture")
    how.add_argument(
        "--face-box",
        metavar='"X Y W H"',
        help="the face from hairline to chin, in pixels; it is not looked for then",
    )
    how.add_argument(
        "--detector", metavar="PATH", help="MediaPipe's landmarker (default: as `moee doctor` says)"
    )
    add_checkpoint_argument(how)
    add_device_argument(how, "the network computes")
    add_precision_argument(how)
    how.add_argument(
        "--head-motion",
        choices=HEAD_MOTIONS,
        default="natural",
        help="natural: it drifts, nods and blinks (default: natural)",
    )
    how.add_argument(
        "--steps", type=int, default=STEPS, metavar="N", help=f"sampler steps (default: {STEPS})"
    )
    how.add_argument(
        "--seed", type=int, default=0, metavar="N", help="the same seed gives the same video (default: 0)"
    )
    _add_weights(how)


def _add_weights(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--gate",
        choices=GATES,
        help="what weighs the experts: what the network has learnt, the palette, or both (default: the "
        "checkpoint's own, and the palette alone where one is given to a learnt gate)",
    )
    group.add_argument(
        "--emotion-strength",
        type=float,
        metavar="W",
        help="of the experts, 1 is as they learnt (default: the network's own)",
    )
    group.add_argument(
        "--emotion-guidance",
        type=float,
        default=1.0,
        metavar="W",
        help="the same by a second pass at each step, slower (default: 1)",
    )
    group.add_argument(
        "--audio-guidance",
        type=float,
        default=1.0,
        metavar="W",
        help="above 1: more lip motion (default: 1)",
    )


def run(args: argparse.Namespace) -> int:
    """`moee animate`: 0 when the video is written."""
    from moee.generation.animate import animate

    with progress_bar("frames") as watch:
        animation = animate(
            args.portrait,
            args.audio,
            args.out,
            emotion=args.emotion,
            text=args.text,
            emotion_audio=args.emotion_audio,
            action_units=args.au,
            timeline=args.timeline,
            palette=args.palette,
            grid=args.grid,
            paste_back=args.paste_back,
            face_box=args.face_box,
            detector=args.detector,
            checkpoint=args.checkpoint,
            device=args.device,
            precision=args.precision,
            steps=args.steps,
            seed=args.seed,
            audio_guidance=args.audio_guidance,
            emotion_guidance=args.emotion_guidance,
            emotion_strength=args.emotion_strength,
            head_motion=args.head_motion,
            gate=args.gate,
            watch=watch,
        )
    say(f"{animation.path}: {animation.frames} frames, {animation.seconds:.2f} s")
    return 0
