// One phone: whose it is, which chat is open, and the polling that keeps it live.

import { get, post } from "./api.js";
import { bubble, hourOf, timeLine } from "./bubbles.js";
import { closeSheet, openLocationSheet, openScanSheet, openTextSheet, openVoiceSheet } from "./sheets.js";

const POLL_MS = 1000;
const TIME_GAP_SECONDS = 300;

export class Phone {
  constructor(desk, onChange) {
    this.root = document.getElementById("phone").content.firstElementChild.cloneNode(true);
    desk.append(this.root);
    this.onChange = onChange;
    this.people = this.find(".user");
    this.accounts = this.find(".account");
    this.chat = this.find(".chat");
    this.listen();
    this.timer = setInterval(() => this.poll(), POLL_MS);
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  remove() {
    clearInterval(this.timer);
    this.root.remove();
  }

  // Called again and again with fresh lists; changes the chat only when the person changes.
  show(user, users, accounts) {
    const changed = user.user_id !== this.user?.user_id;
    [this.user, this.users] = [user, users];
    this.people.value = user.user_id;
    this.showAccounts(accounts.filter((app) => app.kind !== "work_app" || user.follows.includes(app.app_id)));
    if (changed) this.openChatOf();
    this.showFollowing();
  }

  // A new person starts in the chat of an account they follow.
  openChatOf() {
    const followed = this.user.follows.filter((appId) => this.kinds[appId] === "service_account");
    if (followed.length && !followed.includes(this.appId)) this.accounts.value = followed[0];
    this.openChat();
  }

  showAccounts(accounts) {
    const names = accounts.map((app) => app.app_id + app.name).join();
    if (names === this.names) return;
    this.names = names;
    this.kinds = Object.fromEntries(accounts.map((app) => [app.app_id, app.kind]));
    const kept = this.accounts.value;
    this.accounts.replaceChildren(...accounts.map((app) => new Option(app.name, app.app_id)));
    if (accounts.some((app) => app.app_id === kept)) this.accounts.value = kept;
    this.accounts.disabled = accounts.length === 1;
    if (this.accounts.value !== kept) this.openChat();
  }

  openChat() {
    this.reload();
    this.closePage();
    closeSheet(this);
    this.toggleTools(false);
    this.poll();
    this.loadMenu();
  }

  // From the beginning: what stands there may have changed, like a card whose button was tapped.
  reload() {
    this.chat.replaceChildren();
    [this.last, this.lastTime] = [0, 0];
    this.poll();
  }

  get appId() {
    return this.accounts.value;
  }

  async poll() {
    if (!this.user || !this.appId || this.polling) return;
    const [userId, appId] = [this.user.user_id, this.appId];
    this.polling = true;
    try {
      const answer = await get(`/users/${userId}/inbox?app_id=${appId}&after=${this.last}`);
      if (userId === this.user.user_id && appId === this.appId) answer.messages.forEach((one) => this.add(one));
      this.root.classList.remove("offline");
    } catch {
      this.root.classList.add("offline");
    } finally {
      this.polling = false;
    }
    this.find(".clock").textContent = hourOf(new Date());
  }

  add(message) {
    if (message.id <= this.last) return;
    this.last = message.id;
    const low = this.chat.scrollHeight - this.chat.scrollTop - this.chat.clientHeight < 120;
    if (message.at - this.lastTime > TIME_GAP_SECONDS) this.chat.append(timeLine(message.at));
    this.lastTime = message.at;
    this.chat.append(bubble(message, this));
    if (low || message.from === "user") this.chat.scrollTop = this.chat.scrollHeight;
  }

  // Does something as this person; the answer of the account arrives by polling.
  async act(verb, fields) {
    try {
      const answer = await post(`/users/${this.user.user_id}/${verb}`, { app_id: this.appId, wait: false, ...fields });
      this.follow(answer);
      return answer;
    } catch (error) {
      this.say(error.message);
      return null;
    } finally {
      this.afterwards();
    }
  }

  // Where a tap or a scan leads: a page, a mini program, a text to read, or back to the chat.
  follow(answer) {
    if (answer.open) this.openPage(answer.open);
    if (answer.text) openTextSheet(this, answer.text);
    if (answer.mini_program) {
      const { page, scene } = answer.mini_program;
      this.say(`打开小程序页面 ${page || "首页"}${scene ? `，场景值 ${scene}` : ""}（小程序要在开发者工具里看）`);
    }
  }

  async afterwards() {
    this.user = await get(`/users/${this.user.user_id}`);
    this.showFollowing();
    this.poll();
    setTimeout(() => this.poll(), 250);
  }

  showFollowing() {
    const kind = this.kinds[this.appId];
    const follows = this.user.follows.includes(this.appId) || kind === "sms";
    this.find(".stranger").hidden = follows;
    this.find(".input").hidden = !follows || kind === "work_app";
    this.root.classList.toggle("text-only", kind === "sms");
    if (!follows) this.toggleTools(false);
    this.showMenu(follows && this.menuOpen);
  }

  async loadMenu() {
    const { button } = await get(`/apps/${this.appId}/menu`);
    this.menuOpen = button.length > 0;
    this.find(".keyboard").hidden = !button.length;
    this.find(".menu").replaceChildren(...button.map((entry, place) => this.menuEntry(entry, place)));
    this.showMenu(this.menuOpen && this.user.follows.includes(this.appId));
  }

  showMenu(open) {
    this.find(".menu").hidden = !open;
    this.root.classList.toggle("with-menu", open);
  }

  menuEntry(entry, place) {
    const cell = document.createElement("div");
    const top = document.createElement("button");
    top.textContent = entry.name;
    cell.append(top);
    if (!entry.sub_button?.length) {
      top.addEventListener("click", () => this.act("menu", { path: [place] }));
      return cell;
    }
    top.classList.add("parent");
    top.addEventListener("click", () => cell.classList.toggle("open"));
    const list = document.createElement("ul");
    entry.sub_button.forEach((leaf, below) => {
      const line = document.createElement("button");
      line.textContent = leaf.name;
      line.addEventListener("click", () => {
        cell.classList.remove("open");
        this.act("menu", { path: [place, below] });
      });
      list.append(line);
    });
    cell.append(list);
    return cell;
  }

  // The web view lives on this phone's own origin, so that its cookies are its own.
  openPage(url) {
    const port = location.port ? `:${location.port}` : "";
    this.find("iframe").src = `http://phone${this.user.user_id}.localhost${port}/open?url=${encodeURIComponent(url)}`;
    this.find(".webview .title").textContent = this.accounts.selectedOptions[0]?.text || "";
    this.find(".webview").hidden = false;
  }

  closePage() {
    this.find(".webview").hidden = true;
    this.find("iframe").src = "about:blank";
  }

  say(sentence) {
    const toast = this.find(".toast");
    toast.textContent = sentence;
    toast.hidden = false;
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(() => (toast.hidden = true), 4000);
  }

  toggleTools(open) {
    this.find(".tools").hidden = !open;
    this.chat.scrollTop = this.chat.scrollHeight;
  }

  listen() {
    const text = this.find(".input textarea");
    const onClick = (selector, action) =>
      this.root.querySelectorAll(selector).forEach((button) => button.addEventListener("click", action));
    const fit = () => {
      this.find(".send").hidden = !text.value.trim();
      this.find(".input .more").hidden = Boolean(text.value.trim());
      text.style.height = "auto";
      text.style.height = `${Math.min(text.scrollHeight, 120)}px`;
    };
    const send = (event) => {
      event.preventDefault();
      const verb = this.kinds[this.appId] === "sms" ? "text_back" : "send";
      if (text.value.trim()) this.act(verb, { type: "text", content: text.value });
      text.value = "";
      fit();
    };
    text.addEventListener("input", fit);
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
    });
    this.find(".input").addEventListener("submit", send);
    this.people.addEventListener("change", () => {
      this.user = this.users.find((user) => user.user_id === Number(this.people.value));
      this.openChatOf();
      this.showFollowing();
      this.onChange();
    });
    this.accounts.addEventListener("change", () => {
      this.openChat();
      this.showFollowing();
    });
    onClick(".keyboard", () => {
      this.menuOpen = !this.menuOpen;
      this.showMenu(this.menuOpen);
    });
    onClick(".more", () => this.toggleTools(this.find(".tools").hidden));
    onClick(".back", () => this.closePage());
    onClick(".follow", () => this.act("follow"));
    onClick(".unfollow", () => this.act("unfollow"));
    onClick(".camera", () => this.act("send", { type: "image" }));
    onClick("button.voice", () => openVoiceSheet(this));
    onClick(".location", () => openLocationSheet(this));
    onClick(".scan", () => openScanSheet(this));
    onClick(".picture", () => this.find(".file").click());
    this.find(".file").addEventListener("change", (event) => this.sendPicture(event.target));
  }

  sendPicture(input) {
    const reader = new FileReader();
    reader.addEventListener("load", () => this.act("send", { type: "image", file: reader.result.split(",")[1] }));
    if (input.files[0]) reader.readAsDataURL(input.files[0]);
    input.value = "";
  }
}
