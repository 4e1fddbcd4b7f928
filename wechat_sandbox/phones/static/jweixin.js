// The sandbox's JS-SDK: wx.config is checked strictly, and wx-open-subscribe is a button that allows at a tap.

(() => {
  const heard = { ready: [], error: [] };
  let settings = null;
  const tell = (name, detail) => heard[name].forEach((hear) => hear(detail));

  async function ask(path, body) {
    const answer = await fetch(path, { method: "POST", body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }

  class Subscribe extends HTMLElement {
    connectedCallback() {
      const parts = [...this.querySelectorAll("script[type='text/wxtag-template']")];
      const words = (part) => part?.textContent.replace(/<\/?style>/g, "") || "";
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(words(parts.find((part) => part.slot === "style")));
      const root = this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [sheet];
      root.innerHTML = parts.find((part) => part.slot !== "style").textContent;
      root.addEventListener("click", () => this.tapped());
    }

    async tapped() {
      const templates = this.getAttribute("template").split(",");
      const subscribeDetails = JSON.stringify(await ask("/open/subscribe", { appId: settings.appId, templates }));
      this.dispatchEvent(new CustomEvent("success", { detail: { errMsg: "subscribe:ok", subscribeDetails } }));
    }
  }

  window.wx = {
    ready: (hear) => heard.ready.push(hear),
    error: (hear) => heard.error.push(hear),
    async config(said) {
      try {
        await ask("/open/config", { ...said, page: location.pathname + location.search });
      } catch (error) {
        tell("error", { errMsg: error.message });
        return;
      }
      settings = said;
      if (said.openTagList?.includes("wx-open-subscribe")) customElements.define("wx-open-subscribe", Subscribe);
      tell("ready");
    },
  };
})();
