"""Make the checkpoints in tests/checkpoints/released, each with the code of its release.

    git worktree add ../released v0.1.0                    # the release's code
    cd ../released && PYTHONPATH=. python THIS/scripts/build_schema_fixtures.py OUT

writes OUT/ppo and OUT/trpo: a short pendulum training each, and in actions.json the policy's
actions for fixed observations. They are made once per schema and never replaced.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np

from rlctl import cli
from rlctl.checkpoints import store
from rlctl.policies.base import policy_of

STEPS = 320
SETTINGS = {
    "ppo": ("ppo.unroll_length=5", "ppo.num_minibatches=4", "ppo.batch_size=8"),
    "trpo": ("trpo.steps_per_update=160",),
}
SHARED = (
    "train.num_envs=32",
    "train.num_evals=1",
    "train.eval_episodes=2",
    "train.episode_length=20",
    "train.keep_last=1",
    "train.plot=false",
)


def main() -> None:
    """Train with both engines and write the actions."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True)
    for algo, own in SETTINGS.items():
        sizes = (f"{algo}.{net}_hidden_layer_sizes=8,8" for net in ("policy", "value"))
        settings = [part for text in (*SHARED, *own, *sizes) for part in ("--set", text)]
        arguments = ["train", "pendulum", "--algo", algo, "--steps", str(STEPS), "--cpu", *settings]
        sys.argv = ["rlctl", *arguments]  # recorded as the checkpoint's provenance
        made = out / algo
        if code := cli.run([*arguments, "--out", str(made)]):
            sys.exit(code)
        (made / "lock").unlink()
        shutil.rmtree(made / "videos", ignore_errors=True)
        policy = policy_of(store.newest_verified(made / "checkpoints", groups=("policy",)))
        rng = np.random.default_rng(0)
        observation = rng.normal(size=(16, 3)).astype(np.float32)
        answers = {"observation": observation.tolist(), "action": policy.act(observation).tolist()}
        (made / "actions.json").write_text(json.dumps(answers) + "\n")


if __name__ == "__main__":
    main()
