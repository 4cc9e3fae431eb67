"""Train a policy, evaluate it, and render a video.

python train_and_evaluate.py            # about a minute: it stops once it has learned
python train_and_evaluate.py 10000      # fewer steps, to try it
"""

import sys

import rlctl


def main(steps: int | None = None) -> None:
    """Train the pendulum for `steps`, or the number of its preset."""
    report = rlctl.train("pendulum", steps=steps)
    print(report)

    evaluation = rlctl.evaluate(report, episodes=20)
    print(evaluation)
    print("share of the time upright:", evaluation.mean_return / evaluation.lengths.mean())

    try:
        print(rlctl.render(report, out="pendulum.gif", steps=50, size=(160, 120)))
    except rlctl.RendererMissing as error:
        print("no film here:", error)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
