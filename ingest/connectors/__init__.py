"""Connectors: one module per file format, each registering itself."""
