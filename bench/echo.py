"""The peer: what a user would otherwise write with Flask and wechatpy. Encrypted echo, no record kept."""

import tomllib
from pathlib import Path

from flask import Flask, request
from wechatpy import create_reply, parse_message
from wechatpy.crypto import WeChatCrypto

from backend.config import config

ACCOUNT = tomllib.loads(Path(config.accounts_file).read_text())["accounts"]["bench"]
app = Flask(__name__)
crypto = WeChatCrypto(ACCOUNT["token"], ACCOUNT["aes_key"], ACCOUNT["app_id"])


@app.post("/wechat/bench")
def echo() -> str:
    signature, timestamp = request.args["msg_signature"], request.args["timestamp"]
    nonce = request.args["nonce"]
    message = parse_message(crypto.decrypt_message(request.get_data(), signature, timestamp, nonce))
    reply = create_reply(message.content if message.type == "text" else message.type, message)
    return str(crypto.encrypt_message(reply.render(), nonce, timestamp))
