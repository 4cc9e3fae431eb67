"""The ids under which Gymnasium knows the catalog's environments."""

import gymnasium

from rlctl import catalog


def id_of(name: str) -> str:
    """The id of a catalog name: `inverted-pendulum` is `rlctl/InvertedPendulum-v0`."""
    return f"rlctl/{''.join(word.capitalize() for word in name.split('-'))}-v0"


def register() -> None:
    """Register them all, but for those that are registered. Loads none."""
    for name in catalog.envs():
        if id_of(name) not in gymnasium.registry:
            gymnasium.register(
                id_of(name),
                entry_point="rlctl.gym.single:SingleEnv",
                vector_entry_point="rlctl.gym.batch:BatchEnv",
                kwargs={"name": name},
            )
