import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import pytest

from rlctl.core import presets
from rlctl.core.config import Layer, Resolved, flag_layer, resolve, set_layer, setting, toml_layer
from rlctl.core.errors import Incompatible, NotFound, UsageError
from rlctl.core.kwargs_section import KwargsSection


@dataclass(frozen=True)
class Learner:
    learning_rate: float = setting(3e-4, "step size", low=0.0, high=1.0)
    epochs: int = setting(4, "passes", low=1, high=100)
    clip: float | None = setting(None, "bound")
    sizes: tuple[int, ...] = setting((32, 32), "widths", low=1)
    span: tuple[float, float] = setting((0.0, 1.0), "from, to")
    shuffle: bool = setting(True, "whether to shuffle")
    activation: str = setting("swish", "which", choices=("swish", "tanh"))


@dataclass(frozen=True)
class Other:
    steps: int = setting(10, "how many", low=1)


SECTIONS = {"learner": Learner, "other": Other}


def test_defaults_stand_where_no_layer_speaks():
    found = resolve(SECTIONS, [])
    assert found["learner"] == Learner()
    assert set(found.origins.values()) == {"default"}


def test_later_layers_win_and_origins_tell_which():
    found = resolve(
        SECTIONS,
        [
            Layer("preset", {"learner.epochs": 2, "learner.sizes": [8], "other.steps": 7}),
            set_layer(["learner.epochs=3"]),
            flag_layer({"other.steps": "1e3", "learner.clip": None}),
        ],
    )
    assert found["learner"].epochs == 3
    assert found["learner"].sizes == (8,)
    assert found["other"].steps == 1000
    assert found.origins["learner.epochs"] == "--set"
    assert found.origins["learner.sizes"] == "preset"
    assert found.origins["other.steps"] == "flag"
    assert found.origins["learner.clip"] == "default"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("learning_rate=1e-3", 1e-3),
        ("learning_rate=0", 0.0),
        ("epochs=1e1", 10),
        ("epochs=1_0", 10),
        ("clip=none", None),
        ("clip=0.5", 0.5),
        ("sizes=128,64", (128, 64)),
        ("sizes=[128, 64]", (128, 64)),
        ("sizes=128", (128,)),
        ("sizes=[]", ()),
        ("span=-1,2.5", (-1.0, 2.5)),
        ("shuffle=false", False),
        ("shuffle=True", True),
        ("activation=tanh", "tanh"),
    ],
)
def test_text_is_read_by_the_settings_type(text, value):
    key = text.partition("=")[0]
    read = getattr(resolve(SECTIONS, [set_layer([f"learner.{text}"])])["learner"], key)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("learning_rate=fast", "'fast' is not a number"),
        ("learning_rate=nan", "not a finite number"),
        ("learning_rate=inf", "not a finite number"),
        ("learning_rate=1e400", "not a finite number"),
        ("learning_rate=2", "2.0 is above the largest allowed, 1"),
        ("learning_rate=-1", "-1.0 is below the smallest allowed, 0"),
        ("epochs=2.5", "'2.5' is not a whole number"),
        ("epochs=", "'' is not a whole number"),
        ("epochs=0", "0 is below the smallest allowed, 1"),
        ("epochs=1e300", "is too large"),
        ("epochs=" + "9" * 30, "is too large"),
        ("epochs=" + "9" * 5000, "not a whole number"),
        ("epochs=none", "'none' is not a whole number"),
        ("sizes=8,zero", "'zero' is not a whole number"),
        ("sizes=8,0", "0 is below the smallest allowed, 1"),
        ("span=1,2,3", "needs 2 values, got 3"),
        ("shuffle=yes", "'yes' is neither true nor false"),
        ("shuffle=1", "'1' is neither true nor false"),
        ("activation=tan", "'tan' is not one of swish, tanh; did you mean tanh?"),
        ("epoch=1", "there is no such setting; did you mean learner.epochs?"),
        ("zzz=1", "there is no such setting"),
    ],
)
def test_a_bad_value_is_told_with_its_place(text, complaint):
    with pytest.raises(UsageError) as caught:
        resolve(SECTIONS, [set_layer([f"learner.{text}"])])
    key = text.partition("=")[0]
    assert caught.value.message.startswith(f"--set learner.{key}: ")
    assert complaint in caught.value.message
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("text", ["epochs", "learner.=1", ".epochs=1", "=", ""])
def test_a_malformed_set_is_told_as_it_was_given(text):
    with pytest.raises(UsageError, match=r"not of the form section\.key=value") as caught:
        resolve(SECTIONS, [set_layer([text])])
    assert f"--set {text}:" in caught.value.message


