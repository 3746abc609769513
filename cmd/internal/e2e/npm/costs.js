// Asks the sandbox's Cost Explorer through AWS's own client: what Bedrock cost by day and usage type, by
// pages, and the signature of its own service and region.
import assert from "node:assert/strict";
import { BedrockRuntimeClient, ConverseCommand } from "@aws-sdk/client-bedrock-runtime";
import { CostExplorerClient, GetCostAndUsageCommand } from "@aws-sdk/client-cost-explorer";

const endpoint = `${process.env.SANDBOX_URL}/bedrock`;
const credentials = { accessKeyId: "AKIASANDBOX", secretAccessKey: "sandbox" };
const settings = { endpoint, region: "us-east-1", maxAttempts: 1, credentials };
const bedrock = new BedrockRuntimeClient(settings);
const costs = new CostExplorerClient(settings);

const messages = [{ role: "user", content: [{ text: "Hello" }] }];
for (const modelId of ["us.meta.llama4-scout-17b-instruct-v1:0", "openai.gpt-oss-20b-1:0"]) {
  await bedrock.send(new ConverseCommand({ modelId, messages }));
}
const day = (offset) => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
const ask = (more = {}) => new GetCostAndUsageCommand({
  TimePeriod: { Start: day(-1), End: day(2) }, Granularity: "DAILY", Metrics: ["UnblendedCost"],
  GroupBy: [{ Type: "DIMENSION", Key: "USAGE_TYPE" }],
  Filter: { Dimensions: { Key: "SERVICE", Values: ["Amazon Bedrock"] } }, ...more,
});
const groups = [];
let NextPageToken;
let pages = 0;
do {
  const page = await costs.send(ask({ NextPageToken }));
  assert.equal(page.ResultsByTime.length, 3);
  groups.push(...page.ResultsByTime.flatMap((result) => result.Groups));
  NextPageToken = page.NextPageToken;
  pages++;
} while (NextPageToken);
assert.ok(pages > 1 && groups.length === 4);
assert.ok(groups.some((group) => group.Keys[0] === "USE1-Llama4-Scout-17b-input-tokens"));
const billed = groups.reduce((sum, group) => sum + Number(group.Metrics.UnblendedCost.Amount), 0);
const { data } = await (await fetch(`${process.env.SANDBOX_URL}/_sandbox/payments`)).json();
const paid = data.filter((row) => row.vendor === "bedrock").reduce((sum, row) => sum + row.nano_usd, 0);
assert.ok(paid > 0 && Math.round(billed * 1e9) === paid);

await assert.rejects(
  costs.send(ask({ TimePeriod: { Start: day(0), End: day(0) } })), (err) => err.name === "ValidationException",
);
for (const wrong of [{ credentials: { ...credentials, secretAccessKey: "wrong" } }, { region: "eu-central-1" }]) {
  await assert.rejects(
    new CostExplorerClient({ ...settings, ...wrong }).send(ask()),
    (err) => err.name === "InvalidSignatureException" && err.$metadata.httpStatusCode === 403,
  );
}
console.log("costs: accepted");
