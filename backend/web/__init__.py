"""What every page and API shares: the caller, how errors are answered, protection, health."""
