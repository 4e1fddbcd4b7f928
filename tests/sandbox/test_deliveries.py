"""Deliveries that go wrong: silence, errors, and the faults that tests order."""

import threading
import time
from typing import Any

import pytest
from flask import Response

from tests.sandbox.conftest import Account, register
from tests.sandbox_client import Phone, Sandbox
from wechat_sandbox.chats import FAULT_NOTICE


def test_silence_is_delivered_three_times_and_ends_in_the_fault_notice(
    sandbox: Sandbox, account: Account, phone: Phone
) -> None:
    sandbox.settings(reply_seconds=0.2)
    account.answer = lambda message: time.sleep(0.5)

    outcome = phone.send_text("您好")

    time.sleep(0.6)
    assert [one["status"] for one in outcome["deliveries"]] == [None, None, None]
    assert outcome["fault"] == FAULT_NOTICE
    assert len({message.id for message in account.received}) == 1
    assert len(account.received) == 3
    timestamps = {query["timestamp"] for query, _, _ in account.requests}
    nonces = {query["nonce"] for query, _, _ in account.requests}
    assert (len(timestamps), len(nonces)) == (1, 3)
    assert phone.inbox()[-1]["content"] == FAULT_NOTICE


def test_a_late_start_is_saved_by_the_repeat(sandbox: Sandbox, account: Account, phone: Phone) -> None:
    sandbox.settings(reply_seconds=0.3)
    slow = iter([0.6, 0.0])

    def answer(message: Any) -> str:
        time.sleep(next(slow))
        return "收到"

    account.answer = answer

    outcome = phone.send_text("您好")

    assert [one["status"] for one in outcome["deliveries"]] == [None, 200]
    assert outcome["reply"]["content"] == "收到"


def test_an_http_error_is_not_repeated_and_shows_the_fault_notice(account: Account, phone: Phone) -> None:
    account.answer = lambda message: Response("", status=500)

    outcome = phone.send_text("您好")

    assert [one["status"] for one in outcome["deliveries"]] == [500]
    assert outcome["fault"] == FAULT_NOTICE
    assert outcome["warnings"] == ["HTTP 500"]


def test_an_http_error_is_repeated_when_so_set(sandbox: Sandbox, account: Account, phone: Phone) -> None:
    sandbox.settings(retry_on_http_error=True)
    account.answer = lambda message: Response("", status=503)

    assert len(phone.send_text("您好")["deliveries"]) == 3


def test_a_refused_connection_is_tried_three_times(sandbox: Sandbox, account: Account, phone: Phone) -> None:
    register(sandbox, account, callback_url="http://127.0.0.1:1/callback")

    outcome = phone.send_text("您好")

    assert [one["error"] for one in outcome["deliveries"]] == ["no connection: refused"] * 3
    assert outcome["fault"] == FAULT_NOTICE


def test_a_lost_answer_is_delivered_again(sandbox: Sandbox, account: Account, phone: Phone) -> None:
    sandbox.faults(push={"drop": 1})
    account.answer = lambda message: "收到"

    outcome = phone.send_text("您好")

    assert len(account.received) == 2
    assert outcome["reply"]["content"] == "收到"
    assert sandbox.control("GET", "/faults")["push"]["drop"] == 0


def test_duplicates_arrive_at_the_same_moment(sandbox: Sandbox, account: Account, phone: Phone) -> None:
    sandbox.faults(push={"duplicate": 2})
    together = threading.Barrier(3, timeout=5)

    def answer(message: Any) -> str:
        together.wait()
        return "收到"

    account.answer = answer

    outcome = phone.send_text("您好")

    assert [one["status"] for one in outcome["deliveries"]] == [200, 200, 200]
    assert [message["content"] for message in phone.inbox()[-2:]] == ["您好", "收到"]
    assert outcome["warnings"] == []


def test_different_answers_to_duplicates_are_warned_of(
    sandbox: Sandbox, account: Account, phone: Phone
) -> None:
    sandbox.faults(push={"duplicate": 1})
    words = iter(["一", "二"])
    account.answer = lambda message: next(words)

    assert phone.send_text("您好")["warnings"] == ["a repeated delivery was answered with another reply"]


def test_reordered_messages_overtake_each_other(sandbox: Sandbox, account: Account, phone: Phone) -> None:
    sandbox.faults(push={"reorder": True})

    phone.send_text("先说的", wait=False)
    time.sleep(0.2)
    phone.send_text("后说的")

    account.wait_until(lambda: len(account.received) == 2)
    assert account.texts() == ["后说的", "先说的"]


def test_a_delayed_push_comes_late(sandbox: Sandbox, account: Account, phone: Phone) -> None:
    sandbox.faults(push={"delay_ms": 300})

    start = time.monotonic()
    phone.send_text("您好")

    assert time.monotonic() - start > 0.3


@pytest.mark.parametrize("fault", ["wrong_signature", "foreign_app"])
def test_forged_pushes_are_caught_by_wechatpy(
    sandbox: Sandbox, account: Account, phone: Phone, fault: str
) -> None:
    sandbox.faults(push={fault: True})

    outcome = phone.send_text("您好")

    assert outcome["deliveries"][0]["status"] == 500
    assert account.received == []


def test_bad_padding_is_on_the_wire(sandbox: Sandbox, account: Account, phone: Phone) -> None:
    sandbox.faults(push={"bad_padding": True})

    phone.send_text("您好")

    query, _, _ = account.requests[-1]
    assert account.received == []
    assert query["msg_signature"]


def test_a_stale_push_is_a_day_old(sandbox: Sandbox, account: Account, phone: Phone) -> None:
    sandbox.faults(push={"stale_timestamp": True})

    phone.send_text("您好")

    assert time.time() - int(account.requests[-1][0]["timestamp"]) > 23 * 3600
