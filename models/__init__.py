"""The neural models."""

import sys

# openvino reports each import of itself and each conversion to Google Analytics unless a file in
# the user's home forbids it, and leaves an id there. Without this package it reports nothing.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None: not importable
