"""Measurements: always as a ratio to something known, in one run on one machine, interleaved."""
