"""The demonstration: an invented district, its accounts, the people who play it. Nothing in it is real."""

from backend import db
from backend.config import config
from backend.demo import accounts, district


def load() -> None:
    """Make the accounts' file and load the district, as far as they are not there yet."""
    if config.accounts_file == config.var_dir / "accounts.toml":  # a file of the operator's is never touched
        accounts.write(config.accounts_file)
    engine = db.connect(config.database_url)
    try:
        with db.transaction() as session:
            district.load(session)
    finally:
        engine.dispose()
