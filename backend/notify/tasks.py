"""Actors: fetch by id, call the service, nothing else."""

from backend.broker import actor


@actor("notify")
def deliver(ids: list[int]) -> None:
    """Send these messages."""
