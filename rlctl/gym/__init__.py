"""Importing this makes every environment of the catalog known to Gymnasium.

    import gymnasium, rlctl.gym
    env = gymnasium.make("rlctl/InvertedPendulum-v0", render_mode="rgb_array")
    batch = gymnasium.make_vec("rlctl/Barkour-v0", num_envs=256)

or, where only an id can be given, `rlctl.gym:rlctl/Barkour-v0`. (Gymnasium reads no entry points of
other packages; an import is its way.) Keyword arguments are those of `Adapter` and the settings of
the environment, as `rlctl config show ENV` lists them under `env`.
"""

from rlctl.gym.ids import register

register()
