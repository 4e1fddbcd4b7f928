"""The address to which WeChat pushes for a mini program, /mini/<account>: GET checks it, POST delivers.

A delivery is read as strictly as an account's in secure mode, and taken in as an account's is; but only
receipts and consents are. What people write to a mini program's customer service is not read here.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from backend.times import now
from backend.wechat import accounts, envelope, inbound
from backend.wechat.accounts import MINI
from backend.wechat.callback import NOTHING_TO_SAY, Answer, Method, body_of, query_of, serve
from backend.wechat.talk import Kind

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PREFIX = "/mini/"
TAKEN = (Kind.RECEIPT, Kind.CONSENT)


def is_callback(path: str) -> bool:
    """Whether this path is where WeChat pushes for the mini program of an account."""
    return path.startswith(PREFIX) and "/" not in path[len(PREFIX) :]


def door(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """The application behind /mini/<account>; its lines in the log name the account with `:mini`."""
    return serve(environ, start_response, METHODS, environ["PATH_INFO"][len(PREFIX) :] + MINI)


def verify(name: str, environ: "WSGIEnvironment") -> Answer:
    """Echo what WeChat sends to check that the address is ours."""
    return 200, "text/plain", envelope.verify(accounts.receiver(name), query_of(environ), now())


def deliver(name: str, environ: "WSGIEnvironment") -> Answer:
    """Take one delivery in. Nobody sees an answer, so it says nothing but that it came."""
    at, program = now(), accounts.receiver(name)
    delivery = envelope.open_delivery(program, query_of(environ), body_of(environ), at)
    if delivery.message.kind in TAKEN:
        inbound.receive(program, delivery, at)
    return 200, "text/plain", NOTHING_TO_SAY


METHODS: Mapping[str, Method] = {"GET": verify, "POST": deliver}
