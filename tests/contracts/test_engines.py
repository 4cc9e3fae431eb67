"""Contract of every engine of the catalog; see rlctl/engines/api.py."""

import inspect
import json
import math
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import probe_envs
import pytest
from resuming import ALL, UPDATES, begin, differences, newest, per_update, resume, small
from stopping import after_updates

from rlctl import catalog
from rlctl.actions.listener import Listener, StopTraining
from rlctl.actions.train import train
from rlctl.actions.training_setup import load_engine
from rlctl.checkpoints import store
from rlctl.checkpoints.manifest import digests
from rlctl.checkpoints.reading import load
from rlctl.core.errors import Diverged, Incompatible, Stopped, UsageError
from rlctl.core.metrics import Metrics
from rlctl.core.progress import Progress
from rlctl.engines.api import Hooks, MeasurableEngine
from rlctl.engines.duration import DurationEstimate
from rlctl.engines.state import Counters
from rlctl.engines.trainer import Trainer
from rlctl.policies.base import policy_of

ENV = "uneven"
EVALS = 3
TRAIN_ROW = {
    "kind", "steps", "total", "seconds", "steps_per_second", "episodes", "return", "return_std",
    "length", "nonfinite", "warnings", "terms", "losses", "learning_rate",
}  # fmt: skip
EVAL_ROW = {"kind", "steps", "seconds", "return", "length", "terminated", "episodes", "terms"}

each_engine = pytest.mark.parametrize("algo", [row.name for row in catalog.ENGINES])


