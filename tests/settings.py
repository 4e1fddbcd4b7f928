"""Settings of this process that are others for a while."""

from contextlib import contextmanager

from backend.config import config


@contextmanager
def set_to(**settings):
    """The frozen configuration with these settings, and as it was after."""
    real = {name: getattr(config, name) for name in settings}
    _set(settings)
    try:
        yield
    finally:
        _set(real)


def _set(settings):
    for name, setting in settings.items():
        object.__setattr__(config, name, setting)
