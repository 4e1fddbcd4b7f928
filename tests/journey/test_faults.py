"""Real kills while the real programs run: nothing is lost, and nobody is told the same thing twice."""

import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import sqlalchemy as sa

from backend import broker as queue
from backend import embedded
from backend.cases.models import Case, CaseEvent
from backend.notify.messages import Message
from backend.notify.models import Contact, Delivery, Notification
from backend.replay import pushes
from backend.times import now
from backend.wechat import accounts, codec
from backend.wechat.envelope import box_of
from backend.wechat.models import InboundMessage
from tests.cases.pictures import jpeg
from tests.journey.load import Crowd
from tests.journey.town import ACCOUNT, PATIENT, Town
from tests.programs import wait_until

pytestmark = pytest.mark.slow

PLACE = "玉兰苑东门（玉兰社区）"
ALERTED = ("周晓岚", "翁佩珊")  # of the officers of that place, those with a phone
UNANSWERED = ("HTTP 503", "no answer within 5 s")
SEND_CARD = "/cgi-bin/message/template/send"


def reporters(town, key, count):
    """Newcomers who have scanned the code of the place."""
    phones = [town.new_phone(f"{key}-{n}", f"{key}{n}号") for n in range(count)]
    for phone in phones:
        phone.scan(ticket=town.ticket(PLACE))
    return phones


def report(phone, words):
    """Report it; returns the case number."""
    return number_in(phone.send_text(words)["reply"]["content"])


def number_in(reply):
    return reply.split("编号：")[1].splitlines()[0]


def cards_by_number(town, name, numbers):
    """How many cards about each of these cases came to an officer's phone."""
    cards = [message["card"] for message in town.phone(name).inbox() if message["type"] == "template"]
    shown = Counter(row["value"] for card in cards for row in card["rows"] if row["label"] == "诉求编号")
    return {number: shown[number] for number in numbers}


def alerts(session, *numbers):
    """What is owed to officers with a phone because these cases were submitted."""
    reachable = sa.select(Contact.officer_id).where(Contact.officer_id.is_not(None))
    about = sa.select(Notification).where(
        Notification.message == Message.CASE_SUBMITTED, Notification.fields["number"].astext.in_(numbers)
    )
    return session.scalars(about.where(Notification.officer_id.in_(reachable))).all()


def wait_until_told(town, *numbers):
    """Until every alert that these new cases owe is with WeChat."""
    states = []

    def are_told():
        with town.record() as session:
            states[:] = [alert.status for alert in alerts(session, *numbers)]
        return len(states) == len(ALERTED) * len(numbers) and {*states} <= {Delivery.SENT, Delivery.RECEIVED}

    try:
        wait_until(are_told, PATIENT)
    except AssertionError:
        pytest.fail(f"of {len(ALERTED) * len(numbers)} alerts, after {PATIENT} seconds: {Counter(states)}")


def let_leases_end(town):
    """As if the minute that a worker has for a message were over."""
    held = sa.select(Notification.id).where(Notification.status == Delivery.SENDING)
    held = held.order_by(Notification.id).with_for_update(skip_locked=True)  # not what is being recorded
    with town.engine.begin() as connection:
        ended = sa.update(Notification).where(Notification.id.in_(held))
        connection.execute(ended.values(lease_until=now()))


def calls_by_message(town):
    """How often WeChat was asked to send each card."""
    return Counter(call["body"]["client_msg_id"] for call in town.sandbox.calls(SEND_CARD))


def test_a_worker_killed_while_it_calls_wechat_sends_each_officer_one_card(town):
    [resident] = reporters(town, "杀工", 1)
    before = calls_by_message(town)
    town.sandbox.faults(api=[{"path": SEND_CARD, "times": 1, "delay_ms": 2000}])
    number = report(resident, "门口的井盖翘起来了，老人容易绊倒")
    wait_until(lambda: town.sandbox.control("GET", "/faults")["api"] == [], PATIENT)  # WeChat is called
    town.kill("worker")

    town.start("worker")
    let_leases_end(town)

    wait_until_told(town, number)
    # The other card may have been answered already, or waited to be written down: then it is called again.
    again = ([1, 2], [2, 2])
    wait_until(lambda: sorted((calls_by_message(town) - before).values()) in again, PATIENT)
    assert [cards_by_number(town, name, [number]) for name in ALERTED] == [{number: 1}] * 2


def test_a_queue_emptied_after_the_commits_loses_nothing(town):
    town.stop("worker")
    phones = reporters(town, "清空", 5)
    numbers = [report(phone, "小区门口的路面塌了一块，车过不去") for phone in phones]
    wait_until(lambda: queue.redis_client().llen("dramatiq:notify") > 0, PATIENT)
    queue.redis_client().flushall()

    town.start("worker")

    wait_until_told(town, *numbers)
    for name in ALERTED:
        assert cards_by_number(town, name, numbers) == dict.fromkeys(numbers, 1)


