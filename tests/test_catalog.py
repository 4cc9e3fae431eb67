"""The catalog's handling of names that come from files."""

import pytest
import toy_gym  # noqa: F401  # a module that is imported already

from rlctl.catalog import check_trusted
from rlctl.core.errors import Unsafe

ANT = "gym:Ant-v5"


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("gym:evil:X-v0", {}, "module evil would be imported"),
        ("gym:folder.evil:X-v0", None, r"module folder\.evil would be imported"),
        (ANT, {"xml_file": "/etc/passwd"}, r"read a file: env\.xml_file is /etc/passwd"),
        (ANT, {"reset_noise_scale": 0.1, "xml_file": "./ant.xml"}, "read a file"),
        (ANT, {"xml_file": "~evil/ant.xml"}, "read a file"),
        (ANT, {"xml_file": "..\\ant.xml"}, "read a file"),
    ],
)
def test_code_and_files_need_the_users_word(name, settings, message):
    with pytest.raises(Unsafe, match=message):
        check_trusted(name, settings, None)
    with pytest.raises(Unsafe, match=message):
        check_trusted(name, settings, "gym:Another-v0")
    check_trusted(name, settings, name)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("pendulum", {"start_angle": 0.1}),
        ("gym:CartPole-v1", {}),
        ("gym:toy_gym:Toy-v0", {"length": 9}),
        (ANT, {"xml_file": "ant.xml"}),  # Gymnasium's own
        (ANT, [None]),  # is told where settings are read
    ],
)
def test_other_names_need_none(name, settings):
    check_trusted(name, settings, None)
