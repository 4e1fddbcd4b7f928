"""The menu below an official account's chat: what people tap most, in words they know.

The keys are those of the conversation (conversation.MENU); the addresses are the resident's pages.
"""

from typing import Any

from backend.config import config
from backend.wechat import client
from backend.wechat.accounts import Account


def publish(account: Account) -> None:
    """Give the account its menu; phones show it within five minutes. Raises ProviderError."""
    client.create_menu(account, buttons(account))


def buttons(account: Account) -> list[dict[str, Any]]:
    """WeChat takes 3 buttons of 4 Han characters, and 5 lines of 8 below each."""
    return [
        {
            "name": "我要反映",
            "sub_button": [_click("怎样反映", "report"), _page("填表反映", account, "/r/report")],
        },
        {
            "name": "我的诉求",
            "sub_button": [_click("办到哪了", "progress"), _page("全部诉求", account, "/r/")],
        },
        {
            "name": "更多",
            "sub_button": [
                _click("催办", "urge"),
                _click("联系人工", "person"),
                _page("月通报", account, "/r/notices"),
            ],
        },
    ]


def _click(name: str, key: str) -> dict[str, str]:
    return {"type": "click", "name": name, "key": key}


def _page(name: str, account: Account, path: str) -> dict[str, str]:
    return {"type": "view", "name": name, "url": f"{config.public_url}{path}?account={account.name}"}
