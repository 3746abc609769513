// What the pages do beyond links and forms: times in the viewer's zone, the keyboard, and chats
// that stream. Each page works without it.
(() => {
  "use strict";
  const root = document.body.dataset.root;

  document.documentElement.classList.add("scripted"); // shows what works by a script alone

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
  document.addEventListener("htmx:after:swap", () => { showTimes(document); showPaused(); });

  // The page of something that runs is fetched again until it has ended, unless its reader pauses that,
  // types into it or has opened a part of it.
  let paused = false;
  const showPaused = () => { document.querySelector("[data-runs]")?.setAttribute("aria-pressed", paused); };
  const follow = async () => {
    if (!document.querySelector("[data-runs]")) return;
    const used = document.querySelector("#main details[open]") || typing(document.activeElement);
    if (!paused && !used && !document.hidden) await htmx.ajax("GET", location.href, { target: "#main", select: "#main", swap: "outerMorph" });
    setTimeout(follow, 2000);
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-runs]")) { paused = !paused; showPaused(); }
  });
  showPaused();
  setTimeout(follow, 2000);

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

  // The documentation is searched here: the page with all of it is fetched once and cut at its headings.
  const sectionsOf = async (address) => {
    const page = new DOMParser().parseFromString(await (await fetch(address)).text(), "text/html");
    return [...page.querySelectorAll("article[data-page]")].flatMap((article) => {
      const found = [];
      for (const part of article.children) {
        if (part.id) found.push({ title: part.textContent, text: "", at: article.dataset.page + "#" + part.id.split("--").pop() });
        const last = found.at(-1);
        if (last) last.text += part.textContent.toLowerCase() + " ";
      }
      return found;
    });
  };
  const find = () => {
    const form = document.querySelector("form[data-find]");
    if (!form) return;
    const list = form.querySelector("ul");
    let sections;
    const search = async () => {
      const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
      sections ??= sectionsOf(form.dataset.find);
      const fits = (text) => words.every((word) => text.includes(word));
      const found = words.length ? (await sections).filter(({ text }) => fits(text)) : [];
      found.sort((a, b) => fits(b.title.toLowerCase()) - fits(a.title.toLowerCase()));
      list.replaceChildren(...found.slice(0, 20).map(({ title, at }) => {
        const item = document.createElement("li");
        const link = document.createElement("a");
        link.href = at;
        link.textContent = title;
        item.append(link);
        return item;
      }));
      const told = found.length === 1 ? "1 section" : found.length + " sections";
      form.querySelector("[role=status]").textContent = words.length ? told + (found.length > 20 ? ", of which 20 are shown" : "") : "";
    };
    form.addEventListener("input", search);
    form.addEventListener("submit", (event) => { event.preventDefault(); list.querySelector("a")?.focus(); });
  };
  find();

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
