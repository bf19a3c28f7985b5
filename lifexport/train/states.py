"""What of a network is learned and lasts: its states by name."""

from __future__ import annotations

from typing import Any

import brainstate
import brainunit as u
import jax


def trainable(net) -> dict[Any, brainstate.State]:
    """States that an optimizer changes, by path."""
    return dict(net.states(brainstate.ParamState))


def lasting(net) -> dict[Any, brainstate.State]:
    """States that outlive a sequence: parameters, and statistics such as those of ``BatchNorm``; by path."""
    return dict(net.states(brainstate.LongTermState))


def values_of(states: dict[Any, brainstate.State]) -> dict[Any, Any]:
    """Their values, by path."""
    return {path: state.value for path, state in states.items()}


def set_values(states: dict[Any, brainstate.State], values: dict[Any, Any]) -> None:
    """Put the values back."""
    for path, state in states.items():
        state.value = values[path]


def leaves(values: dict[Any, Any]) -> dict[str, Any]:
    """Arrays and quantities inside the values, each by its path, with dots between the steps.

    Examples
    --------
    >>> list(leaves({("layers", 0, "weight"): {"weight": 1.0, "bias": 2.0}}))
    ['layers.0.weight.bias', 'layers.0.weight.weight']
    """
    named = {}
    for path, value in values.items():
        for inner, leaf in jax.tree_util.tree_leaves_with_path(value, is_leaf=_is_quantity):
            steps = [*path, *(_step(key) for key in inner)]
            named[".".join(map(str, steps))] = leaf
    return named


def replaced(values: dict[Any, Any], new: dict[str, Any]) -> dict[Any, Any]:
    """The values with other leaves, given by the names of ``leaves``."""
    order = iter(leaves(values))
    return {
        path: jax.tree.map(lambda _: new[next(order)], value, is_leaf=_is_quantity) for path, value in values.items()
    }


def plain(values: dict[Any, Any]) -> dict[str, Any]:
    """Arrays without their units, by name: what optimizers and files see."""
    return {name: u.get_mantissa(leaf) for name, leaf in leaves(values).items()}


def with_units(values: dict[Any, Any], numbers: dict[str, Any]) -> dict[Any, Any]:
    """The values with other numbers, given by name; each gets the unit of the one it replaces.

    Examples
    --------
    >>> with_units({("tau",): 5.0 * u.ms}, {"tau": 7.0})
    {('tau',): Quantity(7., "ms")}
    """
    old = leaves(values)
    return replaced(values, {k: n * u.get_unit(old[k]) if _is_quantity(old[k]) else n for k, n in numbers.items()})


def _is_quantity(value) -> bool:
    return isinstance(value, u.Quantity)


def _step(key) -> Any:
    return next(getattr(key, field) for field in ("key", "idx", "name") if hasattr(key, field))
