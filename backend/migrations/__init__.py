"""The database's shape, step by step. `upgrade` brings any database to the newest one."""

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def _alembic(url: str) -> AlembicConfig:
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    settings.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return settings


def upgrade(url: str) -> None:
    """Bring the database at this address to the newest migration. Safe to run again, and by two at once."""
    command.upgrade(_alembic(url), "head")


def is_current(connection: Connection) -> bool:
    """Whether the database stands at the newest migration."""
    head = ScriptDirectory.from_config(_alembic("")).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == head
