"""The verbs, one file each; a file loads heavy rooms inside its function."""
