"""Civic case work that starts in WeChat: the service, its workers, its clock and its commands."""
