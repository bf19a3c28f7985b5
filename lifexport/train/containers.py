"""Layers in a row, and layers side by side."""

from __future__ import annotations

from collections.abc import Iterable

import brainstate
import brainunit as u

from ..findings import at_node, error
from .chaining import label, require_chain, require_same
from .module import Module
from .parameters import unit_name
from .running import run_layer


class Sequential(brainstate.nn.Sequential):
    """Layers one after the other; refuses, when built, sizes that do not chain.

    Parameters
    ----------
    first, *layers : modules
        Each takes what the one before gives. Plain functions and descriptions (``LIF.desc(...)``) work as in
        ``brainstate.nn.Sequential``.

    Attributes
    ----------
    layers : list
        The layers, in order.
    in_size, out_size : tuple of int
        Of the first and of the last layer.

    Raises
    ------
    ShapeError
        LX102, naming both layers.

    Examples
    --------
    >>> import numpy as np
    >>> from lifexport.train import LIF, Linear
    >>> net = Sequential(Linear(4, 3), LIF(3))
    >>> _ = brainstate.nn.init_all_states(net, batch_size=2)
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     net.update(np.zeros((2, 4))).shape, net.run(np.zeros((20, 2, 4))).shape
    ((2, 3), (20, 2, 3))
    >>> Sequential(Linear(4, 3), LIF(5))
    Traceback (most recent call last):
    lifexport.errors.ShapeError: LX102 ...: layers[1] LIF takes (5,), layers[0] Linear gives (3,); fix: ...
    """

    def __init__(self, first, *layers):
        super().__init__(first, *layers)
        require_chain(self.layers)

    def append(self, layer) -> None:
        """Add a layer at the end; on an error the network is as it was."""
        require_chain([*self.layers, layer])
        super().append(layer)

    def extend(self, modules: Iterable) -> None:
        """Add layers at the end; on an error the network is as it was."""
        modules = list(modules)
        require_chain([*self.layers, *modules])
        super().extend(modules)

    def insert(self, index: int, module) -> None:
        """Add a layer before ``index`` as brainstate counts (-1 appends); on an error nothing changes."""
        at = index if index >= 0 else max(0, len(self.layers) + index + 1)
        require_chain([*self.layers[:at], module, *self.layers[at:]])
        super().insert(index, module)

    def update(self, x):
        """Output of the last layer for one step; an error names the layer it comes from."""
        # Not the inherited loop: it wraps every error in one of its own, and typed errors would be lost.
        for i, layer in enumerate(self.layers):
            with at_node(f"layers[{i}]"):
                x = layer(x)
        return x

    def run(self, x):
        """Whole sequence, ``(time, *batch, *in_size)``, layer by layer; equal to ``update`` at every step."""
        for i, layer in enumerate(self.layers):
            with at_node(f"layers[{i}]"):
                x = run_layer(layer, x)
        return x


class Parallel(Module):
    r"""Layers side by side: each gets the same input, and what they give adds up.

    .. math:: y = \sum_i f_i(x)

    With ``Sequential`` inside it expresses skip connections and merges; a plain skip is ``Identity``, which gives
    spikes the unit of the other branches.

    Parameters
    ----------
    *branches : modules or functions
        At least one.
    name : str, optional
        Name in error messages.

    Attributes
    ----------
    branches : list
        The branches, in order.
    in_size, out_size : tuple of int or None
        Of the first branch that states them.

    Raises
    ------
    ShapeError
        LX102, naming both branches: they take or give different sizes.
    ParameterError
        LX006: no branch, or a description of one (``LIF.desc()``), whose size nothing states.
    UnitError
        LX109, in ``update`` and ``run``: what branches give has different units.

    Examples
    --------
    >>> import numpy as np
    >>> from lifexport.train import LIF, Identity, Linear
    >>> net = Sequential(Parallel(Linear(3, 3, np.ones((3, 3))), Identity(3)), LIF(3))
    >>> net[0](np.array([1.0, 0.0, 0.0]))
    Quantity([2. 1. 1.], "mA")
    >>> Parallel(Linear(3, 3), Linear(3, 4))
    Traceback (most recent call last):
    lifexport.errors.ShapeError: LX102 ...: branches[1] Linear gives (4,), branches[0] Linear gives (3,); fix: ...
    """

    def __init__(self, *branches, name: str | None = None):
        super().__init__(name=name)
        place = name or type(self).__name__
        for i, branch in enumerate(branches or (None,)):
            if not callable(branch) or isinstance(branch, brainstate.mixin.ParamDescriber):
                found, fix = f"branches[{i}]: {type(branch).__name__}", "give a module, or a function"
                raise error("LX006", node=place, field="branches", found=found, fix=fix)
        self.branches = list(branches)
        with at_node(place):
            takes = require_same(branches, "in_size", "branches")
            gives = require_same(branches, "out_size", "branches")
            for i, branch in enumerate(branches):
                same = isinstance(branch, brainstate.nn.ElementWiseBlock)
                if same and None not in (takes, gives) and takes != gives:
                    found = f"{label(branch, f'branches[{i}]')} gives the {takes} it takes, others give {gives}"
                    raise error("LX102", found=found, fix="make the sizes equal, for what branches give adds up")
        if takes is not None:
            self.in_size = takes
        if gives is None and all(isinstance(branch, brainstate.nn.ElementWiseBlock) for branch in branches):
            gives = takes
        if gives is not None:
            self.out_size = gives

    def update(self, x):
        """Sum of what the branches give for one step."""
        return self._total(lambda branch: branch(x))

    def run(self, x):
        """Whole sequence, ``(time, *batch, *in_size)``, branch by branch; equal to ``update`` at every step."""
        return self._total(lambda branch: run_layer(branch, x))

    def _total(self, answer):
        total = None
        for i, branch in enumerate(self.branches):
            with at_node(f"branches[{i}]"):
                y = answer(branch)
                if total is not None and u.get_dim(y) != u.get_dim(total):
                    found = f"{unit_name(y)}, branches before it give {unit_name(total)}"
                    raise error("LX109", field="unit", found=found, fix="give all branches the same unit")
                total = y if total is None else total + y
        return total
