"""Commands, options and settings in README.md and the documentation exist."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import doc_pages as pages
import pytest
import typer

from rlctl import catalog
from rlctl.actions.config import TRAIN_CONFIG, resolve_training
from rlctl.cli import app

TREE = typer.main.get_command(app)
EAGER = {"--help", "--version", "--install-completion", "--show-completion"}
SECTIONS = {  # current names of settings
    "train": {f.name for f in fields(catalog.load(TRAIN_CONFIG))},
    **{row.name: {f.name for f in fields(catalog.load(row.config))} for row in catalog.ENGINES},
    "env": {f.name for row in catalog.ENVS for f in fields(catalog.load(row.config))},
}
OF_EXAMPLES = {"balancer", "mybot"}  # environments of example packages
OF_SCRIPTS = {"--count", "--write", "--json"}  # options of scripts
FORMER = {"ppo.mirror", "train.easy_steps"}  # earlier names, which CHANGELOG.md mentions
OURS = [path for path in pages.PAGES if path.name != "arguments.md"]  # has options of another tool
CASES = {  # by page and command; commands in code blocks last
    f"{pages.name(path)}: {' '.join(words)}": (words, whole)
    for path in pages.PAGES
    for words, whole in sorted(pages.commands(path), key=lambda found: found[1])
}


def _options(command: Any) -> set[str]:
    own = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    return own.union(*(_options(sub) for sub in getattr(command, "commands", {}).values()))


def _find(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that the first words name, and the remaining words."""
    command, rest = TREE, list(words)
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    return command, rest


def _check_names(options: dict[str, Any]) -> None:
    """Check the environment, the algorithm and the settings of a command."""
    given = options.get("overrides") or options.get("set_") or []
    env = options.get("env") or "ENV"
    names = {row.name for row in catalog.ENVS}
    assert env in names | OF_EXAMPLES or env.isupper() or ":" in env, env
    if env in names:
        algo, config = options.get("algo") or "ppo", options.get("config")
        resolve_training(env, algo, config and Path(config), given)
    for setting in given:
        section, key = setting.partition("=")[0].split(".")
        if section != "env" or ":" not in env:
            assert key in SECTIONS[section], setting


@pytest.mark.parametrize(("words", "whole"), CASES.values(), ids=CASES)
def test_it_parses(words: list[str], whole: bool) -> None:
    command, rest = _find(words)
    if words[:1] == ["COMMAND"] or set(rest) & EAGER:
        return  # valid for every command
    assert command is not TREE or not rest, f"there is no command {rest[0]}"
    try:
        context = command.make_context("rlctl", rest)
    except typer.TyperException as error:
        if whole or type(error).__name__ != "MissingParameter":
            raise
        return
    _check_names(context.params)


@pytest.mark.parametrize("path", OURS, ids=pages.name)
def test_options_and_settings_exist(path: Path) -> None:
    spans = pages.spans(path.read_text())
    options = {word for span in spans for word in re.findall(r"^--[a-z][a-z-]+", span)}
    assert options <= _options(TREE) | EAGER | OF_SCRIPTS
    settings = [
        re.fullmatch(r"(?:--set )?(train|ppo|trpo)\.(?!safetensors)(\w+)(?:=.*)?", s) for s in spans
    ]
    unknown = {found[0] for found in settings if found and found[2] not in SECTIONS[found[1]]}
    assert unknown <= (FORMER if path.name == "CHANGELOG.md" else set())


def test_the_pages_have_commands() -> None:
    assert len(CASES) > 100
