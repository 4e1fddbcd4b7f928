"""Two people at the same moment: one wins, the other is told who and what."""

from backend.cases.workflow import Outcome
from backend.errors import Conflict
from backend.orders import drafting, service
from backend.orders.effects import Told
from backend.orders.service import AlreadyDone
from backend.orders.workflow import Action, Status
from backend.places.roles import Role
from tests.cases.scene import at_once
from tests.orders.scene import AT


def taking(scene, order, action, by, **told):
    def take(session):
        actor = scene.actor(by, session)
        return service.perform(session, order.number, action, actor, Told(**told), at=AT)

    return take


def failures(results):
    return [result for result in results if isinstance(result, Exception)]


def test_two_secretaries_decide_at_once(committed_scene):
    scene = committed_scene
    scene.add("stand-in", Role.SECRETARY, area=scene.community)
    order = scene.draft()
    scene.session.commit()
    results = at_once(
        taking(scene, order, Action.APPROVE, "secretary"),
        taking(scene, order, Action.REFUSE, "stand-in", note="先核实"),
    )
    [late] = failures(results)
    assert isinstance(late, Conflict)
    winner = "secretary" if isinstance(results[1], Exception) else "stand-in"
    assert late.message.startswith(f"{winner}在")
    scene.session.rollback()
    issued = [who for message, who in scene.told(order) if message == "order_issued"]
    assert len(issued) == (3 if winner == "secretary" else 0)


def test_one_thumb_that_approves_twice_alerts_once(committed_scene):
    scene = committed_scene
    order = scene.draft()
    scene.session.commit()
    approve = taking(scene, order, Action.APPROVE, "secretary")
    results = at_once(approve, approve)
    assert [type(one) for one in failures(results)] == [AlreadyDone]
    scene.session.rollback()
    assert sorted(who for message, who in scene.told(order) if message == "order_issued") == [
        "lead",
        "second",
        "third",
    ]


def test_two_colleagues_sign_at_once(committed_scene):
    scene = committed_scene
    scene.add("colleague", Role.HANDLER, unit=scene.units["second"])
    order = scene.issue()
    scene.session.commit()
    results = at_once(
        taking(scene, order, Action.ACKNOWLEDGE, "second"),
        taking(scene, order, Action.ACKNOWLEDGE, "colleague"),
    )
    [late] = failures(results)
    assert "已“签收”" in late.message


def test_the_answer_and_a_report_that_goes_back_do_not_cross(committed_scene):
    scene = committed_scene
    order = scene.issue()
    scene.report_all(order)
    part = scene.part(order, "second")
    scene.session.commit()
    results = at_once(
        taking(scene, order, Action.ANSWER, "lead", note="已经清走摊位", outcome=Outcome.EXPLAINED),
        taking(scene, order, Action.RETURN, "secretary", part_id=part.id, note="没有照片"),
    )
    assert len(failures(results)) == 1
    scene.session.rollback()
    found = service.find(scene.session, order.number, scene.actor("secretary"))
    is_answered = found.status is Status.ANSWERED
    assert is_answered == isinstance(results[1], Exception)


def test_one_form_sent_twice_at_once_is_one_order(committed_scene):
    scene = committed_scene
    drafted = scene.drafted(key="one form")

    def send(session):
        return drafting.draft(session, scene.actor("desk", session), drafted, at=AT).number

    numbers = at_once(send, send)
    assert len(set(numbers)) == 1
