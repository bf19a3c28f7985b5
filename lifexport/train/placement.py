"""Where training happens: batches split over devices, parameters whole on each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


@dataclass(frozen=True)
class Placement:
    """Where batches and parameters lie: split over devices, and on each of them whole."""

    mesh: Mesh | None

    @classmethod
    def over(cls, devices: Sequence[Any] | None) -> Placement:
        """One device, as JAX chooses, or those given."""
        return cls(Mesh(np.asarray(devices), ("batch",)) if devices else None)

    @property
    def count(self) -> int:
        """Number of devices."""
        return 1 if self.mesh is None else self.mesh.size

    def split(self, array: np.ndarray, axis: int) -> jax.Array:
        """Array with one part of ``axis`` on each device; every process places the parts of its own devices."""
        if self.mesh is None:
            return jax.numpy.asarray(array)
        sharding = NamedSharding(self.mesh, PartitionSpec(*(None,) * axis, "batch"))
        return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])

    def whole(self, tree: Any) -> Any:
        """Arrays with a full copy on each device."""
        if self.mesh is None:
            return tree
        sharding = NamedSharding(self.mesh, PartitionSpec())

        def put(leaf):
            array = np.asarray(leaf)
            return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])

        return jax.tree.map(put, tree)

    def keep_whole(self, tree: Any) -> Any:
        """Tell the compiler that these arrays stay copied; for use inside ``jax.jit``."""
        if self.mesh is None:
            return tree
        return jax.lax.with_sharding_constraint(tree, NamedSharding(self.mesh, PartitionSpec()))

    def back(self, tree: Any) -> Any:
        """Arrays on the default device again."""
        return tree if self.mesh is None else jax.tree.map(lambda leaf: jax.numpy.asarray(np.asarray(leaf)), tree)
