"""The main job on handwritten digits, from training to proof: what ``lifexport demo`` runs."""
