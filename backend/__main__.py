"""`python -m backend …`: every command of the service."""

from backend.cli import main

if __name__ == "__main__":
    main()
