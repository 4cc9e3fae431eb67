"""The house rules a linter cannot see: sizes, and what loading a thing costs."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from rlctl.actions.device_checks.machine import PACKAGES

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(path for room in ("rlctl", "scripts") for path in (ROOT / room).rglob("*.py"))
FRAMEWORKS = ("brax", "flax", "gymnasium", "imageio", "jax", "mujoco", "optax", "orbax", "torch")


def _functions(tree: ast.AST) -> list[ast.FunctionDef]:
    return [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]


def _depth(nodes: list[ast.AST]) -> int:
    return max((_blocks(node) for node in nodes), default=0)


def _blocks(node: ast.AST) -> int:
    """Blocks inside blocks below and with this node; `elif` is not inside its `if`."""
    match node:
        case ast.If(orelse=[ast.If() as chained]):
            return max(1 + _depth(node.body), _blocks(chained))
        case ast.For() | ast.While() | ast.If() | ast.With() | ast.Try():
            return 1 + _depth([*ast.iter_child_nodes(node)])
    return _depth([*ast.iter_child_nodes(node)])


def _faults(path: Path) -> list[str]:
    text = path.read_text()
    name = path.relative_to(ROOT)
    faults = [f"{name}: {lines} lines"] if (lines := text.count("\n")) > 400 else []
    for function in _functions(ast.parse(text)):
        body = function.body[ast.get_docstring(function) is not None :] or function.body
        length = function.end_lineno - body[0].lineno + 1
        if length > 60:
            faults.append(f"{name}:{function.lineno} {function.name}: {length} lines")
        if (depth := _depth(function.body)) > 4:
            faults.append(f"{name}:{function.lineno} {function.name}: {depth} blocks deep")
    return faults


def test_files_and_functions_are_small() -> None:
    assert len(SOURCES) > 60
    faults = [fault for path in SOURCES for fault in _faults(path)]
    assert not faults, "\n".join(faults)


def _imported(path: Path) -> set[str]:
    """Top-level modules that a file imports, the standard library's and rlctl's left out."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules.add(node.module)
    return {name.partition(".")[0] for name in modules} - {"rlctl", *sys.stdlib_module_names}


def test_source_trees_are_checked_for_the_declared_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [re.match(r"[\w-]+", text)[0] for text in project["dependencies"]]
    assert sorted(PACKAGES) == declared


def test_what_is_imported_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [
        text
        for name, texts in project["optional-dependencies"].items()
        for text in texts
        if name != "dev"
    ]
    declared = {
        re.match(r"[\w-]+", text)[0].lower() for text in (*project["dependencies"], *extras)
    }
    declared.add("warp")  # of the extra warp, by way of mujoco-mjx
    known = packages_distributions()
    undeclared = [
        f"{path.relative_to(ROOT)}: {module}"
        for path in sorted((ROOT / "rlctl").rglob("*.py"))
        for module in _imported(path)
        if not declared & {name.lower().replace("_", "-") for name in known.get(module, [module])}
    ]
    assert not undeclared


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("rlctl.cli", ()),
        ("rlctl.catalog", ()),
        ("rlctl.engines.ppo.config", ()),
        ("rlctl.engines.trpo.config", ()),
        ("rlctl.checkpoints.find", ("numpy", "safetensors")),
        ("rlctl.checkpoints.store", ("numpy", "safetensors")),
        ("rlctl.policies.base", ("numpy", "safetensors")),
        ("rlctl.policies.mlp.numpy_policy", ("numpy", "safetensors")),
    ],
)
def test_importing_loads_no_framework(module: str, allowed: tuple[str, ...]) -> None:
    command = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = set(done.stdout.split()) & {*FRAMEWORKS, "numpy", "safetensors"}
    assert loaded <= set(allowed)
