"""What `rlctl train --dry-run` says: one line a setting, in words."""

from typing import Any

from rlctl.cli.formatting import duration, number

Plan = dict[str, Any]


def described(plan: Plan) -> dict[str, str]:
    """Label -> text, of all that the plan knows."""
    lines = {
        "environment": plan["env"],
        "algorithm": plan["algo"],
        "presets": ", ".join(at.removeprefix("preset ") for at in plan["presets"]) or "-",
        "steps": _steps(plan),
        "update": _update(plan),
        "minibatches": _minibatches(plan),
        "evaluations": _evaluations(plan),
        "checkpoints": _checkpoints(plan),
        "memory": _memory(plan),
        "duration": _duration(plan),
        "not counted": _not_counted(plan),
    }
    return {label: text for label, text in lines.items() if text}


def _steps(plan: Plan) -> str:
    asked, made = plan["settings"]["train"]["steps"], plan["steps"]
    whole = f"; {asked:,} rounded up to whole updates" if made != asked else ""
    return f"{made:,} steps of environments in all{whole}"


def _update(plan: Plan) -> str:
    if "updates" not in plan:
        return ""
    turns = plan.get("turns", 1)
    wait = f", 1 in {turns} environments at a time" if turns > 1 else ""
    return (
        f"{plan['steps_per_update']:,} steps, num_envs {plan['num_envs']:,}{wait}; "
        f"{plan['updates']:,} updates"
    )


def _minibatches(plan: Plan) -> str:
    if "minibatches" not in plan:
        return ""
    left = plan["left_out"]
    out = f"; each pass leaves out {left:,}, as they do not divide evenly" if left else ""
    return f"{plan['minibatches']:,} a pass; unrolls in each: {plan['minibatch']:,}{out}"


def _evaluations(plan: Plan) -> str:
    if "evals" not in plan:
        return ""
    train, origins = plan["settings"]["train"], plan["origins"]
    if not plan["evals"]:
        return f"none (train.num_evals, from {origins['train.num_evals']})"
    episodes, share = plan["eval_episodes"], train.get("eval_share")
    text = f"{plan['evals']:,}, of {episodes:,} episodes each, every {plan['eval_every']:,} steps"
    fewer = plan["evals"] < min(train["num_evals"], plan["updates"])
    if fewer or episodes < train["eval_episodes"]:
        text += (
            f"; {train['num_evals']:,} of {train['eval_episodes']:,} would take more than "
            f"{100 * share:g} % of the steps (train.eval_share, from {origins['train.eval_share']})"
        )
    return text


def _checkpoints(plan: Plan) -> str:
    if "save_every" not in plan:
        return ""
    every = f"every {plan['save_every']:,} steps"
    if "disk_mib" not in plan:
        return f"{every}; what they take of the disk cannot be known before"
    return (
        f"{every}, {plan['checkpoints_kept']:,} kept, {number(plan['checkpoint_mib'])} MiB each: "
        f"{number(plan['disk_mib'])} MiB of disk at most"
    )


def _memory(plan: Plan) -> str:
    known = plan.get("memory_mib")
    return f"about {number(known)} MiB for an update" if known else ""


def _duration(plan: Plan) -> str:
    """How long, and of what."""
    found = plan.get("probe")
    if not found:
        return "cannot be measured for this algorithm"
    learning = plan["steps"] / found["steps_per_second"]
    parts = [f"learning {duration(learning)}", f"start {duration(found['start_seconds'])}"]
    if found["evaluation_seconds"]:
        seconds = plan["evals"] * found["evaluation_seconds"]
        parts.append(f"evaluations {duration(seconds)} if no episode ends early")
    updates = found["measured_updates"]
    return (
        f"about {duration(found['expected_seconds'])} at {found['steps_per_second']:,.0f} steps/s, "
        f"measured over {updates:,} update{'s' * (updates != 1)} in "
        f"{found['measured_seconds']:.1f} s: {', '.join(parts)}"
    )


def _not_counted(plan: Plan) -> str:
    if not plan.get("probe"):
        return ""
    target = plan["settings"]["train"]["target_return"]
    early = f"; it ends before if an evaluation reaches {number(target)}" if target else ""
    films = ", films" if plan["settings"]["train"]["video_every"] else ""
    return f"saving{films}, other work of this machine, episodes that change with learning{early}"
