"""The orders of a street: one that its units work on, one that is answered, one that waits for approval."""

from backend import storage
from backend.cases.service import Actor
from backend.cases.workflow import Outcome
from backend.orders import drafting, service
from backend.orders.drafting import Draft
from backend.orders.effects import Told
from backend.orders.models import Order, OrderPhoto
from backend.orders.workflow import Action, Status
from backend.places import scope
from tests.cases.pictures import jpeg


def add_orders(street) -> None:
    """Every text in them holds a mark; their numbers, parts and photos are in the street's book."""
    for status in (Status.ISSUED, Status.ANSWERED, Status.DRAFTED):
        order = _draft(street)
        if status is not Status.DRAFTED:
            service.perform(street.session, order.number, Action.APPROVE, _actor(street, "secretary"))
            _act(street, order, status)
        street.book["order_number"].append(street.marks.known("orders.number", order.number))
        street.book["part_id"] += [part.id for part in order.parts]


def _actor(street, key) -> Actor:
    officer = street.people[key]
    return Actor(officer_id=officer.id, posts=tuple(scope.posts_of(street.session, officer.id)))


def _draft(street) -> Order:
    marks, (lead, assisting, *_) = street.marks, street.units
    drafted = Draft(
        marks.text("orders.title"),
        marks.text("orders.text"),
        street.areas["community"].id,
        lead.id,
        assisting=[assisting.id],
        tasks={assisting.id: marks.text("order_units.task")},
        address=marks.text("orders.address"),
    )
    return drafting.draft(street.session, _actor(street, "desk"), drafted)


def _act(street, order, status) -> None:
    """The handler has brought a photo; of the answered order the assisting unit has reported, too."""
    note = street.marks.text("order_events.note")
    service.perform(street.session, order.number, Action.ADD, _actor(street, "handler"), Told(note=note))
    content = jpeg(comment=street.marks.text("order_photos.content").encode())
    kept = {"sha256": storage.save(content), "mime": "image/jpeg", "size": len(content)}
    part, officer = order.parts[0], street.people["handler"]
    photo = OrderPhoto(order_id=order.id, order_unit_id=part.id, officer_id=officer.id, **kept)
    street.book["photo_id"].append(street.add(photo).id)
    if status is Status.ANSWERED:
        order.status, order.outcome = status, Outcome.EXPLAINED
        order.answer = street.marks.text("orders.answer")
        order.parts[1].answer = street.marks.text("order_units.answer")
        street.session.flush()
