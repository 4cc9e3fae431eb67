"""Gymnasium ids of the catalog's environments."""

import gymnasium

from rlctl import catalog


def id_of(name: str) -> str:
    """Return the id of a catalog name, e.g. `rlctl/InvertedPendulum-v0` of `inverted-pendulum`."""
    return f"rlctl/{''.join(word.capitalize() for word in name.split('-'))}-v0"


def register() -> None:
    """Register all environments that are not registered yet, without importing them."""
    for name in catalog.envs():
        if id_of(name) not in gymnasium.registry:
            gymnasium.register(
                id_of(name),
                entry_point="rlctl.gym.single:SingleEnv",
                vector_entry_point="rlctl.gym.batch:BatchEnv",
                kwargs={"name": name},
            )
