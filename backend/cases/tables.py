"""The kinds of tables that can be taken in and given out, by the name that commands and addresses use."""

from backend.cases.category_imports import CATEGORIES
from backend.cases.duty_imports import DUTIES
from backend.places.area_imports import AREAS
from backend.places.imports import Kind
from backend.places.officer_imports import OFFICERS
from backend.places.unit_imports import UNITS

KINDS: dict[str, Kind] = {kind.name: kind for kind in (AREAS, UNITS, OFFICERS, CATEGORIES, DUTIES)}
