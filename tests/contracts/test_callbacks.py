"""Contract of every callback that the settings can ask for."""

import inspect
import pkgutil
import shutil
from importlib import import_module
from pathlib import Path

import pytest
from written_run import eval_row, train_row

from rlctl import callbacks
from rlctl.callbacks import factory, plot
from rlctl.callbacks.base import Callback, attached
from rlctl.core.errors import Diverged, Stopped
from rlctl.engines.config import TrainConfig

SWITCHES = [name.partition(".")[2] for name in factory.CHANGEABLE]
METHODS = ("on_event", "finish", "close")

each_callback = pytest.mark.parametrize("switch", SWITCHES)
pytestmark = pytest.mark.usefixtures("wandb_calls")


@pytest.fixture
def make(training, monkeypatch):
    """Return a function that makes the callbacks of one setting, and no other."""
    monkeypatch.setattr(plot, "EVERY", 0.0)

    def make(switch):
        off = [f"train.{name}={str(_off(name)).lower()}" for name in SWITCHES if name != switch]
        return tuple(factory.make_callbacks(training.info(*off, f"train.{switch}={_on(switch)}")))

    return make


def _off(name):
    return type(getattr(TrainConfig, name))()


def _on(name):
    return "true" if isinstance(getattr(TrainConfig, name), bool) else 100


def emit(training):
    """Emit every event of a training of two updates, and one that nobody knows yet."""
    progress, folder = training.progress, training.folder
    progress.event("start", run=str(folder), env="pendulum", algo="ppo", steps=0, total=200)
    progress.event("plan", evals=2, episodes=4)
    for update in (1, 2):
        with progress.phase("update"):
            progress.event("warning", message="by step 100: 1 environments reset")
        progress.event("progress", **_row(train_row(update)))
        progress.event("eval", **_row(eval_row(update, 80.0 + update)))
        path = folder / "checkpoints" / f"step_{100 * update:012d}"
        if folder.is_dir():
            path.mkdir(parents=True)
            (path / "policy").write_text(f"policy of {100 * update}")
        progress.event("checkpoint", steps=100 * update, path=str(path), best=True)
    progress.event("note", message="x")
    progress.event("film", path="x.mp4")
    progress.event("of another version")


def _row(row):
    return {name: value for name, value in row.items() if name != "kind"}


def failures(training):
    return [e["message"] for e in training.events_of("warning") if "callback" in e["message"]]


def test_every_callback_has_a_setting(make):
    modules = [
        import_module(f"{callbacks.__name__}.{module.name}")
        for module in pkgutil.iter_modules(callbacks.__path__)
    ]
    known = {
        item
        for module in modules
        for item in vars(module).values()
        if inspect.isclass(item)
        and not item.__name__.startswith("_")
        and item is not Callback
        and all(hasattr(item, method) for method in METHODS)
    }
    made = [callback for switch in SWITCHES for callback in make(switch)]
    for callback in made:
        callback.close()
    assert len(made) == len(SWITCHES)
    assert {type(callback) for callback in made} == known


@each_callback
def test_it_follows_a_training_to_its_end(switch, make, training, wandb_calls):
    before = {path.name for path in training.folder.iterdir()}
    with attached(make(switch), training.progress):
        emit(training)
    assert failures(training) == []
    left = {path for path in training.folder.rglob("*") if path.name not in before}
    left = {path for path in left if "checkpoints" not in path.parts}
    assert left or wandb_calls, "it did nothing"
    assert not [path for path in left if path.name.startswith(".")], "unfinished work is left"


@each_callback
@pytest.mark.parametrize("error", [Stopped("x"), Diverged("x"), KeyboardInterrupt()])
def test_the_error_that_ends_a_training_stays_what_it_is(switch, error, make, training):
    def train():
        with attached(make(switch), training.progress):
            emit(training)
            raise error

    with pytest.raises(type(error)) as raised:
        train()
    assert raised.value is error
    assert failures(training) == []
    assert not list(training.folder.rglob(".*")), "unfinished work is left"


@each_callback
def test_a_training_of_no_updates_is_no_failure(switch, make, training):
    with attached(make(switch), training.progress):
        pass
    assert training.events_of("warning", "film", "phase") == []
    assert training.commands() == []


@each_callback
def test_without_its_folder_the_training_goes_on(switch, make, training):
    made = make(switch)
    shutil.rmtree(training.folder)
    Path("run").write_text("in the way")
    with attached(made, training.progress):
        emit(training)
    assert training.events_of("of another version"), "to its end"
    assert len(failures(training)) <= 1
