"""Does a network trained on real faces see the truth of the 3-D world, and how fast is it drawn?

    python -m benchmarks.head_world --model face_landmarker.task --people 200 --size 256 --randomisation 0

Each person shows one random face (`random_actions`) in a random pose. Printed: in how many pictures MediaPipe
finds the face, the distance of its points from ours, for each of the 52 actions the correlation of its score
with what was set, and how many frames a second one core draws.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from datamodules.facial_actions import FACIAL_ACTIONS
from datamodules.synthetic.head.acting.motion import random_actions
from datamodules.synthetic.head.renderer import Motion, Stage
from datamodules.synthetic.head.sampling import sample_person
from datamodules.synthetic.head.truth import mesh_points

ENOUGH = 0.7


def pictures(people, size, randomisation):
    """For each person: what was set (52,), the picture and our 478 points."""
    for seed in range(people):
        stage = Stage(sample_person(700_000 + seed, randomisation), size)
        rng = np.random.default_rng([seed, 5])
        pose = (rng.normal(size=(1, 6)) * [[0.1, 0.1, 0.07, 0.01, 0.01, 0.03]]).astype(np.float32)
        motion = Motion(random_actions(rng, 1, 3), pose)
        geometry = stage.place(motion.actions, motion.pose)[0]
        picture = np.empty((3, size, size), np.uint8)
        stage.draw(geometry, motion.actions[0], motion.pose[0], picture)
        yield motion.actions[0], picture, mesh_points(geometry, 2 * size)


def seen_by_mediapipe(model, people, size, randomisation):
    import mediapipe as mp

    from datamodules.faces.landmarker import open_landmarker

    finder = open_landmarker(model, 1, 0.5)
    rows, scores, errors = [], [], []
    for actions, picture, points in pictures(people, size, randomisation):
        result = finder.detect(
            mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(picture.transpose(1, 2, 0)))
        )
        if not result.face_landmarks:
            continue
        named = {shape.category_name: shape.score for shape in result.face_blendshapes[0]}
        rows.append(actions)
        scores.append([named.get(name, np.nan) for name in FACIAL_ACTIONS])
        theirs = np.array([[p.x, p.y] for p in result.face_landmarks[0]]) * size - 0.5
        unit = np.linalg.norm(theirs[263] - theirs[33])
        errors.append(np.linalg.norm(theirs - points, axis=1) / unit)
    finder.close()
    return np.array(rows), np.array(scores), np.array(errors)


def correlations(rows, scores):
    """Of each action with its score; nan where the network has none (it has no `tongueOut`)."""
    out = {}
    for column, name in enumerate(FACIAL_ACTIONS):
        a, b = rows[:, column], scores[:, column]
        out[name] = float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and np.nanstd(b) > 0 else float("nan")
    return out


def speed(size, people, frames=48):
    """Frames a second of processor time, and seconds to make a person."""
    drawn, made = [], []
    rng = np.random.default_rng(0)
    for seed in range(people):
        start = time.process_time()
        stage = Stage(sample_person(800_000 + seed), size)
        made.append(time.process_time() - start)
        actions, pose = random_actions(rng, frames), (0.1 * rng.normal(size=(frames, 6))).astype(np.float32)
        picture = np.empty((3, size, size), np.uint8)
        start = time.process_time()
        for first in range(0, frames, 8):
            part = slice(first, first + 8)
            for geometry, a, p in zip(
                stage.place(actions[part], pose[part]), actions[part], pose[part], strict=True
            ):
                stage.draw(geometry, a, p, picture)
        drawn.append(frames / (time.process_time() - start))
    return drawn, made[1:]  # the first compiles


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", type=Path, help="MediaPipe's face landmarker; without it only the speed is measured"
    )
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--randomisation", type=float, default=0.0)
    parser.add_argument("--speed-people", type=int, default=6)
    options = parser.parse_args()
    if options.model:
        rows, scores, errors = seen_by_mediapipe(
            options.model, options.people, options.size, options.randomisation
        )
        print(f"found in {len(rows)} of {options.people} pictures")
        middle, high = 100 * np.quantile(errors, (0.5, 0.95))
        print(f"points: {middle:.1f} % of the eyes' outer distance in the median, 95 % within {high:.1f} %")
        table = correlations(rows, scores)
        for name, value in table.items():
            shown = int((rows[:, FACIAL_ACTIONS.index(name)] > 0).sum())
            print(f"  {name:20s} {value:6.2f}  shown {shown} times")
        print(f"{sum(value >= ENOUGH for value in table.values())} of 52 actions at {ENOUGH} or more")
    drawn, made = speed(options.size, options.speed_people)
    rates = ", ".join(f"{rate:.0f}" for rate in drawn)
    print(f"frames a second on one core at {options.size}: {rates}; median {np.median(drawn):.0f}")
    print(f"seconds to make a person: {np.median(made):.2f}")


if __name__ == "__main__":
    main()
