"""Targets: chips as data. A target is one JSON file; if it wants code, the model of a target is missing a field."""

from .target import Target as Target
from .target import Width as Width
from .target import load_target as load_target
from .target import target_names as target_names