def test_one_message_delivered_to_two_web_processes_at_once_is_one_case_with_one_reply(town):
    [resident] = reporters(town, "两路", 1)
    account = accounts.load(town.folder / "accounts.toml")[ACCOUNT]
    webs = [f"http://127.0.0.1:{port}" for port in (town.port, town.second_port)]

    def deliver(web, message_id, words, written_at):
        sealed = pushes.seal(account, resident.openid(), pushes.text(message_id, words), written_at, "77")
        url = f"{web}/wechat/{ACCOUNT}"
        answer = requests.post(url, params=sealed.query, data=sealed.body, timeout=PATIENT)
        return codec.read_xml(box_of(account).open(codec.sealed_part(answer.content)))["Content"]

    with town.another("web"), ThreadPoolExecutor(4) as pool:
        for n in range(10):
            words = f"同时送到的第{n}件事：垃圾堆在路口三天没有人来清理"
            replies = list(pool.map(deliver, webs * 2, [10**15 + n] * 4, [words] * 4, [now()] * 4))
            assert len(set(replies)) == 1
            assert "收到，已登记" in replies[0]
    with town.record() as session:
        told = sa.select(Case.report).where(Case.report.like("同时送到的第%"))
        assert Counter(Counter(session.scalars(told)).values()) == {1: 10}


@pytest.mark.browser
def test_with_two_clocks_and_two_workers_everybody_is_told_once(town, meet):
    resident, desk, handler = meet("陈浩然"), meet("周晓岚"), meet("辛文静")
    before = calls_by_message(town)

    with town.another("clock"), town.another("worker"):
        resident.phone.scan(ticket=town.ticket(PLACE))
        number = report(resident.phone, "花坛边的栏杆断了，有尖头露在外面")
        desk.opens_card(desk.hears(number, "待受理"))
        desk.accepts()
        desk.assigns_to("望溪街道市政服务中心")
        handler.opens_card(handler.hears(number, "待签收"))
        handler.acknowledges()
        handler.resolves("栏杆已经焊好", jpeg(640, 480))
        resident.hears("已办理", number)
        resident.says("已解决")
        resident.hears("事情真的解决了吗", number)
        wait_until_told(town, number)

    assert set((calls_by_message(town) - before).values()) == {1}
    assert [cards_by_number(town, name, [number]) for name in ALERTED] == [{number: 1}] * 2
    chat = resident.chat()
    assert len(chat) == len(set(chat))
    assert sum(line.endswith(f"（编号 {number}）结案了。") for line in chat) == 1


@pytest.fixture(scope="module")
def shaken(servers, tmp_path_factory):
    """A town on servers of its own, which may be killed."""
    folder = tmp_path_factory.mktemp("shaken")
    embedded.start(folder / "servers")
    urls = embedded.database_url(folder / "servers"), embedded.redis_url(folder / "servers")
    town = Town(folder, *urls)
    try:
        town.open()
        town.sandbox.settings(retry_on_http_error=True)  # WeChat's documents leave open whether it does
        yield town
    finally:
        town.close()
        embedded.remove(folder / "servers")


def kill_database(town):
    """As the kernel does when memory runs out; gone until WeChat gave up waiting and has to deliver again."""
    pid_file = (town.folder / "servers/servers").resolve() / "postgres/data/postmaster.pid"
    os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
    seen = max(push["id"] for push in town.sandbox.pushes())
    wait_until(lambda: any(push["error"] in UNANSWERED for push in town.sandbox.pushes(after=seen)), PATIENT)


def stop_database(town):
    """As an operator does for a moment: shorter than our patience."""
    embedded.stop(town.folder / "servers", ("postgres",))


@pytest.mark.parametrize("end_database", [kill_database, stop_database])
def test_a_database_restarted_under_load_loses_and_doubles_nothing(shaken, end_database):
    crowd = Crowd(reporters(shaken, end_database.__name__, 8), messages=30)
    crowd.start()
    assert crowd.half_way.wait(60)
    shaken.sandbox.faults(push={"drop": 20})  # answers lost on the way: their messages come again, too
    end_database(shaken)
    embedded.start(shaken.folder / "servers")
    sent = crowd.wait()

    assert any(one.deliveries > 1 for one in sent)
    numbers = assert_every_answered_message_is_kept_once(shaken, sent)
    let_leases_end(shaken)
    wait_until_told(shaken, *numbers)
    for name in ALERTED:
        assert cards_by_number(shaken, name, numbers) == dict.fromkeys(numbers, 1)


def assert_every_answered_message_is_kept_once(town, sent):
    """Messages, cases and remarks are the same set, each once; returns the numbers of the cases."""
    ours = {one.words for one in sent}
    with town.record() as session:
        heard = sa.select(InboundMessage.dedupe_key).where(InboundMessage.content["text"].astext.in_(ours))
        kept = Counter(key.rsplit("|", 1)[1] for key in session.scalars(heard))
        cases = session.execute(sa.select(Case.number, Case.report).where(Case.report.in_(ours))).all()
        remarks = session.scalars(sa.select(CaseEvent.note).where(CaseEvent.note.in_(ours))).all()
    assert {one.msg_id for one in sent if one.is_answered} <= kept.keys()
    assert set(kept.values()) == {1}
    words = Counter(one.words for one in sent if one.msg_id in kept)
    assert Counter(case.report for case in cases) + Counter(remarks) == words
    numbers = {case.number for case in cases}
    assert {number_in(one.reply) for one in sent if "已登记" in one.reply} <= numbers
    return numbers
