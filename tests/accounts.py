"""The official accounts of the tests: one of each mode, written to a file as an operator would write them."""

from pathlib import Path

from backend.notify.messages import Message

MODES = {"demo": "secure", "mixed": "compatible", "clear": "plain"}
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
SLOTS = 'number = "character_string1"\nplace = "thing2"\nstatus = "phrase3"\ntime = "time4"'

SMS_NUMBER = {
    "case_resolved": 1001,
    "survey_invited": 1002,
    "survey_reminded": 1002,
    "case_assigned": 1003,
    "case_reopened": 1004,
}
SMS = "\n".join(
    [
        "[sms]",
        'sdk_app_id = "1400006666"',
        'sign = "青岚区诉求服务"',
        'secret_id = "AKIDtestsOnly"',
        'secret_key = "testsOnlySecretKey"',
        'callback_token = "tests-only-callback-token"',
        *(
            f'templates.{kind} = {{ id = "{number}", params = ["number", "note"] }}'
            for kind, number in SMS_NUMBER.items()
        ),
        "",
    ]
)


def template_id(account: str, message: Message) -> str:
    """A template id has 43 characters."""
    return f"{account}-{message}-".ljust(43, "x")


def write(path: Path) -> None:
    """[accounts.demo], [accounts.mixed] and [accounts.clear], all of 青岚区; demo has a mini program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*(_account(name, number) for number, name in enumerate(MODES)), SMS]))


def _account(name: str, number: int) -> str:
    lines = [
        f"[accounts.{name}]",
        f'app_id = "wx{number:016x}"',
        f'app_secret = "{number:032x}"',
        f'original_id = "gh_{number:012x}"',
        f'token = "tests-only-token-{name}"',
        f'aes_key = "{AES_KEY}"',
        f'mode = "{MODES[name]}"',
        'area = "青岚区"',
    ]
    for message in Message:
        lines += [f"[accounts.{name}.templates.{message}]", f'id = "{template_id(name, message)}"', SLOTS]
    if name == "demo":
        lines += [
            "[accounts.demo.mini_program]",
            'app_id = "wxaaaaaaaaaaaaaaaa"',
            f'app_secret = "{"a" * 32}"',
            "[accounts.demo.wecom]",
            'corp_id = "ww0123456789abcdef"',
            "agent_id = 1000002",
            f'secret = "{"b" * 43}"',
            'token = "testsOnlyTokenOfWeCom"',
            f'aes_key = "{AES_KEY}"',
        ]
    return "\n".join([*lines, ""])
