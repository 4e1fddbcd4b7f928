"""People of the journey: what they hear on their phone, and what they do on the pages it opens."""

from playwright.sync_api import BrowserContext, Page

from tests.journey.town import PATIENT, Town
from tests.programs import wait_until
from tests.sandbox_client import Json, Phone, words_of

READ_FILE = """async url => {
    const answer = await fetch(url), bytes = await answer.arrayBuffer();
    return [answer.status, answer.headers.get("content-type"), [...new Uint8Array(bytes)]];
}"""


class Person:
    """Someone with a phone: the chat with the account, and the web view inside WeChat."""

    def __init__(self, town: Town, phone: Phone, browser: BrowserContext) -> None:
        self.town, self.phone, self.browser = town, phone, browser
        self.before = max((message["id"] for message in phone.inbox()), default=0)
        self.heard: set[int] = set()
        self._page: Page | None = None

    # -- the chat

    def hears(self, *words: str) -> Json:
        """Wait for the next message from the account that says all of this; each message is heard once."""

        def is_news(message: Json) -> bool:
            said = words_of(message)
            return message["id"] not in self.heard and all(word in said for word in words)

        message = self.phone.wait_for(is_news, PATIENT, after=self.before)
        self.heard.add(message["id"])
        return message

    def says(self, words: str) -> str:
        """Write, and read the reply."""
        return self.reply_to(self.phone.send_text(words))

    def taps_line(self, message: Json, line: str) -> str:
        """Tap a line of a menu message, and read the reply."""
        item = next(item["id"] for item in message["items"] if line in item["content"])
        return self.reply_to(self.phone.tap(message, item))

    def reply_to(self, outcome: Json) -> str:
        """The reply to whatever the phone sent; a fault or a complaint of the platform fails the test."""
        assert (outcome["fault"], outcome["warnings"]) == (None, [])
        self.heard.add(outcome["reply"]["id"])
        return str(outcome["reply"]["content"])

    def chat(self) -> list[str]:
        """Everything the account has said since the beginning, in order, by first line or card title."""
        messages = [message for message in self.phone.inbox(after=self.before) if message["from"] != "user"]
        return [_headline(message) for message in messages]

    def has_heard(self, *expected: str) -> bool:
        """Whether the chat is this, in this order and nothing else."""
        chat = self.chat()
        assert chat == list(expected), f"{self.phone.name} heard {chat}"
        return True

    # -- the web view

    @property
    def page(self) -> Page:
        if self._page is None:
            self._page = self.browser.new_page()
            self._page.set_default_timeout(PATIENT * 1000)
        return self._page

    def opens(self, url: str) -> int:
        """Open a page in the phone's web view; returns its HTTP status."""
        answer = self.page.goto(self.town.page_on(self.phone, url))
        assert answer is not None
        return answer.status

    def opens_card(self, message: Json) -> int:
        """Tap a card: WeChat opens the page it leads to."""
        return self.opens(self.phone.tap(message)["open"])

    def sees(self, words: str) -> bool:
        """Whether the page says this."""
        return words in self.page.locator("body").inner_text()

    def sees_after_a_while(self, selector: str) -> None:
        """Open the page again until something is on it, as people do with what is still on its way."""

        def is_there() -> bool:
            self.page.reload()
            return self.page.locator(selector).count() > 0

        wait_until(is_there, PATIENT)

    def file_behind(self, address: str) -> tuple[int, str, bytes]:
        """Status, content type and bytes of a file that the page shows."""
        status, kind, content = self.page.evaluate(READ_FILE, address)
        return status, kind, bytes(content)

    def first_photo(self) -> bytes:
        """The first photo on the page, which the browser must be able to draw."""
        photo = self.page.locator(".photos img").first
        photo.scroll_into_view_if_needed()
        wait_until(lambda: photo.evaluate("image => image.complete && image.naturalWidth > 0"), PATIENT)
        status, kind, content = self.file_behind(str(photo.get_attribute("src")))
        assert (status, kind.split("/")[0]) == (200, "image")
        return content

    # -- the steps of officers

    def takes_step(self, label: str) -> None:
        """Send the form of the next step, and read that it was done."""
        self.page.locator(".card_next").get_by_role("button", name=label, exact=True).tap()
        self.page.get_by_text(f"办好了：{label}").wait_for()

    def accepts(self) -> None:
        self.takes_step("受理")

    def assigns_to(self, unit: str) -> None:
        self.page.locator(".card_next").get_by_label("派给哪个单位").select_option(label=unit)
        self.takes_step("派单")

    def acknowledges(self) -> None:
        self.takes_step("签收")

    def resolves(self, answer: str, photo: bytes) -> None:
        """Declare it solved in fact, which needs a photo as proof."""
        form = self.page.locator(".card_next")
        form.get_by_role("radio", name="实际解决").check()
        form.get_by_role("textbox").fill(answer)
        file = {"name": "proof.jpg", "mimeType": "image/jpeg", "buffer": photo}
        form.locator("input[type=file]").set_input_files(file)
        self.takes_step("办结")

    # -- the steps of residents

    def confirms(self) -> None:
        self.page.get_by_role("button", name="已经解决了").tap()
        self.page.get_by_text("谢谢您的确认").wait_for()


def _headline(message: Json) -> str:
    """How one would name a message: the first line of its words, or the state that its card shows."""
    rows = (message.get("card") or {}).get("rows") or []
    state = [row["value"] for row in rows if row["label"] == "当前状态"]
    return f"［{message['content']}］{state[0]}" if state else message["content"].splitlines()[0]
