"""Environments of Gymnasium that do what Gymnasium does not ask for; importing this registers them.

Each does one odd thing, by its keyword arguments. Episodes last ten steps.
"""

import os
from typing import ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

EPISODE = 10
ERRORS = {
    error.__name__: error
    for error in (
        ValueError,
        MemoryError,
        StopIteration,
        SystemExit,
        GeneratorExit,
        RecursionError,
    )
}


class Base(gymnasium.Env):
    """Observes its step and 1; every reward is 1."""

    metadata: ClassVar = {"render_modes": ["rgb_array"], "render_fps": 30}
    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self, render_mode=None):
        self.render_mode = render_mode
        self.time = self.life = 0

    def observation(self):
        return np.array([self.time, 1.0], np.float32)

    def info(self):
        return {}

    def reward(self):
        return 1.0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return self.observation(), {}

    def step(self, action):
        self.time += 1
        self.life += 1
        return self.observation(), self.reward(), self.time >= EPISODE, False, self.info()

    def render(self):
        return np.full((64, 64, 3), 100, np.uint8)


class Terms(Base):
    """`reward_goal` is 7 in steps 3 and 10, `reward_late` 1 from the 50th step of its life on.

    The info of a reset has another goal, which belongs to no step.
    """

    def __init__(self, render_mode=None, info="sparse"):
        super().__init__(render_mode)
        self._info = info

    def reset(self, *, seed=None, options=None):
        observation, _ = super().reset(seed=seed)
        return observation, {"reward_goal": 1000.0}

    def info(self):
        if self._info == "none":
            return None
        if self._info == "whole keys":
            return {0: "a", 1: 2.0, ("reward",): 3.0}
        found = {"reward_alive": np.bool_(True), "reward_text": "much", "reward_each": np.ones(3)}
        found["nested"] = {"reward_inner": 5.0}
        found["reward_goal"] = np.array(7.0) if self.time in (3, 10) else None
        if self.life >= 50:
            found["reward_late"] = np.float32(1.0)
        return found


class Fails(Base):
    """Raises an error in a method, `step` in the 30th step of its life."""

    def __init__(self, render_mode=None, where="step", error="ValueError"):
        super().__init__(render_mode)
        self._where, self._error = where, error
        self._fail("constructor")

    def _fail(self, where):
        if where != self._where:
            return
        if self._error == "os._exit":
            os._exit(7)
        raise ERRORS[self._error]

    def reset(self, *, seed=None, options=None):
        self._fail("reset")
        if self.life:
            self._fail("later reset")
        return super().reset(seed=seed)

    def step(self, action):
        answer = super().step(action)
        if self.life == 30:
            self._fail("step")
        return answer

    def render(self):
        self._fail("render")
        return super().render()

    def close(self):
        self._fail("close")


class Answers(Base):
    """Answers in another form than Gymnasium asks for."""

    def __init__(self, render_mode=None, form="usual"):
        super().__init__(render_mode)
        self._form = form

    def observation(self):
        kinds = {"list": [float(self.time), 1.0], "long": np.zeros(3), "nothing": None}
        return kinds.get(self._form, super().observation())

    def reward(self):
        kinds = {"array": np.array([1.0]), "bool": np.bool_(True), "nan": np.nan, "text": "much"}
        return kinds.get(self._form, 1e300 if self._form == "beyond float32" else 1)

    def reset(self, *, seed=None, options=None):
        answer = super().reset(seed=seed)
        return answer[0] if self._form == "old reset" else answer

    def step(self, action):
        observation, reward, terminated, truncated, info = super().step(action)
        if self._form == "old step":
            return observation, reward, terminated, info
        if self._form == "bool":
            return observation, reward, np.bool_(terminated), np.array([truncated]), info
        return observation, reward, terminated, truncated, info


class Options(Base):
    """Options of a reset, where given, must have a start; ends no episode itself."""

    def reset(self, *, seed=None, options=None):
        if options is not None:
            options["start"]
        return super().reset(seed=seed)

    def step(self, action):
        return *super().step(action)[:2], False, False, {}


class Large(Base):
    """Observes a value that is finite and large in two steps of three."""

    def __init__(self, render_mode=None, value=1e25):
        super().__init__(render_mode)
        self._value = value

    def observation(self):
        return [0.5, self._value if self.time % 3 else 0.5]


class Says(Base):
    """Has metadata and attributes as asked for; "inf" and "nan" are those numbers."""

    def __init__(self, render_mode=None, **said):
        super().__init__(render_mode)
        self._said = {key: float(x) if x in ("inf", "nan") else x for key, x in said.items()}
        self.frame_skip = self._said.get("frame_skip")
        self.metadata = self._said.get(
            "metadata", {"render_modes": ["rgb_array"], "render_fps": 20} | self._said
        )

    @property
    def dt(self):
        if self._said.get("dt") == "raises":
            raise ZeroDivisionError
        return self._said.get("dt")


class Observes(Base):
    """Observes as asked for."""

    def __init__(self, render_mode=None, observes="whole keys", acts="box"):
        super().__init__(render_mode)
        one, nothing = spaces.Box(-1, 1, (1,), np.float32), spaces.Box(-1, 1, (0,), np.float32)
        self.observation_space, self._seen = {
            "whole keys": (spaces.Dict({2: one, 10: one}), {2: [0.25], 10: [0.5]}),
            "part empty": (spaces.Dict({"a": nothing, "b": one}), {"a": [], "b": [0.5]}),
            "empty": (nothing, np.zeros(0)),
            "no parts": (spaces.Dict({}), {}),
            "empty parts": (spaces.Dict({"a": nothing}), {"a": []}),
            "lacking": (spaces.Dict({"a": one, "b": one}), {"a": [0.5]}),
            "tuple": (spaces.Dict({"a": spaces.Tuple((one, one))}), {"a": ([0.5], [0.5])}),
            "no space": (None, None),
        }[observes]
        if acts == "empty":
            self.action_space = nothing

    def observation(self):
        return self._seen


class Frames(Base):
    """Draws frames of the kind asked for, red on the left half."""

    def __init__(self, render_mode=None, kind="usual"):
        super().__init__(render_mode)
        self._kind = kind

    def render(self):
        frame = np.zeros((64, 64, 3), np.uint8)
        frame[:, :32] = 250, 10, 10
        return {
            "usual": frame,
            "int64": frame.astype(np.int64),
            "alpha": np.concatenate([frame, frame[:, :, :1]], 2),
            "grey": frame[:, :, :1],
            "flat grey": frame[:, :, 0],
            "turned": frame[::-1, ::-1],
            "unit": (frame / 255).astype(np.float32),
            "float": frame.astype(np.float64),
            "channels first": np.transpose(frame, (2, 0, 1)),
            "too large": frame.astype(np.int64) + 6,
            "negative": frame.astype(np.int16) - 1,
            "truth": frame > 0,
            "list": [frame],
            "none": None,
            "empty": frame[:0],
        }[self._kind]


def wrapped(render_mode=None):
    """An environment around another of this module, made by its id."""
    return gymnasium.wrappers.RescaleAction(gymnasium.make("OddPlain-v0"), -2, 2)


for kind in (Terms, Fails, Answers, Options, Large, Says, Observes, Frames):
    gymnasium.register(f"{kind.__name__}-v0", f"odd_gym:{kind.__name__}")
gymnasium.register("OddPlain-v0", "odd_gym:Base")
gymnasium.register("Wrapped-v0", "odd_gym:wrapped")
