"""Interface of `import rlctl`: lazy, complete, with the names of the command line."""

import ast
import inspect
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import rlctl
from rlctl.cli import eval as cli_eval
from rlctl.cli import render as cli_render
from rlctl.cli import train as cli_train
from rlctl.core import errors
from rlctl.engines.config import TrainConfig

HEAVY = {"brax", "gymnasium", "jax", "mujoco", "numpy", "optax", "torch", "tqdm", "typer"}
FUNCTIONS = (
    "config", "evaluate", "load_policy", "make", "make_vec", "read_metrics", "render", "train",
)  # fmt: skip
RENAMED = {"set_": "settings", "ckpts": "ckpt", "path": "out", "device_name": "device"}
CLI_ONLY = {"cpu", "as_json", "quiet", "verbose", "dry_run", "video"}
API_ONLY = {"progress", "callback"}


@pytest.mark.parametrize(
    "code",
    [
        "import rlctl; dir(rlctl); rlctl.UsageError",
        f"import rlctl; [getattr(rlctl, name) for name in {FUNCTIONS}]",
        "import rlctl; rlctl.config('pendulum')['train.steps']",
    ],
)
def test_nothing_heavy_is_loaded(code):
    command = [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


def test_a_policy_in_numpy_loads_no_framework():
    code = (
        "import sys, rlctl; p = rlctl.load_policy('shipped:pendulum'); p.act([1, 0, 0]);"
        "assert not {'jax', 'torch', 'mujoco', 'gymnasium'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_type_checkers_see_what_is_there():
    tree = ast.parse(Path(rlctl.__file__).read_text())
    (checked,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.name: node.module for node in checked.body for alias in node.names}
    assert {*seen, "__version__"} == set(rlctl.__all__)
    for name, module in seen.items():
        assert getattr(rlctl, name) is getattr(sys.modules[module], name)
    assert set(rlctl.__all__) <= set(dir(rlctl))
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = rlctl.trian


def test_every_error_is_offered():
    there = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, Exception)
    }
    assert there <= set(rlctl.__all__)


@pytest.mark.parametrize(
    ("function", "command"),
    [
        (rlctl.train, cli_train.train),
        (rlctl.evaluate, cli_eval.evaluate),
        (rlctl.render, cli_render.render),
    ],
)
def test_arguments_are_the_options_of_the_command(function, command):
    options = {RENAMED.get(name, name) for name in inspect.signature(command).parameters}
    assert set(inspect.signature(function).parameters) - API_ONLY == options - CLI_ONLY


def test_arguments_of_a_training_are_settings_of_their_type():
    own = {"env", "algo", "settings", "config", "out", "init_from", "resume", "device"}
    hints, kinds = rlctl.train.__annotations__, typing.get_type_hints(TrainConfig)
    common = set(inspect.signature(rlctl.train).parameters) - own - API_ONLY
    assert len(common) >= 8
    for name in common:
        allowed = typing.get_args(hints[name])
        choices = TrainConfig.__dataclass_fields__[name].metadata["choices"]
        if choices:
            literal = next(part for part in allowed if part is not type(None))
            assert typing.get_args(literal) == choices
        else:
            assert kinds[name] in allowed, name


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_documented(name):
    function = getattr(rlctl, name)
    text = inspect.getdoc(function)
    for part in ("Args:", "Returns:", "Raises:", "Example:"):
        assert f"\n{part}\n" in text
    for argument in inspect.signature(function).parameters:
        assert f"\n    {argument}: " in text, argument
    assert "return" in function.__annotations__
