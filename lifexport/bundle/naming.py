"""What a population is called in golden vectors, in text for hardware, and in recordings: one name everywhere.

It is the network's own name, unless that is no name for a file; then it is ``node`` and its number in order of
evaluation, as bundles of version 0.1.0 call every node. In what people hand in, both are understood.
"""

from __future__ import annotations

import re
from collections import Counter

from ..network import IntNetwork

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def file_names(q: IntNetwork) -> dict[str, str]:
    """Name of every node in files.

    Examples
    --------
    >>> from lifexport.bundle.intnetwork import to_array
    >>> bool(_SAFE.fullmatch("lif1.out")), bool(_SAFE.fullmatch("../lif")), bool(_SAFE.fullmatch("膜"))
    (True, False, False)
    """
    times = Counter(name.lower() for name in q.nodes)  # some file systems do not tell them apart
    safe = {name for name in q.nodes if _SAFE.fullmatch(name) and times[name.lower()] == 1}
    return {name: name if name in safe else _free(f"node{i}", q) for i, name in enumerate(q.nodes)}


def _free(name: str, q: IntNetwork) -> str:
    while name.lower() in {other.lower() for other in q.nodes}:
        name += "_"
    return name


def node_called(q: IntNetwork, name: str) -> str | None:
    """The node that a name in a file or a recording means; None if there is none."""
    if name in q.nodes:
        return name
    meant = {file: node for node, file in file_names(q).items()}
    meant |= {f"node{i}": node for i, node in enumerate(q.nodes) if f"node{i}" not in meant}
    return meant.get(name)
