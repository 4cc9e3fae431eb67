"""Gymnasium environments: their specs, and unsupported ones."""

import subprocess
import sys

import pytest
from odd_gym import ERRORS

from rlctl import catalog
from rlctl.core.errors import DeviceUnavailable, RendererMissing, UsageError
from rlctl.core.specs import ActionPart
from rlctl.families.gymnasium import errors, metadata
from rlctl.families.gymnasium.config import GymnasiumConfig
from rlctl.rollouts.factory import environment_of, make_environment, resolve_physics


def spec(name, **options):
    return make_environment(f"gym:{name}", GymnasiumConfig(**options)).spec


class TestSpecs:
    def test_of_a_box(self):
        pendulum = spec("Pendulum-v1")
        assert [(part.name, part.size) for part in pendulum.observation] == [("observation", 3)]
        assert pendulum.action == (ActionPart("action_0", -2.0, 2.0),)
        assert (pendulum.id, pendulum.control_dt) == ("gym:Pendulum-v1", 0.05)
        assert pendulum.episode_length == 200

    def test_of_a_choice(self):
        cartpole = spec("CartPole-v1")
        (action,) = cartpole.action
        assert (action.low, action.high, action.discrete) == (0, 1, True)
        assert cartpole.control_dt == 1 / 50, "of the frame rate"
        (action,) = spec("toy_gym:Odd-v0", takes="choice").action
        assert (action.low, action.high) == (0, 2), "numbered from 0, wherever they start"

    def test_of_mujoco(self):
        hopper = spec("Hopper-v5", forward_reward_weight=2.0)
        assert (hopper.observation_size, hopper.action_size) == (11, 3)
        assert (hopper.control_dt, hopper.substeps) == (0.008, 4)
        assert hopper.terms == ("reward_ctrl", "reward_forward", "reward_survive")

    def test_of_dictionaries(self):
        parts = [(part.name, part.size) for part in spec("toy_gym:Toy-v0").observation]
        assert parts == [("a/x", 2), ("a/y", 4), ("b", 1)]

    def test_a_component_without_one_bound_is_unbounded(self):
        first, second = spec("toy_gym:Odd-v0", takes="half").action
        assert (first.low, first.high) == (-1.0, 1.0)
        assert (second.low, second.high) == (None, None)

    def test_physics_is_their_own(self):
        assert resolve_physics("gym:Pendulum-v1", "auto") == "gymnasium"
        with pytest.raises(UsageError, match="does not run on native physics"):
            resolve_physics("gym:Pendulum-v1", "native")


class TestMetadata:
    """Malformed values count as absent."""

    @pytest.mark.parametrize(
        ("said", "seconds"),
        [
            ({}, 1 / 20),
            ({"dt": 0.25}, 0.25),
            ({"dt": "raises"}, 1 / 20),
            ({"dt": True}, 1 / 20),
            ({"dt": "nan"}, 1 / 20),
            ({"dt": 0}, 1 / 20),
            ({"dt": 1e-30}, 1 / 20),
            ({"dt": [0.1]}, 1 / 20),
            *(
                ({"render_fps": fps}, 1 / 30)
                for fps in ("30", "inf", "nan", -1, 0, None, 1e300, 1e-300, [20])
            ),
            ({"metadata": None}, 1 / 30),
            ({"metadata": ["rgb_array"]}, 1 / 30),
        ],
    )
    def test_of_their_time_step(self, said, seconds):
        assert spec("odd_gym:Says-v0", **said).control_dt == seconds

    @pytest.mark.parametrize(
        ("count", "substeps"),
        [(4, 4), (4.0, 4), (None, 1), ([2, 5], 1), ("4", 1), (0, 1), (-3, 1), (2.5, 1), (True, 1)],
    )
    def test_of_their_substeps(self, count, substeps):
        assert spec("odd_gym:Says-v0", frame_skip=count).substeps == substeps

    @pytest.mark.parametrize(
        ("modes", "draws"),
        [(["rgb_array"], True), ("rgb_array", True), (None, False), (3, False), ([], False)],
    )
    def test_of_their_pictures(self, modes, draws):
        name, config = "gym:odd_gym:Says-v0", GymnasiumConfig(render_modes=modes)
        environment = make_environment(name, config)
        if draws:
            environment.make("rgb_array").close()
            return
        with pytest.raises(RendererMissing, match="cannot render images; its render modes are"):
            environment.make("rgb_array")

    def test_keys_need_not_be_text(self):
        parts = [(part.name, part.size) for part in spec("odd_gym:Observes-v0").observation]
        assert parts == [("10", 1), ("2", 1)]

    def test_every_term_that_was_seen(self):
        assert spec("odd_gym:Terms-v0").terms == ("reward_alive", "reward_goal")


