"""Tests of TRPO's policy update: trust region, line search and rejected steps."""

import dataclasses
import math

import pytest
import torch

from rlctl.engines.trpo import step
from rlctl.engines.trpo.config import TRPOConfig
from rlctl.engines.trpo.distributions import Categorical, Normal
from rlctl.engines.trpo.vectors import flatten

CONFIG = TRPOConfig(cg_damping=0.0, cg_iterations=50)


def normal(params, observation):
    """Return means linear in the observation: the KL is quadratic in the kernel."""
    return Normal(observation @ params["kernel"], params["log_std"])


def choice(params, observation):
    return Categorical(observation @ params["kernel"])


@pytest.fixture
def problem():
    """Return parameters and experience with an advantage along the first observation."""
    generator = torch.Generator().manual_seed(0)
    observation = torch.randn(400, 3, generator=generator)
    params = {"kernel": torch.zeros(3, 2), "log_std": torch.full((2,), -0.5)}
    raw = torch.exp(params["log_std"]) * torch.randn(400, 2, generator=generator)
    advantage = raw[:, 0] * observation[:, 0]
    here = normal(params, observation)
    return params, step.Experience(observation, raw, here.log_prob(raw), advantage)


def improve(problem, network=normal, **changes):
    params, data = problem
    config = dataclasses.replace(CONFIG, **changes)
    return step.update_policy(network, params, data, torch.arange(len(data.observation)), config)


@pytest.mark.parametrize("max_kl", [0.003, 0.01, 0.03])
def test_the_step_fills_the_trust_region_and_stays_inside(problem, max_kl):
    params, metrics = improve(problem, max_kl=max_kl)
    _, data = problem
    kl = float(normal(problem[0], data.observation).kl(normal(params, data.observation)).mean())
    assert metrics["rejected"] is None
    assert 0.5 * max_kl < kl <= max_kl
    assert metrics["kl"] == pytest.approx(kl, rel=1e-4)
    assert metrics["surrogate_gain"] == pytest.approx(metrics["surrogate_predicted"], rel=0.2)
    gain = step.surrogate(normal(params, data.observation), data, 0.0) - data.advantage.mean()
    assert metrics["surrogate_gain"] == pytest.approx(float(gain), rel=1e-4)


def test_a_choice_is_improved_as_well(problem):
    params, data = {"kernel": torch.zeros(3, 4)}, problem[1]
    chosen = torch.arange(400.0)[:, None] % 4
    data = data._replace(
        raw_action=chosen,
        log_prob=choice(params, data.observation).log_prob(chosen),
        advantage=torch.where(chosen[:, 0] == 1, data.observation[:, 0], 0.0),
    )
    better, metrics = improve((params, data), choice, cg_damping=0.01)
    assert 0.005 < metrics["kl"] <= 0.01
    assert better["kernel"][0, 1] == better["kernel"][0].max()


def test_the_kl_may_be_allowed_to_exceed_the_trust_region(problem):
    _, strict = improve(problem, line_search_steps=1, kl_acceptance=0.5)
    assert strict["rejected"] == "the KL is too large, even at 1 of the step"
    _, lax = improve(problem, line_search_steps=1, kl_acceptance=2.0)
    assert lax["rejected"] is None


def test_the_line_search_backtracks_until_the_kl_fits(problem):
    _, metrics = improve(problem, kl_acceptance=0.3, line_search_shrink=0.5)
    assert metrics["line_search_step"] == 1  # the KL is quadratic: a quarter at half the step
    assert metrics["kl"] == pytest.approx(0.25 * CONFIG.max_kl, rel=0.1)


def searched(gains, kls, tries=4):
    params = {"a": torch.tensor([1.0, -2.0]), "b": torch.tensor([[0.5]])}
    steps = iter(zip(gains, kls, strict=True))
    seen = []

    def evaluate(candidate):
        seen.append(flatten(candidate))
        return next(steps)

    found = step.line_search(evaluate, params, torch.ones(3), 0.01, 0.5, tries)
    return found, params, seen


def test_the_first_try_that_gains_within_the_bound_is_taken():
    found, _, seen = searched([-1.0, 2.0, 2.0, 2.0], [0.0, 0.02, 0.01, 0.0])
    assert found.accepted == 2
    torch.testing.assert_close(flatten(found.params), torch.tensor([1.25, -1.75, 0.75]))
    torch.testing.assert_close(seen[0], torch.tensor([2.0, -1.0, 1.5]))


@pytest.mark.parametrize(
    ("gain", "kl"),
    [(0.0, 0.0), (-1.0, 0.0), (1.0, 0.02), (math.nan, 0.0), (1.0, math.nan), (math.inf, 0.0)],
)
def test_a_search_that_fails_gives_the_very_parameters_back(gain, kl):
    before = torch.tensor([1.0, -2.0, 0.5])
    found, params, seen = searched([gain] * 4, [kl] * 4)
    assert found.accepted is None
    assert found.params is params
    assert torch.equal(flatten(params), before)
    assert len(seen) == 4


def test_a_step_that_fails_restores_the_policy_bit_for_bit(problem):
    params, data = problem
    before = {name: x.clone() for name, x in params.items()}
    ruinous = data._replace(log_prob=data.log_prob + 1.0, advantage=data.advantage)

    def wall(given, observation):
        """Return far other means for any parameters but the initial ones."""
        moved = 0.0 if torch.equal(given["kernel"].detach(), before["kernel"]) else 100.0
        return Normal(observation @ given["kernel"] + moved, given["log_std"])

    after, metrics = improve((params, ruinous), wall)
    assert metrics["rejected"]
    assert metrics["line_search_step"] is None
    assert after is params
    for name, x in before.items():
        assert torch.equal(after[name], x)


@pytest.mark.parametrize(
    ("advantage", "reason"),
    [(0.0, "the gradient is zero"), (math.nan, "the gradient is not finite")],
)
def test_a_gradient_without_direction_is_no_step(problem, advantage, reason):
    params, data = problem
    data = data._replace(advantage=torch.full_like(data.advantage, advantage))
    after, metrics = improve((params, data))
    assert after is params
    assert metrics["rejected"] == reason


def test_negative_curvature_is_no_step(problem, monkeypatch):
    monkeypatch.setattr(step, "fisher_product", lambda *_: lambda v: -v)
    after, metrics = improve(problem)
    assert after is problem[0]
    assert "negative curvature in conjugate gradient iteration 1" in metrics["rejected"]
    assert metrics["cg_fault"] == metrics["rejected"]


def test_entropy_is_part_of_the_objective(problem):
    params, data = problem
    data = data._replace(advantage=torch.zeros_like(data.advantage))
    after, metrics = improve((params, data), entropy_cost=0.1)
    assert metrics["rejected"] is None
    assert (after["log_std"] > params["log_std"]).all()
