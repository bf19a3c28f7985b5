"""Targets: chips as data. A target is one JSON file; if it wants code, the model of a target is missing a field."""

from .choosing import choose_rules as choose_rules
from .limits import violations as violations
from .target import Target as Target
from .target import Width as Width
from .target import load_target as load_target
from .target import target_names as target_names
from .topologies import never_seen as never_seen
from .topologies import topologies as topologies
