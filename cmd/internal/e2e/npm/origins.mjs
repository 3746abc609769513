// Chats from the static site with an API at another origin: a site that the API lists is answered word
// by word, and one that it does not list is refused before anything is asked.
import { chromium } from "playwright-core";

const { DREAMLAB_URL: api, DREAMLAB_KEY: key, SANDBOX_URL: sandbox, PAGES_CHROMIUM: program, ORIGIN_LISTED: listed, ORIGIN_OTHER: other } = process.env;
const wanted = (holds, what) => { if (!holds) throw new Error(what); };

const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox", "--disable-dev-shm-usage"] });

// opened is the chat page of a site, told where the API is, and what went wrong on it.
const opened = async (site) => {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  const faults = [];
  page.on("console", (message) => { if (message.type() === "error") faults.push(message.text()); });
  page.on("pageerror", (error) => faults.push(error.message));
  await page.goto(site + "/chat.html");
  await page.fill("[name=base]", api);
  await page.fill("[name=key]", key);
  await page.fill("[name=text]", "Who repairs my tyre?");
  return { page, faults };
};
const send = (page) => page.getByRole("button", { name: "Send" }).click();
const ended = (page) => page.locator("#stop[hidden]").waitFor({ state: "attached" });
const said = (page, turn) => page.locator(`#turns li:nth-child(${turn}) .said`);

const chats = async () => {
  const answer = await fetch(api + "/v1/jobs?kind=chat", { headers: { authorization: "Bearer " + key } });
  return (await answer.json()).data.length;
};

const { page, faults } = await opened(listed);
await page.getByText("models are offered").waitFor();
await send(page);
await page.locator("#turns li:nth-child(2) .said:not(:empty)").waitFor();
await ended(page);
wanted(faults.length === 0, "the listed site met " + faults);
wanted(await page.textContent("#told") === "", "the listed site is told " + await page.textContent("#told"));
console.log("walked: listed");

// The vendor falls silent in the middle: what came before is shown by then, and can be stopped.
await fetch(sandbox + "/_sandbox/faults", { method: "POST", body: JSON.stringify({ vendor: "*", fault: "stall", chunks: 3, times: 1 }) });
await page.fill("[name=text]", "And who repairs my chain?");
await send(page);
await page.locator("#turns li:nth-child(4) .said:not(:empty)").waitFor();
wanted(await page.locator("#stop").isVisible(), "an answer was shown only when it had ended");
await page.click("#stop");
await page.getByText("Stopped.").waitFor();
wanted((await said(page, 4).textContent()).length > 0, "what had come was taken away");
console.log("walked: streamed");

// An error of the API can be read across origins, too.
await page.fill("[name=key]", "dl-wrong");
await page.fill("[name=text]", "Again?");
await send(page);
await page.locator("#told", { hasText: /API key/ }).waitFor();
console.log("walked: error");

const before = await chats();
const refused = await opened(other);
await refused.page.locator("#told", { hasText: "can not be asked from here" }).waitFor(); // for its models
await refused.page.fill("[name=text]", "May I?");
await send(refused.page);
await said(refused.page, 2).waitFor({ state: "attached" });
await ended(refused.page);
wanted((await refused.page.textContent("#told")).includes("can not be asked from here"), "a site that is not listed is told " + await refused.page.textContent("#told"));
wanted(await said(refused.page, 2).textContent() === "", "a site that is not listed was answered");
wanted(refused.faults.some((fault) => fault.includes("CORS policy")), "the browser had nothing against it: " + refused.faults);
wanted(await chats() === before, "a site that is not listed made a chat");
console.log("walked: other");

await browser.close();
