"""Takes the README's pictures: plays the beginning of the loop on the two phones of a running `make run`."""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
DESK = {"width": 1000, "height": 940}
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REPORT = "门口的路灯坏了三天，晚上老人走路看不清"


def main() -> None:
    """Two pictures: the report and its alert; the officer's page and what the resident hears."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phones", default="http://127.0.0.1:8100/", help="address of the two phones")
    parser.add_argument("--to", type=Path, default=PICTURES, help="folder of the pictures")
    asked = parser.parse_args()
    asked.to.mkdir(parents=True, exist_ok=True)
    chromium = next((path for name in CHROMIUMS if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport=DESK, locale="zh-CN")
        page.goto(asked.phones)
        play(page, asked.to)
        browser.close()


def play(page: Page, folder: Path) -> None:
    resident, officer = use(page, 0, "李秀兰"), use(page, 1, "周晓岚")
    scan(resident, "玉兰苑东门")
    wait_for(resident, "您现在在玉兰苑东门")
    write(resident, REPORT)
    wait_for(resident, "收到，已登记")
    wait_for(officer, REPORT[:10])
    page.screenshot(path=folder / "two-phones.png")
    officer.locator(".chat .details").last.click()
    accept = officer.frame_locator("iframe").get_by_role("button", name="受理", exact=True)
    accept.click()
    officer.frame_locator("iframe").get_by_text("办好了：受理").wait_for()
    wait_for(resident, "已经受理")
    page.screenshot(path=folder / "case-page.png")


def use(page: Page, place: int, name: str) -> Locator:
    """The phone at this place of the desk, in this person's hands."""
    phone = page.locator(".desk").nth(place)
    person = phone.locator("select.user")
    label = person.locator("option", has_text=name).first.text_content(timeout=30_000)
    person.select_option(label=label)
    phone.locator(".keyboard").wait_for()  # the menu, so the account, is there
    return phone


def scan(phone: Locator, place: str) -> None:
    phone.locator(".bar .scan").click()
    phone.locator(".sheet input[name=filter]").fill(place)
    phone.locator(".sheet .choices button", has_text=place).click()


def write(phone: Locator, words: str) -> None:
    phone.locator(".keyboard").click()
    phone.locator("textarea").fill(words)
    phone.locator(".input .send").click()


def wait_for(phone: Locator, words: str) -> None:
    """Until the chat's latest message with these words is there."""
    phone.locator(".chat > *", has_text=words).last.wait_for(timeout=15_000)


if __name__ == "__main__":
    main()
