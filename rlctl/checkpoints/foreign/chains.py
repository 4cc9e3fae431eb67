"""Grouping the linear layers of a state dict into networks, by their names.

    actor.0, actor.2, actor.4             one prefix and numbers
    actor.net.0, actor.net.2, actor.mu    the same, and one layer after them: the head
    fc1, fc2, mean                        numbered names, likewise

Any other set of layers is ambiguous and refused, with the candidates in the message. Sizes are not
used: layers of two networks may have matching sizes by chance.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise

import numpy as np

from rlctl.core.errors import Incompatible

_NUMBERED = re.compile(r"(?:(?P<parent>.*)\.)?(?P<word>[^.]*?)(?P<number>[0-9]{1,9})")
_LAYER_WORDS = {"fc", "lin", "linear", "layer", "l", "dense", "hidden", "h"}
_HEAD_WORDS = {
    "head", "out", "output", "logits", "last", "final", "action", "mean", "mu", "actor", "policy",
    "pi", "critic", "value", "v", "vf",
}  # fmt: skip
NAME_IT = (
    "name the policy's layers by their prefix: --actor PREFIX, or in order if there are several: "
    "--actor PREFIX,PREFIX"
)


def words(text: str) -> set[str]:
    """Return the words of a dotted name, in lower case."""
    return set(re.split(r"[._]", text.lower()))


def chain(weights: Mapping[str, np.ndarray]) -> list[str]:
    """Return the names of one network's layers, first to last.

    Args:
        weights: Layer's name -> weight [out, in].

    Raises:
        Incompatible: The layers may be of several networks; the message lists them.
    """
    groups = _groups(weights)
    series = [names for prefix, names in groups.items() if prefix is not None]
    heads = groups.get(None, [])
    of_head = all(words(_last(head)) & _HEAD_WORDS for head in heads)
    # At most one numbered series, then at most one head with a head's name.
    if len(series) > 1 or len(heads) > 1 or (series and not of_head):
        listed = "; ".join(_describe(weights, names) for names in [*series, *([x] for x in heads)])
        raise Incompatible(f"it is not clear which layers are the policy's: {listed}", NAME_IT)
    return [*(series[0] if series else ()), *heads]


def layers_under(weights: Iterable[str], prefixes: Iterable[str]) -> list[str]:
    """Return the layers under each prefix in turn, ordered by their numbers.

    Raises:
        Incompatible: A prefix has no layers.
    """
    held, found = list(weights), []
    for prefix in prefixes:
        under = [name for name in held if name == prefix or name.startswith(prefix + ".")]
        if not under:
            raise Incompatible(
                f"it has no layers under {prefix!r}; there are {', '.join(held)}", NAME_IT
            )
        found += sorted(under, key=_numbers)
    return found


def _groups(names: Iterable[str]) -> dict[str | None, list[str]]:
    """Return prefix -> names that differ only in the number after it; None -> all others."""
    found: dict[str | None, list[tuple[int, str]]] = {}
    for name in names:
        match = _NUMBERED.fullmatch(name)
        if match and (not match["word"] or words(match["word"]) & _LAYER_WORDS):
            prefix = name.removesuffix(match["number"])
            found.setdefault(prefix, []).append((int(match["number"]), name))
        else:
            found.setdefault(None, []).append((0, name))
    for prefix, numbered in found.items():
        if prefix is not None:
            numbered.sort()
            gaps = {b - a for (a, _), (b, _) in pairwise(numbered)}
            # nn.Sequential numbers layers and activations alike: a gap of 1 among others means two
            # linear layers without an activation between them.
            if 1 in gaps and len(gaps) > 1:
                raise Incompatible(
                    f"some of its layers {', '.join(name for _, name in numbered)} have no "
                    "activation between them",
                    "supported are networks with the same activation after every hidden layer",
                )
    return {prefix: [name for _, name in numbered] for prefix, numbered in found.items()}


def _describe(weights: Mapping[str, np.ndarray], names: list[str]) -> str:
    """Describe a candidate with its sizes, e.g. `actor (3 -> 64 -> 1)`."""
    sizes = [weights[names[0]].shape[1], *(weights[name].shape[0] for name in names)]
    prefix = names[0] if len(names) == 1 else names[0].rpartition(".")[0]
    label = prefix or ",".join(names)
    return f"{label} ({' -> '.join(map(str, sizes))})"


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _numbers(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"[0-9]{1,9}", name)]