@pytest.fixture(autouse=True, scope="module")
def probe():
    """Put an environment into the catalog that any engine trains on in milliseconds."""
    row = catalog.EnvRow(
        ENV, "a probe", "probe_envs:Uneven", "probe_envs:ProbeConfig", 2, 1, 100.0, ("native",)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "ENVS", (*catalog.ENVS, row))
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return a function that trains without interruption, once for each engine."""
    runs = {}

    def run(algo):
        if algo not in runs:
            events = []
            request = small(ENV, algo, tmp_path_factory.mktemp(algo) / "run", "train.keep_last=1")
            runs[algo] = train(request, Progress(events.append)), events
        return runs[algo]

    return run


@each_engine
def test_it_has_what_is_called(algo):
    engine = load_engine(algo)
    inspect.signature(engine.train).bind("job", "hooks")
    inspect.signature(engine.plan).bind("settings", "env")
    if isinstance(engine, MeasurableEngine):
        inspect.signature(engine.details).bind("settings", "env", "plan")
        inspect.signature(engine.probe).bind("settings", "env", "plan", "progress")


def test_what_is_no_engine_is_refused(monkeypatch):
    row = replace(catalog.ENGINES[0], name="half", target="math:sqrt")
    monkeypatch.setattr(catalog, "ENGINES", (*catalog.ENGINES, row))
    with pytest.raises(UsageError, match="math:sqrt, the engine of the algorithm half, has no"):
        load_engine("half")


@each_engine
def test_an_estimate_of_its_duration_writes_nothing(algo, monkeypatch, tmp_path):
    from rlctl.actions.train import plan
    from rlctl.engines import duration

    monkeypatch.setattr(duration, "UPDATE_SECONDS", 1e-3)
    monkeypatch.setattr(duration, "EVAL_SECONDS", 1e-3)
    found = plan(small(ENV, algo, tmp_path / "run"))
    assert found["steps"] == UPDATES * per_update(algo)
    if isinstance(load_engine(algo), MeasurableEngine):
        assert found["probe"].keys() == DurationEstimate.__annotations__.keys()
        assert found["probe"]["expected_seconds"] > 0.0
    assert list(tmp_path.iterdir()) == []


@each_engine
def test_a_training_saves_a_policy_that_has_learned(algo, whole):
    report, _ = whole(algo)
    checkpoint = load(report.checkpoint, ALL)
    facts = checkpoint.manifest
    assert report.checkpoint == store.newest_verified(report.run / "checkpoints").path
    assert (facts["engine"], facts["env"]["id"]) == (algo, ENV)
    assert facts["step"] == report.steps == UPDATES * per_update(algo)
    assert facts["updates"] == UPDATES
    assert facts["episodes"] > 0
    assert sorted(facts["arrays"]) == sorted(ALL)
    for group in ALL:
        assert checkpoint.groups[group], f"{group} is empty"
        for name, array in checkpoint.groups[group].items():
            assert array.dtype.kind != "f" or np.isfinite(array).all(), name

    now = digests(checkpoint.groups["policy"])
    changed = {name.partition("/")[0] for name in now if now[name] != facts["initial"][name]}
    assert {"normalizer", "policy"} <= changed == {name.partition("/")[0] for name in now}
    action = policy_of(checkpoint).act(np.float32([[-1, 0], [1, 2]]))
    assert action.shape == (2, 1)
    assert (np.abs(action) <= 2.0).all()


@each_engine
def test_it_reports_what_every_engine_reports(algo, whole):
    report, events = whole(algo)
    rows = list(Metrics(report.run / "metrics.jsonl").rows())
    for kind, event, keys, count in (
        ("train", "progress", TRAIN_ROW, UPDATES),
        ("eval", "eval", EVAL_ROW, EVALS),
    ):
        written = [row for row in rows if row["kind"] == kind]
        assert len(written) == count
        assert all(keys <= row.keys() for row in written)
        told = [{**each, "kind": kind} for each in events if each["event"] == event]
        told = [{name: value for name, value in each.items() if name != "event"} for each in told]
        assert json.loads(json.dumps(told)) == written
    trained = [row for row in rows if row["kind"] == "train"]
    assert [row["steps"] for row in trained] == [
        per_update(algo) * (update + 1) for update in range(UPDATES)
    ]
    for row in trained:
        assert row["losses"], "it says nothing of its updates"
        numbers = [x for x in row["losses"].values() if isinstance(x, float)]
        assert all(map(math.isfinite, (*numbers, row["return"], row["learning_rate"])))


@each_engine
def test_the_best_by_evaluation_is_kept(algo, whole):
    report, _ = whole(algo)
    rows = Metrics(report.run / "metrics.jsonl").rows()
    best = max(
        (row for row in rows if row["kind"] == "eval"), key=lambda row: row["return"]["mean"]
    )
    assert report.best_checkpoint == store.step_folder(report.run / "checkpoints", best["steps"])
    assert report.result.best == {"step": best["steps"], "return": best["return"]["mean"]}
    assert len(store.steps(report.run / "checkpoints")) <= 2, "one, and the best"


@each_engine
def test_two_halves_equal_the_whole_bit_for_bit(algo, whole):
    halves = Path("halves")
    with pytest.raises(Stopped) as stopped:
        begin(small(ENV, algo, halves, "train.keep_last=1"), after_updates(3))
    assert stopped.value.exit_code == 143
    assert newest(halves).step == 3 * per_update(algo)
    resume(halves)
    assert differences(whole(algo)[0].run, halves) == []


@each_engine
def test_asked_to_end_it_saves_and_returns(algo):
    def end(event):
        if event["event"] == "progress":
            raise StopTraining

    report = train(small(ENV, algo, Path("run")), listener=Listener(end))
    assert report.steps == newest(Path("run")).step == per_update(algo)


class Began(Exception):
    """Raised instead of training."""


@pytest.fixture
def initial(monkeypatch):
    """Return a function that returns the state a training begins with."""
    states = []

    def learn(trainer, run_task):
        states.append(trainer.state)
        raise Began

    def begun(request):
        monkeypatch.setattr(Trainer, "learn", learn)
        with pytest.raises(Began):
            train(request)
        return states[-1]

    return begun


@each_engine
def test_init_from_takes_the_networks_and_nothing_else(algo, whole, initial):
    start = load(whole(algo)[0].checkpoint, ALL)
    request = small(ENV, algo, Path("run"), "train.seed=1")
    fresh, state = initial(request), initial(replace(request, init_from=str(start.path)))
    assert state.counters == Counters()
    policy, rest = state.groups()["policy"], state.groups()["train"]
    assert digests(policy) == digests(start.groups["policy"])
    assert digests(policy) != digests(fresh.groups()["policy"])
    of_start = [digests({"": array})[""] for array in start.groups["policy"].values()]
    untouched = digests(fresh.groups()["train"])
    for name, digest in digests(rest).items():  # an engine may hold the networks there as well
        assert digest in (untouched[name], *of_start), name

    other = small(ENV, algo, Path("other"), f"{algo}.policy_hidden_layer_sizes=9")
    with pytest.raises(Incompatible, match="policy_hidden_layer_sizes"):
        train(replace(other, init_from=str(start.path)))


@each_engine
def test_divergence_is_told_and_keeps_the_last_checkpoint(algo):
    run = Path("run")
    settings = (f"train.save_every={per_update(algo)}", f"{algo}.reward_scaling=1e30")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe_envs.Uneven, "reward", lambda *_: jnp.float32(0.0))
        with pytest.raises(Stopped):
            begin(small(ENV, algo, run, *settings), after_updates(2))
    saved = store.steps(run / "checkpoints")
    assert saved
    with pytest.raises(Diverged, match="not finite in the update") as diverged:
        resume(run, Hooks())
    assert diverged.value.exit_code == 8
    assert diverged.value.data["quantity"] in diverged.value.message
    assert f"{algo}." in diverged.value.hint
    assert store.steps(run / "checkpoints") == saved
    for array in newest(run).groups["policy"].values():
        assert np.isfinite(array).all()