def test_a_section_left_out_is_answered_with_the_right_one():
    with pytest.raises(UsageError, match=r"--set epochs: .*did you mean learner\.epochs\?"):
        resolve(SECTIONS, [set_layer(["epochs=1"])])


def test_a_wrong_section_is_answered_with_the_right_one():
    with pytest.raises(UsageError, match=r"no section 'ppo'.*did you mean learner\.epochs\?"):
        resolve(SECTIONS, [set_layer(["ppo.epochs=1"])])


def test_everything_wrong_is_told_at_once():
    layers = [
        Layer("file.toml", {"learner.epochs": 0, "typo.x": 1}),
        set_layer(["learner.shuffle=maybe", "nonsense"]),
        flag_layer({"other.steps": "-1"}),
    ]
    with pytest.raises(UsageError) as caught:
        resolve(SECTIONS, layers)
    lines = caught.value.message.splitlines()
    assert lines[0] == "5 settings cannot be used:"
    assert len(lines) == 6
    assert any(line.startswith("  file.toml: learner.epochs: 0 is below") for line in lines)
    assert any(line.startswith("  --steps: -1 is below") for line in lines)


@pytest.mark.parametrize(
    ("toml", "complaint"),
    [
        ("[learner]\nepochs = true", "True is not a whole number"),
        ("[learner]\nepochs = 2.5", "2.5 is not a whole number"),
        ("[learner]\nlearning_rate = false", "False is not a number"),
        ("[learner]\nshuffle = 1", "1 is neither true nor false"),
        ("[learner]\nactivation = 3", "3 is not text"),
        ("[learner]\nsizes = [1, [2]]", "[2] is not a whole number"),
        ("[learner.epochs]\nx = 1", "{'x': 1} is not a whole number"),
        ("epochs = 1", "epochs stands outside a [section]"),
        ("[[learner]]\nepochs = 1", "learner stands outside a [section]"),
    ],
)
def test_toml_values_are_held_to_their_type(tmp_path, toml, complaint):
    path = tmp_path / "settings.toml"
    path.write_text(toml)
    with pytest.raises(UsageError) as caught:
        resolve(SECTIONS, [toml_layer(path)])
    assert complaint in caught.value.message
    assert str(path) in caught.value.message


