// Walks through the pages in Chromium: each in light and dark, wide and narrow, with the rules of
// axe-core; then by keyboard alone, without JavaScript, and with hostile text in what it shows.
// Anything on the console, any request to elsewhere and any script of a prompt is a failure.
import fs from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const { DREAMLAB_URL: base, DREAMLAB_KEY: key, PAGES_LINK: link, PAGES_CHROMIUM: program, PAGES_PICTURES: pictures, PAGES_SITE: files, PAGES_RIVAL: rival } = process.env;
const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const rules = { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"] };
const faults = [];
const fault = (...what) => faults.push(what.join(" "));
const wanted = (holds, what) => { if (!holds) fault(what); };

const api = async (path, body, method = body ? "POST" : "GET") => {
  const headers = { authorization: "Bearer " + key, "content-type": "application/json" };
  const answer = await fetch(base + path, { method, headers, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
};
const first = async (path) => (await api(path)).data[0].id;

// watch notes what a page must not do.
const watch = (page, where) => {
  page.on("console", (message) => {
    const awaited = /status of (401|403|404|409)/.test(message.text()); // of pages that say so themselves
    if (["error", "warning"].includes(message.type()) && !awaited) fault(where, page.url(), "console:", message.text());
  });
  page.on("pageerror", (error) => fault(where, page.url(), error.message));
  page.on("dialog", (dialog) => { fault(where, page.url(), "a dialog:", dialog.message()); dialog.dismiss(); });
  page.on("request", (request) => {
    if (!request.url().startsWith(base + "/") && !request.url().startsWith("data:")) fault(where, "asked", request.url());
  });
  return page;
};

const signIn = async (page, with_ = key) => {
  await page.goto(base + "/app/signin");
  await page.fill("#key", with_);
  await page.click("main button");
};

const chromiumOf = await chromium.launch({ executablePath: program, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const opened = async (options, where) => {
  const context = await chromiumOf.newContext(options);
  context.setDefaultTimeout(180_000); // the walk as a whole is bounded by who starts it
  return watch(await context.newPage(), where);
};

// every returns the pages by names.
const every = async () => {
  const pages = {};
  for (const name of ["", "requests", "chat", "conversations", "queues", "dreams", "review", "memory", "datasets", "tunes",
    "evaluations", "routes", "models", "lineage", "cost", "keys", "status", "docs/index.html", "docs/routes.html",
    "docs/all", "status/doctor"]) pages[name.replaceAll("/", "-") || "home"] = name;
  const chat = await first("/v1/jobs?kind=chat&limit=1");
  const [dream, example, dataset, tune, evaluation] = await Promise.all(
    ["dreams", "examples", "datasets", "tunes", "evaluations"].map((noun) => first(`/v1/${noun}?limit=1`)));
  const { conversation } = (await api("/v1/experiences?limit=1&order=asc")).data[0];
  return Object.assign(pages, {
    request: "requests/" + chat, peek: "requests?peek=" + chat, conversation: "conversations/" + conversation,
    forget: `conversations/${conversation}/forget`, dream: "dreams/" + dream, undo: `dreams/${dream}/undo`,
    example: "review/" + example, dataset: "datasets/" + dataset, tune: "tunes/" + tune, evaluation: "evaluations/" + evaluation,
    version: "memory/" + await first("/v1/memory/versions?limit=1"), route: "routes/assistant", rollback: "routes/assistant/rollback", graph: "lineage/" + example,
    bulk: "queues/bulk?action=retry&status=failed", search: "search?q=nothing+like+it", error: "dreams/drm_none",
  });
};

// picture keeps a page as it looks, down to 10,000 pixels: the documentation on one page has many times that.
const picture = async (page, where, width) => {
  const height = await page.evaluate(() => Math.min(document.documentElement.scrollHeight, 10_000));
  await page.screenshot({ path: `${pictures}/${where}.png`, fullPage: true, clip: { x: 0, y: 0, width, height } });
};

// look checks one page as it stands, in light and in dark.
const look = async (page, name, width) => {
  await page.evaluate(axe);
  for (const colorScheme of ["light", "dark"]) {
    const where = `${name}-${width}-${colorScheme}`;
    await page.emulateMedia({ colorScheme });
    const { violations } = await page.evaluate((options) => window.axe.run(document, options), rules);
    for (const v of violations) fault(where, v.id, v.nodes.slice(0, 2).map((node) => node.target.join(" ")).join(" | "));
    if (pictures) await picture(page, where, width);
  }
  const [wide, hit] = await page.evaluate(() => [document.documentElement.scrollWidth - window.innerWidth, window.hit]);
  wanted(wide <= 0, `${name} is ${wide} pixels wider than a window of ${width}`);
  wanted(hit === undefined, `${name} ran a script that stood in a text`);
};

const looks = async (pages, width) => {
  const page = await opened({ viewport: { width, height: 900 }, reducedMotion: "reduce" }, "any-" + width);
  await page.goto(base + "/app/signin");
  await look(page, "signin", width);
  await signIn(page);
  await page.waitForURL(base + "/app/");
  for (const [name, at] of Object.entries(pages)) {
    await page.goto(`${base}/app/${at}`);
    await look(page, name, width);
  }
  await page.context().close();
};

// sessions: a wrong key, a link that works once, a session that is not one any more.
const sessions = async () => {
  const page = await opened({}, "sessions");
  await signIn(page, "dl-wrong");
  wanted((await page.textContent("[role=alert]")).includes("unknown"), "a wrong key is not said to be wrong");
  await page.goto(link);
  wanted(page.url() === base + "/app/", "the link led to " + page.url());
  const cookie = (await page.context().cookies()).find((c) => c.name === "dreamlab_session");
  wanted(cookie.httpOnly && cookie.sameSite === "Strict", "the cookie can be read or sent from elsewhere");
  await page.context().addCookies([{ ...cookie, value: "dls-over" }]);
  await page.goto(base + "/app/dreams");
  wanted((await page.textContent("[role=alert]")).includes("session has ended"), "an ended session is not said to have ended");
  await page.goto(link);
  wanted((await page.textContent("[role=alert]")).includes("used before"), "the link signs in twice");
  await page.context().close();
  console.log("walked: sessions");
};

// chats: what is typed is answered word by word, and is the conversation afterwards.
const chats = async () => {
  const page = await opened({}, "chats");
  await signIn(page);
  await page.goto(base + "/app/chat");
  await page.fill("#text", "<img src=x onerror=window.hit=1> who repairs my tyre?");
  await page.press("#text", "Control+Enter");
  await page.waitForURL(/conversation=/);
  await page.locator("#turns .judge").waitFor();
  wanted((await page.textContent("#turns .turn.user")).includes("<img src=x"), "the question is not shown as it was typed");
  await page.getByRole("button", { name: "Good answer" }).click();
  await page.locator(".note").waitFor();
  wanted(await page.evaluate(() => window.hit) === undefined, "a prompt ran a script");
  await page.context().close();
  console.log("walked: chats");
};

// keyboard: search, help, rows, a peek, and a page by two letters.
const keyboard = async () => {
  const page = await opened({ viewport: { width: 1280, height: 800 } }, "keyboard");
  await signIn(page);
  await page.goto(base + "/app/requests");
  await page.keyboard.press("?");
  await page.locator("dialog[open]").waitFor();
  await page.keyboard.press("Escape");
  // Where it leads is told by the rows themselves: others chat meanwhile, whose rows come in above.
  const rows = () => page.evaluate(() => {
    const row = document.activeElement.closest("[data-row]");
    return [row?.previousElementSibling?.id, row?.id];
  });
  await page.keyboard.press("j");
  const [, led] = await rows();
  await page.keyboard.press("j");
  const [before, next] = await rows();
  wanted(led && next && before === led, `j led to ${led}, and then to ${next} below ${before}`);
  await page.keyboard.press("Enter");
  await page.waitForURL(/requests\/job_/);
  await page.goto(base + "/app/requests");
  await page.locator("a[aria-label^=Peek]").first().press("Enter");
  await page.locator("#peek .card").waitFor();
  wanted(page.url().includes("peek=job_"), "a peek has no address of its own: " + page.url());
  await page.keyboard.press("Escape");
  await page.waitForURL((url) => !url.search.includes("peek"));
  await page.keyboard.press("/");
  await page.keyboard.type(await first("/v1/dreams?limit=1"));
  await page.keyboard.press("Enter");
  await page.waitForURL(/dreams\/drm_/);
  await page.keyboard.press("g");
  await page.keyboard.press("q");
  await page.waitForURL(/\/queues$/);
  await page.context().close();
  console.log("walked: keyboard");
};

// reviews: ten examples are decided on by keyboard alone, and the last verdict is taken back.
const reviews = async () => {
  const page = await opened({}, "reviews");
  await signIn(page);
  await page.goto(base + "/app/review");
  const at = () => page.url().match(/exm_\w+/)?.[0];
  const press = async (key) => {
    const before = page.url();
    await page.keyboard.press(key);
    await page.waitForURL((url) => url.href !== before);
  };
  await press("n");
  const seen = new Set();
  for (const verdict of ["k", "r", "1", "k", "2", "k", "k", "3", "k", "k"]) {
    seen.add(at());
    await press(verdict);
  }
  const last = [...seen].at(-1);
  await press("u");
  wanted(seen.size === 10 && at() === last, `${seen.size} were decided on, and the last is ${last}, not ${at()}`);
  await page.keyboard.press("e");
  await page.keyboard.type("A better answer. ");
  const before = page.url();
  await page.keyboard.press("Control+Enter");
  await page.waitForURL((url) => url.href !== before);
  const { review } = await api("/v1/examples/" + last);
  wanted(review.status === "edited", "an edited example is " + review.status);
  const rejected = (await api("/v1/examples?review=rejected")).data.length;
  wanted(rejected === 4, rejected + " are rejected");
  await page.context().close();
  console.log("walked: reviews");
};

// tail: a page of requests shows new ones by itself, keeps what has the focus, and stands still when it is paused.
const tail = async () => {
  const page = await opened({}, "tail");
  await signIn(page);
  await page.goto(base + "/app/requests");
  const ask = async () => {
    const messages = [{ role: "user", content: "anything new?" }];
    return (await api("/v1/chat/completions", { model: "assistant", messages })).dreamlab.job;
  };
  await page.keyboard.press("j");
  const focused = () => page.evaluate(() => document.activeElement.closest("[data-row]")?.id);
  const before = await focused();
  await page.locator("#row-" + await ask()).waitFor();
  await page.locator("#row-" + await ask()).waitFor();
  wanted(before && await focused() === before, `the focus went from ${before} to ${await focused()}`);
  wanted(!/T.*Z|UTC/.test(await page.locator("tbody time").first().textContent()), "a new row's time is not the viewer's");
  await page.getByRole("link", { name: "Pause" }).click();
  await page.waitForURL(/live=off/);
  const asked = [];
  page.on("request", (request) => { if (request.url().includes("/tail")) asked.push(request.url()); });
  const late = await ask();
  await page.getByRole("link", { name: "Follow" }).waitFor();
  wanted(await page.locator("#row-" + late).count() === 0, "a paused page shows what came later");
  wanted(asked.length === 0, `a paused page asked ${asked}`);
  await page.getByRole("link", { name: "Follow" }).click();
  await page.locator("#row-" + late).waitFor();
  await page.context().close();
  console.log("walked: tail");
};

// reads: the documentation is searched in the browser.
const reads = async () => {
  const page = await opened({}, "reads");
  await signIn(page);
  await page.goto(base + "/app/docs");
  await page.getByLabel("Search the documentation").fill("get /v1/events");
  await page.getByRole("link", { name: "GET /v1/events" }).click();
  await page.waitForURL(/docs\/routes.html#get-v1-events/);
  await page.context().close();
  console.log("walked: reads");
};

// strangers: the ids of one tenant are nothing to another, and its lists are empty.
const strangers = async (pages) => {
  const page = await opened({}, "strangers");
  await signIn(page, rival);
  await page.waitForURL(base + "/app/");
  const own = ["request", "peek", "conversation", "forget", "dream", "undo", "example", "dataset", "tune", "evaluation", "version", "graph"];
  for (const name of own) {
    const reply = await page.goto(`${base}/app/${pages[name]}`);
    wanted(reply.status() === 404, `${name} of another tenant: ${reply.status()}`);
  }
  for (const list of ["requests", "conversations", "dreams", "review", "datasets", "tunes", "evaluations"]) {
    await page.goto(`${base}/app/${list}`);
    wanted(await page.locator("[data-row]").count() === 0, `${list} shows rows of another tenant`);
  }
  await page.context().close();
  console.log("walked: strangers");
};

// follows: the page of something that runs shows its end by itself, unless it is paused.
const follows = async () => {
  const page = await opened({}, "follows");
  await signIn(page);
  const input = { model: "assistant", messages: [{ role: "user", content: "later" }] };
  const later = await api("/v1/jobs", { kind: "chat", run_at: Math.floor(Date.now() / 1000) + 3600, input });
  await page.goto(base + "/app/requests/" + later.id);
  const pause = page.getByRole("button", { name: "Pause updates" });
  await pause.focus();
  await page.waitForResponse(page.url()); // it is fetched again, and what has the focus keeps it
  await page.keyboard.press("Enter");
  await page.locator("[data-runs][aria-pressed=true]").waitFor();
  await api(`/v1/jobs/${later.id}/cancel`, {});
  wanted(await page.locator(".state.cancelled").count() === 0, "a paused page changes");
  await pause.press("Enter");
  await page.locator(".state.cancelled").first().waitFor();
  wanted(await pause.count() === 0, "what has ended is followed");
  await page.context().close();
  console.log("walked: follows");
};

// links: whatever a page leads to is there; of many links to things of a noun, two are followed.
const links = async (pages) => {
  const page = await opened({}, "links");
  await signIn(page);
  await page.waitForURL(base + "/app/");
  const followed = new Map();
  for (const [name, at] of Object.entries(pages)) {
    if (name === "error") continue;
    await page.goto(`${base}/app/${at}`);
    const found = await page.$$eval("a[href]", (all) => all.map((a) => String(a.href.baseVal ?? a.href).split("#")[0]));
    for (const link of new Set(found.map((href) => new URL(href, page.url()).href))) {
      const kind = link.replaceAll(/[a-z]+[_-][0-9a-z]{20,}/g, "ID");
      const times = followed.get(kind) ?? 0;
      if (!link.startsWith(base + "/") || times === 2) continue;
      followed.set(kind, times + 1);
      const reply = await page.request.get(link);
      wanted(reply.ok(), `${name} leads to ${link}: ${reply.status()}`);
    }
  }
  await page.context().close();
  console.log("walked: links");
};

// plots: what the pointer is over is told in dollars, and a plot can be looked at more closely.
const plots = async () => {
  const page = await opened({}, "plots");
  await signIn(page);
  await page.goto(base + "/app/cost?group_by=purpose&days=1");
  const told = page.locator("[data-told]");
  const area = await page.locator("[data-plot] .u-over").boundingBox();
  await page.locator("[data-plot] .u-over").hover({ position: { x: area.width - 4, y: area.height / 2 } });
  await told.filter({ hasText: /\d\d:00: .*\$/ }).waitFor();
  await page.mouse.move(4, 4);
  await told.filter({ hasText: "look closer" }).waitFor();
  await page.context().close();
  console.log("walked: plots");
};

// site: the page of the plain files chats with the API at the address that it is given.
const site = async () => {
  const page = await opened({}, "site");
  await page.route(base + "/site/**", (route) => route.fulfill({ path: files + "/" + route.request().url().split("/").pop() }));
  await page.goto(base + "/site/chat.html");
  await page.fill("[name=key]", key);
  await page.fill("[name=text]", "<img src=x onerror=window.hit=1> who repairs my tyre?");
  await page.getByText("models are offered").waitFor();
  await page.press("[name=text]", "Control+Enter");
  await page.locator("#turns li:nth-child(2) .said:not(:empty)").waitFor();
  await page.locator("#stop[hidden]").waitFor({ state: "attached" });
  await look(page, "site-chat", 1280);
  await page.fill("[name=key]", "dl-wrong");
  await page.fill("[name=text]", "again");
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator("#told", { hasText: /API key/ }).waitFor();
  await page.context().close();
  console.log("walked: site");
};

// plain: the same outcomes without JavaScript, up to what can not be taken back.
const plain = async () => {
  const page = await opened({ javaScriptEnabled: false }, "plain");
  await signIn(page);
  await page.goto(base + "/app/chat");
  await page.fill("#text", "What does the plan cost?");
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator("#turns .judge").waitFor();
  await page.goto(base + "/app/requests");
  wanted(!await page.locator(".tail").isVisible(), "a page without a script says that it is live");
  await page.selectOption("select[name=kind]", "tune");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.waitForURL(/kind=tune/);
  const tunes = await page.locator("tbody tr").count();
  wanted(tunes === 1, `the filter shows ${tunes} tunes`);
  await page.goto(base + "/app/queues");
  await page.selectOption("select[name=status]", "failed");
  await page.getByRole("button", { name: "Retry…" }).click();
  await page.getByRole("button", { name: "Retry all that match" }).click();
  await page.waitForURL(/requests\/job_/);
  await page.getByRole("button", { name: "Dark" }).click();
  wanted(await page.getAttribute("html", "data-theme") === "dark", "the theme is not kept");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.goto(base + "/app/cost");
  wanted(await page.locator("#key").count() === 1, "signing out does not sign out");
  await page.context().close();
  console.log("walked: plain");
};

// last: what can not be taken back, by keyboard alone.
const last = async () => {
  const page = await opened({}, "last");
  await signIn(page);
  const press = async (role, name) => page.getByRole(role, { name }).first().press("Enter");
  await page.goto(base + "/app/requests?status=failed");
  await press("link", "Retry all that match…");
  await press("button", "Retry all that match");
  await page.waitForURL(/requests\/job_/);
  await page.goto(base + "/app/routes/assistant");
  await press("link", "Roll back…");
  await press("button", "Roll back now");
  await page.locator(".note").waitFor();
  await page.goto(base + "/app/dreams/" + await first("/v1/dreams?limit=1"));
  await press("link", "Undo…");
  await press("button", "Undo it");
  await page.locator(".note").waitFor();
  const { conversation } = (await api("/v1/experiences?limit=1&order=asc")).data[0];
  await page.goto(base + "/app/conversations/" + conversation);
  await press("link", "Forget…");
  await press("button", "Forget it");
  await page.waitForURL(/requests\/job_/);
  await page.context().close();
  console.log("walked: last");
};

// hostile fills the places that others fill with text that would run where it is not escaped.
const hostile = async () => {
  const text = `"><script>window.hit=1</script><img src=x onerror="window.hit=1">{{.Key}}</textarea>javascript:window.hit=1`;
  await api("/v1/chat/completions", {
    model: "assistant", messages: [{ role: "system", content: text }, { role: "user", content: text }],
    metadata: { conversation_id: text, label: text },
  });
  await api("/v1/keys", { name: text, scopes: ["view"], models: ["<script>window.hit=1</script>"] });
};

try {
  await hostile();
  const pages = await every();
  await Promise.all([looks(pages, 1280), looks(pages, 320)]);
  console.log("walked: " + Object.keys(pages).length + " pages");
  await Promise.all([sessions(), chats(), keyboard(), reviews(), reads(), plots(), strangers(pages), follows(), links(pages), site()]);
  await tail();
  await plain();
  await last();
} catch (error) {
  fault(error.stack);
}
await chromiumOf.close();
if (faults.length) {
  console.error([...new Set(faults)].join("\n"));
  process.exit(1);
}
