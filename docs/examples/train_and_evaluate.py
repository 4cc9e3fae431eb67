"""Train a policy, see how good it is, and film it.

python train_and_evaluate.py            # minutes
python train_and_evaluate.py 10000      # fewer steps, to try it
"""

import sys

import rlctl


def main(steps: int = 8_000_000) -> None:
    """Train the pendulum for some steps."""
    report = rlctl.train("pendulum", steps=steps, settings={"train.num_evals": 4})
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
