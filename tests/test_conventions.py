"""Code conventions that the linters do not check: sizes, docstrings, imports."""

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
SOURCES = sorted(path for name in ("rlctl", "scripts") for path in (ROOT / name).rglob("*.py"))
PROGRAMS = [ROOT / "scripts" / name for name in ("build_pretrained", "gallery")]  # Python, no .py
MAX_FILE, MAX_FUNCTION = 400, 60  # lines
MAX_DEPTH, MAX_PARAMETERS = 4, 8
# Public functions here list the options of a command or of gymnasium.make.
COMMANDS = ("rlctl/cli/", "rlctl/api/", "rlctl/gym/")
RELATIVE_CLAUSE = re.compile(r"(what|who|whose|which|whether|how)\b", re.IGNORECASE)
FRAMEWORKS = ("brax", "flax", "gymnasium", "imageio", "jax", "mujoco", "optax", "orbax", "torch")


def _functions(tree: ast.AST) -> list[ast.FunctionDef]:
    return [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]


def _depth(nodes: list[ast.AST]) -> int:
    return max((_blocks(node) for node in nodes), default=0)


def _blocks(node: ast.AST) -> int:
    """Return the depth of nested blocks; an `elif` is as deep as its `if`."""
    match node:
        case ast.If(orelse=[ast.If() as chained]):
            return max(1 + _depth(node.body), _blocks(chained))
        case ast.For() | ast.While() | ast.If() | ast.With() | ast.Try():
            return 1 + _depth([*ast.iter_child_nodes(node)])
    return _depth([*ast.iter_child_nodes(node)])


def _length(function: ast.FunctionDef, command: bool) -> int:
    """Count a function's lines, decorators included; of a command, the body's without docstring."""
    if command:
        body = function.body[ast.get_docstring(function) is not None :] or function.body
        return function.end_lineno - body[0].lineno + 1
    first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
    return function.end_lineno - first + 1


def _parameters(function: ast.FunctionDef) -> int:
    """Count named parameters, without `self` and `cls`."""
    args = function.args
    names = [arg.arg for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def _faults(path: Path) -> list[str]:
    text = path.read_text()
    name = path.relative_to(ROOT).as_posix()
    faults = [f"{name}: {lines} lines"] if (lines := text.count("\n")) > MAX_FILE else []
    for function in _functions(ast.parse(text)):
        where = f"{name}:{function.lineno} {function.name}"
        private = function.name.startswith("_") and function.name != "__init__"
        command = name.startswith(COMMANDS) and not private
        if (length := _length(function, command)) > MAX_FUNCTION:
            faults.append(f"{where}: {length} lines")
        if (depth := _depth(function.body)) > MAX_DEPTH:
            faults.append(f"{where}: {depth} blocks deep")
        count = _parameters(function)
        if not command and count > MAX_PARAMETERS:
            faults.append(f"{where}: {count} parameters")
    return faults


def test_files_and_functions_are_small() -> None:
    assert len(SOURCES) > 250
    faults = [fault for path in (*SOURCES, *PROGRAMS) for fault in _faults(path)]
    assert not faults, "\n".join(faults)


def test_docstrings_open_with_a_verb_or_a_noun() -> None:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    faults = [
        f"{path.relative_to(ROOT)}: {text.splitlines()[0]}"
        for path in (*SOURCES, *PROGRAMS)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, kinds)
        and (text := ast.get_docstring(node))
        and RELATIVE_CLAUSE.match(text)
    ]
    assert not faults, "\n".join(faults)


def _annotations(tree: ast.Module) -> list[ast.expr]:
    """Return the annotations of parameters, results and attributes."""
    found: list[ast.expr | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            found.append(node.returns)
        elif isinstance(node, ast.arg | ast.AnnAssign):
            found.append(node.annotation)
    return [annotation for annotation in found if annotation is not None]


@pytest.mark.parametrize(
    ("package", "limit"),
    [("physics", 0.0), ("envs", 0.02), ("rendering", 0.02), ("", 0.1)],  # "" for all
)
def test_any_is_rare(package: str, limit: float) -> None:
    annotations = [
        annotation
        for path in sorted((ROOT / "rlctl" / package).rglob("*.py"))
        for annotation in _annotations(ast.parse(path.read_text()))
    ]
    with_any = sum(bool(re.search(r"\bAny\b", ast.unparse(found))) for found in annotations)
    assert with_any / len(annotations) <= limit


def _imported(path: Path) -> set[str]:
    """Return the third-party top-level modules that a file imports."""
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
    declared.add("warp")  # installed by the extra `warp` through mujoco-mjx
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
