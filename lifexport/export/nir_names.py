"""Names of nodes in a NIR file, which torch's modules and Python's grammar restrict."""

from __future__ import annotations

import keyword
from collections.abc import Iterable


def written_names(names: Iterable[str], reserved: Iterable[str] = ()) -> dict[str, str]:
    """Name in the file of every node: as it is, unless torch's modules, Python's grammar or the caller forbid it.

    >>> written_names(["fc.0", "fc_0", "lambda"])
    {'fc.0': 'fc_0_2', 'fc_0': 'fc_0', 'lambda': 'lambda_'}
    >>> written_names(["input"], reserved=["input"])
    {'input': 'input_2'}
    """
    reserved = set(reserved)
    safe = {name: name.replace(".", "_") + "_" * keyword.iskeyword(name) for name in names}
    taken = {name for name in safe if safe[name] == name} | reserved
    for name in [name for name in safe if safe[name] != name or name in reserved]:
        free = (f"{safe[name]}{tail}" for tail in ("", *(f"_{i}" for i in range(2, len(safe) + 2))))
        safe[name] = next(candidate for candidate in free if candidate not in taken)
        taken.add(safe[name])
    return safe
