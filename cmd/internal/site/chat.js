// The chat page: it asks the API at the address that the reader gives, and shows what comes as text.
(() => {
  "use strict";
  const form = document.getElementById("ask");
  const { base, key, model, text } = form.elements;
  const turns = document.getElementById("turns");
  const stop = document.getElementById("stop");
  const told = document.getElementById("told");
  let said = []; // what was asked and answered, as the API takes it

  base.value = location.protocol.startsWith("http") ? location.origin : "http://127.0.0.1:8080";

  const ask = (path, options = {}) => {
    const root = base.value.trim().replace(/\/+$/, "").replace(/\/v1$/, "");
    const headers = { "content-type": "application/json" };
    if (key.value) headers.authorization = "Bearer " + key.value.trim();
    return fetch(root + "/v1/" + path, { ...options, headers, credentials: "omit", referrerPolicy: "no-referrer", redirect: "error" });
  };

  const reason = async (response) => {
    try {
      return (await response.json()).error.message;
    } catch {
      return "The API answered with status " + response.status + ".";
    }
  };

  const show = (role, words) => {
    const item = document.createElement("li");
    const who = document.createElement("strong");
    who.textContent = role;
    const what = document.createElement("div");
    what.className = "said";
    what.textContent = words;
    item.append(who, what);
    turns.append(item);
    return what;
  };

  // read adds the words of a stream of completions as they come.
  const read = async (response, shown) => {
    const chunks = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await chunks.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (!line.startsWith("data: {")) continue;
        const chunk = JSON.parse(line.slice(6));
        if (chunk.error) throw new Error(chunk.error.message);
        shown.textContent += chunk.choices?.[0]?.delta?.content ?? "";
      }
    }
  };

  const explain = (error) => {
    if (error.name === "AbortError") return "Stopped.";
    if (error instanceof TypeError) {
      return "The API can not be asked from here: is its address right, and does it, or the proxy in front of it, allow this site?";
    }
    return error.message;
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!stop.hidden) return;
    const question = { role: "user", content: text.value };
    show("You", text.value);
    const answer = show(model.value, "");
    text.value = told.textContent = "";
    stop.hidden = false;
    const control = new AbortController();
    stop.onclick = () => control.abort();
    try {
      const body = JSON.stringify({ model: model.value, messages: [...said, question], stream: true });
      const response = await ask("chat/completions", { method: "POST", body, signal: control.signal });
      if (!response.ok) throw new Error(await reason(response));
      await read(response, answer);
      said.push(question, { role: "assistant", content: answer.textContent });
    } catch (error) {
      told.textContent = explain(error);
    } finally {
      stop.hidden = true;
      text.focus();
    }
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  document.getElementById("new").addEventListener("click", () => {
    said = [];
    turns.replaceChildren();
    told.textContent = "";
    text.focus();
  });

  // The models are offered once there is a key to ask for them by.
  key.addEventListener("change", async () => {
    try {
      const response = await ask("models");
      if (!response.ok) throw new Error(await reason(response));
      const names = (await response.json()).data.map(({ id }) => new Option(id, id));
      document.getElementById("models").replaceChildren(...names);
      told.textContent = names.length + " models are offered.";
    } catch (error) {
      told.textContent = explain(error);
    }
  });
})();