class TestUnsupported:
    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("Pendulm-v1", "did you mean gym:Pendulum-v1?"),
            ("Hopper-v2", "did you mean gym:Hopper-v5?"),
            ("toy_gym:Toi-v0", "did you mean gym:toy_gym:Toy-v0?"),
            ("zzzzzzzzzzz", "`rlctl envs gym` lists them"),
        ],
    )
    def test_names(self, name, hint):
        with pytest.raises(UsageError, match="there is no environment") as caught:
            catalog.env(f"gym:{name}")
        assert caught.value.hint == hint

    def test_modules(self):
        with pytest.raises(UsageError, match="cannot import no_toys: ModuleNotFoundError"):
            catalog.env("gym:no_toys:Toy-v0")

    @pytest.mark.parametrize("observes", ["choice", "text"])
    def test_observations(self, observes):
        with pytest.raises(UsageError, match=r"observes (Discrete|Text).*only Box observations"):
            spec("toy_gym:Odd-v0", observes=observes)

    @pytest.mark.parametrize("takes", ["choices", "whole", "text"])
    def test_actions(self, takes):
        with pytest.raises(UsageError, match="only Discrete and real Box actions"):
            spec("toy_gym:Odd-v0", takes=takes)

    @pytest.mark.parametrize("observes", ["empty", "no parts", "empty parts"])
    def test_nothing_to_observe(self, observes):
        with pytest.raises(UsageError, match="observes nothing"):
            spec("odd_gym:Observes-v0", observes=observes)
        assert spec("odd_gym:Observes-v0", observes="part empty").observation_size == 1

    def test_other_kinds_in_dictionaries(self):
        with pytest.raises(UsageError, match=r"observes Tuple\(.*only Box observations"):
            spec("odd_gym:Observes-v0", observes="tuple")
        with pytest.raises(UsageError, match="observes None; only Box observations"):
            spec("odd_gym:Observes-v0", observes="no space")

    def test_nothing_to_do(self):
        with pytest.raises(UsageError, match="takes no action"):
            spec("odd_gym:Observes-v0", acts="empty")

    @pytest.mark.parametrize("error", ERRORS)
    def test_constructors_that_fail(self, error):
        complaint = (
            f"Fails-v0 cannot be made with where='constructor', error='{error}': {error}(\\n|$)"
        )
        with pytest.raises(UsageError, match=complaint):
            spec("odd_gym:Fails-v0", where="constructor", error=error)

    @pytest.mark.parametrize("error", ERRORS)
    def test_modules_that_fail(self, error, monkeypatch, tmp_path):
        (tmp_path / f"fails_by_{error.lower()}.py").write_text(f"raise {error}")
        monkeypatch.syspath_prepend(tmp_path)
        with pytest.raises(
            UsageError, match=f"cannot import fails_by_{error.lower()}: {error}(\\n|$)"
        ):
            catalog.env(f"gym:fails_by_{error.lower()}:Toy-v0")

    def test_options(self):
        with pytest.raises(UsageError, match="takes no 'lenght'; it takes length, fail,") as caught:
            spec("toy_gym:Toy-v0", lenght=3)
        assert caught.value.hint == "did you mean env.length?"

    def test_values(self):
        with pytest.raises(UsageError, match="cannot be made with takes='nothing': KeyError"):
            spec("toy_gym:Odd-v0", takes="nothing")

    def test_missing_packages(self):
        with pytest.raises(DeviceUnavailable, match="Toys are not installed") as caught:
            spec("toy_gym:Missing-v0")
        assert caught.value.hint.endswith("pip install 'toys[box]'")


def test_nothing_is_listed_before_it_is_asked_for():
    code = (
        "import sys; from rlctl.actions.envs import list_envs; list_envs();"
        "assert 'gymnasium' not in sys.modules;"
        "(gym,) = list_envs('gym').families; assert 'Pendulum-v1' in gym.names;"
        "assert 'Hopper-v2' not in gym.names, 'it cannot be made'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_options_come_from_the_checkpoint(private_folder):
    import saved_policy

    from rlctl.checkpoints.reading import load

    checkpoint = load(saved_policy.save("gym:toy_gym:Toy-v0", length=7))
    name, config = environment_of(checkpoint)
    assert (name, config.values) == ("gym:toy_gym:Toy-v0", {"length": 7})
    assert environment_of(checkpoint, ["env.colour=9"])[1].values == {"length": 7, "colour": 9}


class Unprintable(Exception):
    """Exception whose __str__ fails."""

    def __str__(self):
        raise ValueError


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (SystemExit(), "SystemExit"),
        (ValueError("\n\n  two\nlines"), "ValueError: two"),
        (Unprintable(), "Unprintable"),
    ],
)
def test_an_error_in_one_line(problem, line):
    assert errors.describe_error(problem) == line


def _missing(module, text):
    problem = ValueError(text)
    problem.__cause__ = ModuleNotFoundError(name=module)
    return problem


@pytest.mark.parametrize(
    ("problem", "packages"),
    [
        (_missing("pygame", 'run `pip install "gymnasium[classic-control]"`'), ["pygame-ce"]),
        (ModuleNotFoundError(name="pygame.freetype"), ["pygame-ce"]),
        (_missing("box", 'run `pip install swig` and `pip install "gym[box]"`'), ["gym[box]"]),
        (ModuleNotFoundError(name="mjtasks.scenes"), ["mjtasks"]),
        (AttributeError("no such thing", name="thing"), []),
    ],
)
def test_packages_that_are_missing(problem, packages):
    assert errors.missing_packages(problem) == packages


@pytest.mark.parametrize("value", [10**400, -(10**400), 1j, "3", None, [1.0], {}])
def test_a_term_that_is_no_number_is_absent(value):
    assert metadata.reward_terms({"reward_x": value, "reward_y": 2}) == {"reward_y": 2.0}
