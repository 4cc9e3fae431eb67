"""Gymnasium environments; importing this package registers every environment of the catalog.

    import gymnasium, rlctl.gym
    env = gymnasium.make("rlctl/InvertedPendulum-v0", render_mode="rgb_array")
    batch = gymnasium.make_vec("rlctl/Barkour-v0", num_envs=256)

If a tool takes only an id, use `rlctl.gym:rlctl/Barkour-v0`: Gymnasium has no entry points for
plugins, but imports the module before the colon. Keyword arguments are those of `Adapter` and the
settings of the environment, as `rlctl config show ENV` lists them under `env`.
"""

from rlctl.gym.ids import register

register()
