"""Text of `rlctl train --dry-run`."""

from typing import Any

from rlctl.cli.formatting import duration, number

Plan = dict[str, Any]


def describe(plan: Plan) -> dict[str, str]:
    """Return label -> text for every part of the plan."""
    lines = {
        "environment": plan["env"],
        "algorithm": plan["algo"],
        "presets": ", ".join(name.removeprefix("preset ") for name in plan["presets"]) or "-",
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
    requested, steps = plan["settings"]["train"]["steps"], plan["steps"]
    rounded = f"; {requested:,} rounded up to whole updates" if steps != requested else ""
    return f"{steps:,} environment steps{rounded}"


def _update(plan: Plan) -> str:
    if not plan["updates"]:
        return ""
    turns = plan.get("turns", 1)
    groups = f", in {turns} groups that take turns" if turns > 1 else ""
    num_envs = plan["settings"]["train"]["num_envs"]
    return (
        f"{plan['steps_per_update']:,} steps, num_envs {num_envs:,}{groups}; "
        f"{plan['updates']:,} updates"
    )


def _minibatches(plan: Plan) -> str:
    if "minibatches" not in plan:
        return ""
    unused = plan["left_out"]
    rest = f"; {unused:,} unused per epoch, as they do not divide evenly" if unused else ""
    return f"{plan['minibatches']:,} per epoch, {plan['minibatch']:,} unrolls each{rest}"


def _evaluations(plan: Plan) -> str:
    if "evals" not in plan:
        return ""
    train, origins = plan["settings"]["train"], plan["origins"]
    if not plan["evals"]:
        return f"none (train.num_evals, from {origins['train.num_evals']})"
    episodes, fraction = plan["eval_episodes"], train.get("eval_share")
    text = f"{plan['evals']:,} with {episodes:,} episodes each, every {plan['eval_every']:,} steps"
    fewer = plan["evals"] < min(train["num_evals"], plan["updates"])
    if fewer or episodes < train["eval_episodes"]:
        text += (
            f"; {train['num_evals']:,} of {train['eval_episodes']:,} would take more than "
            f"{100 * fraction:g} % of the steps "
            f"(train.eval_share, from {origins['train.eval_share']})"
        )
    return text


def _checkpoints(plan: Plan) -> str:
    if not plan["save_every"]:
        return ""
    every = f"every {plan['save_every']:,} steps"
    if "disk_mib" not in plan:
        return f"{every}; their size on disk is not known in advance"
    return (
        f"{every}, {plan['checkpoints_kept']:,} kept, {number(plan['checkpoint_mib'])} MiB each: "
        f"{number(plan['disk_mib'])} MiB of disk at most"
    )


def _memory(plan: Plan) -> str:
    mib = plan.get("memory_mib")
    return f"about {number(mib)} MiB per update" if mib else ""


def _duration(plan: Plan) -> str:
    """Return the expected duration and its parts."""
    probe = plan.get("probe")
    if not probe:
        return "cannot be measured for this algorithm"
    learning = plan["steps"] / probe["steps_per_second"]
    parts = [f"learning {duration(learning)}", f"start {duration(probe['start_seconds'])}"]
    if probe["evaluation_seconds"]:
        seconds = plan["evals"] * probe["evaluation_seconds"]
        parts.append(f"evaluations {duration(seconds)} if no episode ends early")
    updates = probe["measured_updates"]
    return (
        f"about {duration(probe['expected_seconds'])} at {probe['steps_per_second']:,.0f} steps/s, "
        f"measured over {updates:,} update{'s' * (updates != 1)} in "
        f"{probe['measured_seconds']:.1f} s: {', '.join(parts)}"
    )


def _not_counted(plan: Plan) -> str:
    if not plan.get("probe"):
        return ""
    target = plan["settings"]["train"]["target_return"]
    early = f"; training ends early if an evaluation reaches {number(target)}" if target else ""
    videos = ", videos" if plan["settings"]["train"]["video_every"] else ""
    return f"saving{videos}, other load on this machine, longer or shorter episodes later{early}"
