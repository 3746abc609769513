// Asks the emulator of Vertex AI through Google's own client, on Gemini's routes, and
// through OpenAI's on the compatible endpoint, with tokens that the emulator gives out.
import assert from "node:assert/strict";
import { GoogleGenAI } from "@google/genai";
import { UserRefreshClient } from "google-auth-library";
import OpenAI from "openai";

const base = `${process.env.SANDBOX_URL}/vertex`;
const project = "dreamlab-sandbox";
const user = (refreshToken) => new UserRefreshClient({
  clientId: "dreamlab", clientSecret: "dreamlab", refreshToken, endpoints: { oauth2TokenUrl: `${base}/token` },
});
const gemini = (refreshToken) => new GoogleGenAI({
  vertexai: true, project, location: "global", httpOptions: { baseUrl: base },
  googleAuthOptions: { authClient: user(refreshToken) },
});
const google = gemini("sandbox");

const asked = { model: "gemini-2.5-flash", contents: "Thank you" };
const whole = await google.models.generateContent(asked);
assert.equal(whole.text, "You are welcome!");
assert.equal(whole.candidates[0].finishReason, "STOP");
assert.equal(whole.usageMetadata.thoughtsTokenCount, 32);
let text = "";
let counted = null;
for await (const chunk of await google.models.generateContentStream(asked)) {
  text += chunk.text ?? "";
  counted = chunk.usageMetadata ?? counted;
}
assert.equal(text, whole.text);
assert.equal(counted.totalTokenCount, whole.usageMetadata.totalTokenCount);

const vectors = await google.models.embedContent({ model: "gemini-embedding-001", contents: "one" });
assert.ok(vectors.embeddings[0].values.length > 0);
await assert.rejects(google.models.generateContent({ ...asked, model: "none" }), (err) => err.status === 404);
await assert.rejects(gemini("wrong").models.generateContent(asked), /invalid_grant/);

const { token } = await user("sandbox").getAccessToken();
const openai = (location, apiKey) => new OpenAI({
  baseURL: `${base}/v1/projects/${project}/locations/${location}/endpoints/openapi`, apiKey, maxRetries: 0,
});
const messages = [{ role: "user", content: "Thank you" }];
const maverick = "meta/llama-4-maverick-17b-128e-instruct-maas";
const answer = await openai("us-east5", token).chat.completions.create({ model: maverick, messages });
assert.equal(answer.choices[0].message.content, "You are welcome!");
let streamed = "";
let usage = null;
const stream = await openai("global", token).chat.completions.create({
  model: "google/gemini-2.5-flash", messages, stream: true, stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  streamed += chunk.choices[0]?.delta?.content ?? "";
  usage = chunk.usage ?? usage;
}
assert.equal(streamed, whole.text);
assert.equal(usage.completion_tokens_details.reasoning_tokens, 32);
await assert.rejects(
  openai("global", token).chat.completions.create({ model: maverick, messages }),
  (err) => err instanceof OpenAI.NotFoundError,
);
await assert.rejects(
  openai("global", "ya29.wrong").chat.completions.create({ model: maverick, messages }),
  (err) => err instanceof OpenAI.AuthenticationError,
);
console.log("vertex: accepted");