def test_toml_takes_what_toml_has_no_type_for(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('[learner]\nclip = "none"\nepochs = 1e1\nlearning_rate = 1\n')
    learner = resolve(SECTIONS, [toml_layer(path)])["learner"]
    assert (learner.clip, learner.epochs, learner.learning_rate) == (None, 10, 1.0)
    assert type(learner.learning_rate) is float


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFound, match=r"nowhere\.toml"):
        toml_layer(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("content", [b"[learner\n", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_file_that_is_not_toml_is_a_usage_error(tmp_path, content):
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"settings\.toml"):
        toml_layer(path)


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        toml_layer(tmp_path)


def test_saved_settings_come_back_equal():
    texts = ["learner.clip=0.1", "learner.sizes=1,2", "learner.shuffle=false", "other.steps=3"]
    before = resolve(SECTIONS, [set_layer(texts)])
    after = Resolved.from_json(SECTIONS, before.to_json())
    assert after["learner"] == before["learner"]
    assert after["other"] == before["other"]
    assert after.to_json() == before.to_json()


def test_saved_settings_of_another_version_are_incompatible():
    saved = resolve(SECTIONS, []).to_json()
    saved["learner"]["momentum"] = 0.9
    with pytest.raises(Incompatible, match=r"learner\.momentum"):
        Resolved.from_json(SECTIONS, saved)


def test_settings_cannot_be_changed_after_they_are_resolved():
    with pytest.raises(dataclasses.FrozenInstanceError):
        resolve(SECTIONS, [])["learner"].epochs = 5


def test_rows_show_every_setting_once():
    rows = resolve(SECTIONS, [set_layer(["other.steps=3"])]).rows()
    assert len(rows) == len({row.name for row in rows}) == 8
    assert all(row.help for row in rows)
    assert [row.origin for row in rows if row.name == "other.steps"] == ["--set"]


def test_presets_are_found_by_algorithm_and_environment(tmp_path, monkeypatch):
    folder = tmp_path / "configs" / "ppo"
    folder.mkdir(parents=True)
    (folder / "brax__ant.toml").write_text("[other]\nsteps = 5\n")
    (folder / "brax__ant.gpu.toml").write_text("[other]\nsteps = 6\n")
    (folder / "gym.gpu.toml").write_text("[other]\nsteps = 7\n")
    monkeypatch.setattr(presets, "__file__", str(tmp_path / "rlctl" / "core" / "config.py"))
    layer = Layer("preset ppo/brax__ant.toml", {"other.steps": 5})
    assert presets.preset_layers("ppo", "brax:ant", "cpu") == [layer]
    over = Layer("preset ppo/brax__ant.gpu.toml", {"other.steps": 6})
    assert presets.preset_layers("ppo", "brax:ant", "gpu") == [layer, over]
    of_family = Layer("preset ppo/gym.gpu.toml", {"other.steps": 7})
    assert presets.preset_layers("ppo", "gym:Hopper-v5", "gpu") == [of_family]
    assert presets.preset_layers("ppo", "gym:Hopper-v5", "cpu") == []
    assert presets.preset_layers("ppo", "elsewhere", "gpu") == []
    assert presets.presets("brax:ant", ("ppo", "trpo")) == ("ppo",)


class Anything(KwargsSection):
    refused: ClassVar = {"mine": "it is not yours to set"}
    known: ClassVar = {"limit": {"kind": int, "low": 1}}


class TestFreeSections:
    sections: ClassVar = {"train": Learner, "env": Anything}

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("9.81", 9.81),
            ("8", 8),
            ("True", True),
            ("none", None),
            ("[0.7, 2]", [0.7, 2]),
            ('{"a": 1}', {"a": 1}),
            ("a word", "a word"),
            ('"8"', "8"),
            ("[1", "[1"),
        ],
    )
    def test_text_is_what_it_looks_like_and_comes_back_equal(self, text, value):
        found = resolve(self.sections, [set_layer([f"env.thing={text}"])])
        assert found["env"].values == {"thing": value}
        assert found.origins["env.thing"] == "--set"
        again = Resolved.from_json(self.sections, found.to_json())
        assert again["env"].values == {"thing": value}
        assert [row.name for row in found.rows()][-1] == "env.thing"

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("env.mine=1", "--set env.mine: it is not yours to set"),
            ("env.limit=0", "--set env.limit: 0 is below the smallest allowed, 1"),
            ("env.limit=x", "--set env.limit: 'x' is not a whole number"),
            ("env.a-b=1", "--set env.a-b: 'a-b' is not a name"),
            ("env.x=NaN", "--set env.x: 'NaN' is not a finite number"),
            ("env.x=[1e999]", "--set env.x: '1e999' is not a finite number"),
        ],
    )
    def test_what_cannot_be_set(self, text, complaint):
        with pytest.raises(UsageError) as caught:
            resolve(self.sections, [set_layer([text])])
        assert caught.value.message == complaint

    def test_what_cannot_be_stored(self):
        with pytest.raises(UsageError, match="cannot be stored"):
            resolve(self.sections, [Layer("file", {"env.x": float("inf")})])


def test_a_setting_is_read_by_its_earlier_name_with_a_notice():
    @dataclass(frozen=True)
    class Section:
        steps: int = setting(1, "", formerly="count")

    given = resolve({"train": Section}, [set_layer(["train.count=3"])])
    assert (given["train"].steps, given.origins["train.steps"]) == (3, "--set")
    assert given.notices == ("--set train.count is now called train.steps",)
    saved = Resolved.from_json({"train": Section}, {"train": {"count": 3}})
    assert saved["train"].steps == 3
    with pytest.raises(UsageError, match=r"train\.count: 'many' is not"):
        resolve({"train": Section}, [set_layer(["train.count=many"])])
