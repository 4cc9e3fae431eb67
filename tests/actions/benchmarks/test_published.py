import tomllib

from rlctl import catalog
from rlctl.actions.benchmarks.published import TABLE, published

TASKS = tomllib.loads(TABLE.read_text())["results"]


def test_every_row_can_be_read_and_every_source_is_used():
    table = tomllib.loads(TABLE.read_text())
    used = {source for rows in TASKS.values() for source in rows}
    assert used == set(table["sources"])
    algos = {source["algo"] for source in table["sources"].values()}
    rows = [row for task in TASKS for algo in algos for row in published(task, algo)]
    assert len(rows) == sum(map(len, TASKS.values()))
    assert all(row.title and row.address and row.metric and row.steps > 0 for row in rows)


def test_the_best_comes_first():
    rows = published("hopper", "trpo")
    assert rows[0].mean == 3372
    assert (rows[0].std, rows[0].seeds, rows[0].env) == (215, 3, "Hopper-v3")
    assert [row.mean for row in rows] == sorted((row.mean for row in rows), reverse=True)


def test_algorithms_are_kept_apart():
    ppo = {row.title for row in published("hopper", "ppo")}
    assert "CleanRL ppo_continuous_action" in ppo
    assert not ppo & {row.title for row in published("hopper", "trpo")}


def test_what_nobody_published_is_empty():
    assert published("barkour", "ppo") == []


def test_names_are_the_catalogs():
    known = set(catalog.envs())
    assert "inverted-pendulum" in TASKS.keys() & known
    assert [name for name in TASKS if name != name.lower() or "_" in name] == []
