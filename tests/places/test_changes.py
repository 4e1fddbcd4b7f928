"""The record of changes as pages read it: one's own places, newest first, however much others do."""

import sqlalchemy as sa

from backend.places import changes
from backend.places.models import Change
from tests.places.people import town

__all__ = ["town"]


def note(session, area, many, subject="areas"):
    rows = [
        {
            "action": "changed",
            "subject": subject,
            "subject_id": n,
            "name": f"{n}",
            "area_id": area and area.id,
        }
        for n in range(many)
    ]
    return list(session.scalars(sa.insert(Change).returning(Change.id, sort_by_parameter_order=True), rows))


def test_pages_follow_each_other_through_ones_own_places(session, town):
    own = note(session, town.community, 3) + note(session, town.street, 3)
    note(session, town.other_street, 4)
    of_all = note(session, None, 1, "categories")
    first = changes.page(session, town.editor, limit=4)
    assert [row.id for row in first] == own[:1:-1]
    rest = changes.page(session, town.editor, before=first[-1].id, limit=4)
    assert [row.id for row in rest] == own[1::-1]
    assert changes.page(session, town.editor, subjects=["units"]) == []
    assert of_all[0] in {row.id for row in changes.page(session, town.chief)}


def test_what_others_do_is_not_read_to_find_ones_own(session, town):
    note(session, town.community, 60)
    note(session, town.other_street, 20_000)
    session.execute(sa.text("ANALYZE changes"))
    asked, connection = [], session.connection()
    sa.event.listen(connection, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
    assert len(changes.page(session, town.editor)) == changes.PAGE
    [(statement, values)] = asked
    explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values).scalar()
    assert most_read(explained[0]["Plan"]) < 1_000


def most_read(plan):
    """The most rows that one node of the plan has looked at."""
    own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return max([own, *(most_read(each) for each in plan.get("Plans", []))])
