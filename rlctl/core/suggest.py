"""Suggestions for unknown names: by words first, then by letters.

`ALIASES` lists the names that other tools use for the same settings and options.
"""

import difflib
import re
from collections.abc import Iterable

_CLOSE = 0.6  # similarity of two names, 0 to 1
_SAME_WORD = 0.75
_CLOSE_LETTERS = 0.65
_OTHER_NAMES = {
    # name in rlctl: names in other tools
    "learning_rate": "lr alpha step_size stepsize adam_lr policy_lr actor_lr",
    "value_learning_rate": "lr vf_lr value_lr critic_lr vf_stepsize vf_learning_rate",
    "discounting": "gamma discount discount_factor",
    "gae_lambda": "lambda lam gae gae_lam td_lambda",
    "clipping_epsilon": "clip clip_range cliprange clip_eps clip_epsilon clip_coef clip_param "
    "clip_ratio epsilon eps",
    "entropy_cost": "ent ent_coef ent_coeff entropy entropy_coef entropy_coeff entropy_bonus "
    "entropy_weight policy_entcoeff",
    "vf_loss_coefficient": "vf vf_coef vf_coeff value_coef value_loss_coef value_loss_coeff "
    "value_cost critic_coef",
    "unroll_length": "n_steps nsteps num_steps rollout_length rollout_steps horizon unroll "
    "num_steps_per_env nstep",
    "steps_per_update": "n_steps nsteps num_steps rollout_length rollout_steps horizon "
    "timesteps_per_batch steps_per_batch",
    "num_envs": "n_envs nenvs envs num_env num_environments n_env num_actors num_workers",
    "num_updates_per_batch": "n_epochs epochs num_epochs update_epochs num_learning_epochs "
    "noptepochs ppo_epochs num_sgd_iter opt_epochs",
    "value_epochs": "n_epochs epochs num_epochs vf_iters critic_epochs",
    "batch_size": "batch minibatch_size mini_batch_size minibatch sgd_minibatch_size",
    "value_minibatch": "batch batch_size minibatch_size mini_batch_size minibatch",
    "num_minibatches": "nminibatches n_minibatches num_mini_batches num_batches minibatches",
    "policy_hidden_layer_sizes": "hidden hidden_sizes hidden_size hidden_layers hidden_dims "
    "hidden_layer_sizes layers layer_sizes net_arch units network arch actor_hidden_dims "
    "policy_hidden_size policy_layers hidden_units",
    "value_hidden_layer_sizes": "critic_hidden_dims value_hidden_sizes value_layers vf_hidden",
    "steps": "total_timesteps timesteps num_timesteps n_timesteps total_steps max_steps "
    "total_env_steps num_env_steps iterations max_iterations num_iterations",
    "seed": "random_seed rng_seed seeds",
    "max_kl": "kl target_kl desired_kl delta kl_target step_kl",
    "cg_iterations": "cg_iters cg_max_steps cg_steps",
    "cg_damping": "damping",
    "max_grad_norm": "grad_clip grad_norm max_gradient_norm clip_grad gradient_clipping",
    "normalize_advantage": "norm_adv normalize_adv adv_norm",
    "normalize_observations": "norm_obs obs_norm normalize_obs empirical_normalization "
    "observation_normalization",
    "reward_scaling": "reward_scale reward_factor",
    "learning_rate_schedule": "schedule lr_schedule anneal_lr",
    "optimizer": "optim",
    "activation": "act activation_fn nonlinearity",
    "episode_length": "max_episode_steps time_limit max_episode_length",
    "num_evals": "evals n_evals eval_freq eval_interval eval_every",
    "eval_episodes": "n_eval_episodes num_eval_episodes num_eval_envs",
    "save_every": "save_freq save_interval checkpoint_freq checkpoint_every save_per_iter",
    "init_log_std": "init_std log_std log_std_init init_noise_std",
    "physics": "backend simulator",
    # options
    "out": "output output_dir output_file log_dir logdir save_dir save_path video o",
    "ckpt": "checkpoint checkpoint_path model model_path load load_path policy weights run "
    "load_model_path",
    "episodes": "num_episodes n_episodes eval_episodes num_eval_episodes",
    "stochastic": "sample stochastic_policy",
    "camera": "cam view",
    "size": "resolution width height",
    "algo": "algorithm agent",
    "config": "config_file cfg",
    "resume": "restore continue",
    "init_from": "pretrained warm_start finetune pretrained_weight_path",
    "min_return": "threshold target",
    "quiet": "silent",
}
ALIASES: dict[str, list[str]] = {}
for _here, _elsewhere in _OTHER_NAMES.items():
    for _name in _elsewhere.split():
        ALIASES.setdefault(_name, []).append(_here)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the most similar known name, "" if none is similar enough.

    Args:
        name: The given name.
        known: Names; settings are section.key, and `name` may omit the section.
    """
    known = list(known)
    section, _, key = name.rpartition(".")
    # Names in the given section first, then all others.
    first = [other for other in known if section and other.startswith(section + ".")]
    for candidates in (first, known):
        keys: dict[str, str] = {}
        for other in candidates:
            keys.setdefault(other.rpartition(".")[2], other)
        if found := _same(key, keys) or _alias(key, keys):
            return keys[found]
    for candidates in (first, known):
        scores = {other: _similarity(key, other.rpartition(".")[2]) for other in candidates}
        best = max(scores, key=scores.__getitem__, default="")
        if best and scores[best] >= _CLOSE:
            return best
    return ""


def did_you_mean(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Return the question "did you mean ...?", "" without a similar name."""
    meant = nearest(name, known)
    return f"did you mean {prefix}{meant}?" if meant else ""


def _words(name: str) -> list[str]:
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return [word.lower() for word in re.split(r"[^A-Za-z0-9]+", apart) if word]


def _same(key: str, keys: Iterable[str]) -> str:
    """Return the key that differs only in capitals or separators, "" if none."""
    wanted = "".join(_words(key))
    return next((other for other in keys if wanted and "".join(_words(other)) == wanted), "")


def _alias(key: str, keys: Iterable[str]) -> str:
    plain = {"_".join(_words(other)): other for other in keys}
    meant = ALIASES.get("_".join(_words(key)), ())
    return next((plain[other] for other in meant if other in plain), "")


def _similarity(a: str, b: str) -> float:
    """Return the similarity of two names, 0 to 1, by shared words or else by letters."""
    left, right = _words(a), _words(b)
    if not left or not right:
        return 0.0
    best_scores = [max(_word_similarity(word, other) for other in right) for word in left]
    shared = sum(score for score in best_scores if score >= _SAME_WORD)
    by_words = 2 * shared / (len(left) + len(right))
    by_letters = difflib.SequenceMatcher(None, a.lower(), b.lower()).ratio()
    return max(by_words, by_letters if by_letters >= _CLOSE_LETTERS else 0.0)


def _word_similarity(a: str, b: str) -> float:
    if len(a) >= 3 and b.startswith(a):
        return 1.0
    return difflib.SequenceMatcher(None, a, b).ratio()
