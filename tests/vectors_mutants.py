"""Ways to break replays of recorded vectors, and what is said of delays, and the tests that must notice."""

from __future__ import annotations

from mutant import Mutant

REPLAY = "tests/vectors/test_replaying.py"
FOLDERS = f"{REPLAY}::test_a_folder_of_any_names_and_one_chip"
COUNTS = f"{REPLAY}::test_every_number_counts"
NETWORKS = "tests/golden/test_networks.py::test_rules_and_delays_are_those_of_the_target"
TOPOLOGIES = "tests/targets/test_topologies.py"
VERBS = "tests/cli/test_verbs.py::test_recorded_vectors_are_replayed"

VECTORS_MUTANTS = [
    Mutant("vectors/replaying.py", "differs = own != recorded", "differs = own > recorded", COUNTS),
    Mutant("vectors/replaying.py", "= min(firsts)", "= max(firsts)", REPLAY),
    Mutant("vectors/replaying.py", "findings += differences(q, target, case.place)", "pass", REPLAY),
    Mutant("vectors/replaying.py", "if own.shape != recorded.shape:", "if False:", REPLAY),
    Mutant("vectors/networks.py", "min(taken) != natural or ", "", NETWORKS),
    Mutant("vectors/networks.py", "[] if allowed == rules else", "[] if True else", REPLAY),
    Mutant("vectors/building.py", 'delivery.get("input", 0)', "0", FOLDERS),
    Mutant("vectors/cases.py", 'side not in ("in", "out")', "False", REPLAY),
    Mutant("targets/spikerplus.json", '"delivery": {"feedforward": 1', '"delivery": {"feedforward": 0', TOPOLOGIES),
    Mutant("targets/sinabs-iaf.json", '"delivery": {"feedforward": 0', '"delivery": {"feedforward": 1', NETWORKS),
    Mutant("targets/topologies.py", "if len(sources) > 1:", "if len(sources) > 2:", TOPOLOGIES),
    Mutant("targets/topologies.py", "() if target is None", "TOPOLOGIES if target is None", TOPOLOGIES),
    Mutant("fidelity/comparing.py", "*never_seen(q, _described(q)),", "", TOPOLOGIES),
    Mutant("cli/verbs/targets.py", "return outcome.worst(found.findings)", "return 0", VERBS),
]
