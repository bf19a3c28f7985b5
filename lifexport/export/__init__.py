"""Exporters: one file a format; each reads back and proves what it wrote."""
