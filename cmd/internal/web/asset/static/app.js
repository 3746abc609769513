// What the pages do beyond links and forms: times in the viewer's zone, the keyboard, and chats
// that stream. Each page works without it.
(() => {
  "use strict";
  const root = document.body.dataset.root;

  // Times stand in UTC in the page; the title keeps that.
  const sameDay = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const otherDay = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const showTimes = (within) => {
    const today = new Date().toDateString();
    for (const time of within.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      time.textContent = (at.toDateString() === today ? sameDay : otherDay).format(at);
    }
  };
  showTimes(document);
  document.addEventListener("htmx:after:swap", () => showTimes(document));

  // Filters apply when they are chosen.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-auto]");
    if (form && event.target.matches("select")) form.requestSubmit();
  });

  // The keyboard. Nothing is bound while something is typed.
  const typing = (at) => at.closest("input, textarea, select, [contenteditable]");
  const rows = () => [...document.querySelectorAll("[data-row]")];
  const step = (by) => {
    const all = rows();
    const now = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[now < 0 ? 0 : Math.min(Math.max(now + by, 0), all.length - 1)];
    const link = next && next.querySelector("a, button");
    if (link) { link.focus(); next.scrollIntoView({ block: "nearest" }); }
  };
  const close = () => {
    const peek = document.querySelector("#peek [data-close]");
    if (peek) { location.href = peek.href; return; }
    if (document.activeElement !== document.body) document.activeElement.blur();
  };
  let go = false;
  document.addEventListener("keydown", (event) => {
    const at = event.target;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && at.matches("textarea")) { at.form?.requestSubmit(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") { if (typing(at)) at.blur(); else if (!document.querySelector("dialog[open]")) close(); return; }
    if (typing(at)) return;
    if (go) {
      go = false;
      const link = document.querySelector(`.side [data-go="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); location.href = link.href; }
      return;
    }
    const act = document.querySelector(`main [data-key="${CSS.escape(event.key)}"]`);
    if (act) {
      event.preventDefault();
      act.click();
      act.closest("details")?.querySelector("textarea")?.focus();
      return;
    }
    switch (event.key) {
      case "/": { const box = document.getElementById("q"); if (box) { event.preventDefault(); box.focus(); box.select(); } break; }
      case "?": { const keys = document.getElementById("keys"); if (!keys.open) keys.showModal(); break; }
      case "j": step(1); break;
      case "k": step(-1); break;
      case "g": go = true; setTimeout(() => { go = false; }, 1500); break;
    }
  });

  // A chat streams into the page; the whole conversation is shown from the server when it has ended.
  const turn = (role, text) => {
    const item = document.createElement("li");
    item.className = "turn " + role;
    const who = document.createElement("span");
    who.className = "who";
    who.textContent = role === "user" ? "you" : "assistant";
    const said = document.createElement("div");
    said.className = "said";
    said.textContent = text;
    item.append(who, said);
    return item;
  };
  const read = async (response, said) => {
    const lines = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await lines.read();
      if (done) return;
      const parts = (rest + value).split("\n");
      rest = parts.pop();
      for (const line of parts) {
        if (!line.startsWith("data: {")) continue;
        const chunk = JSON.parse(line.slice(6));
        if (chunk.error) throw new Error(chunk.error.message);
        const delta = chunk.choices && chunk.choices[0] && chunk.choices[0].delta;
        if (delta && delta.content) said.textContent += delta.content;
      }
    }
  };
  const failure = async (response) => {
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const alert = page.querySelector("[role=alert]");
    return alert ? alert.textContent : "The answer did not come: status " + response.status + ".";
  };
  const chat = () => {
    const form = document.getElementById("ask");
    if (!form) return;
    const text = form.elements.text;
    const stop = document.getElementById("stop");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (!stop.hidden) return;
      const body = new URLSearchParams(new FormData(form));
      const list = document.querySelector("#turns ol");
      const answer = turn("assistant", "");
      list.append(turn("user", text.value), answer);
      document.getElementById("hint")?.remove();
      text.value = "";
      stop.hidden = false;
      const control = new AbortController();
      stop.onclick = () => control.abort();
      const said = answer.querySelector(".said");
      try {
        const response = await fetch(form.dataset.stream, { method: "POST", body, signal: control.signal });
        const streams = (response.headers.get("content-type") || "").startsWith("text/event-stream");
        if (!response.ok || !streams) throw new Error(await failure(response));
        await read(response, said);
        const at = form.dataset.self + "?" + new URLSearchParams({ conversation: body.get("conversation"), model: body.get("model") });
        history.replaceState(null, "", at);
        await htmx.ajax("GET", at, { target: "#turns", select: "#turns", swap: "outerHTML" });
      } catch (error) {
        said.textContent += error.name === "AbortError" ? "\n[stopped]" : "\n" + error.message;
        answer.setAttribute("role", "alert");
      } finally {
        stop.hidden = true;
        text.focus();
      }
    });
  };
  chat();
})();
