"""Export profiles: a trained network rewritten so that a given importer of NIR runs it as it was trained.

``PROFILES`` has one value an importer. ``rewriting`` makes the graph, ``proving`` runs what was written, as the
importer does, against what was trained, ``model`` is the importer's own arithmetic in float32.
"""

from . import lava, norse, rockpool, sinabs, snn_mlir, snntorch, spikingjelly, spinnaker2, spyx
from .profile import Profile as Profile
from .rewriting import Rewritten as Rewritten
from .rewriting import rewritten as rewritten

PROFILES: dict[str, Profile] = {
    module.PROFILE.name: module.PROFILE
    for module in (norse, snntorch, spikingjelly, sinabs, rockpool, spyx, spinnaker2, lava, snn_mlir)
}
