// Asks the emulators for the quotas of their accounts through the vendors' own clients: AWS's Service Quotas for
// SageMaker and Bedrock, page by page, and the usages of an Azure subscription. What is set counts, also where something
// is to be started.
import assert from "node:assert/strict";
import { CognitiveServicesManagementClient } from "@azure/arm-cognitiveservices";
import { createDefaultHttpClient } from "@azure/core-rest-pipeline";
import {
  GetAWSDefaultServiceQuotaCommand, GetServiceQuotaCommand, IllegalArgumentException, InvalidPaginationTokenException,
  ListServiceQuotasCommand, NoSuchResourceException, ServiceQuotasClient, paginateListServiceQuotas,
} from "@aws-sdk/client-service-quotas";

const credentials = { accessKeyId: "sandbox", secretAccessKey: "sandbox" };
const aws = (vendor, more = {}) => new ServiceQuotasClient({
  endpoint: `${process.env.SANDBOX_URL}/${vendor}`, region: "us-east-1", maxAttempts: 1, credentials, ...more,
});

async function set(vendor, name, value) {
  const answer = await fetch(`${process.env.SANDBOX_URL}/_sandbox/quotas`, {
    method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify({ vendor, name, value }),
  });
  assert.ok(answer.ok, `${answer.status}`);
}

const sagemaker = aws("sagemaker");
const listed = [];
let pages = 0;
for await (const page of paginateListServiceQuotas({ client: sagemaker }, { ServiceCode: "sagemaker", MaxResults: 100 })) {
  listed.push(...page.Quotas);
  pages++;
}
assert.ok(pages > 2 && listed.every((quota) => quota.ServiceCode === "sagemaker" && /^L-[0-9A-F]{8}$/.test(quota.QuotaCode)));
assert.equal(new Set(listed.map((quota) => quota.QuotaCode)).size, listed.length);
const spot = listed.find((quota) => quota.QuotaName === "ml.g5.12xlarge for spot training job usage");
assert.equal(listed.find((quota) => quota.QuotaName === "ml.p5.48xlarge for endpoint usage").Value, 0);
await set("sagemaker", spot.QuotaName, 3);
const asked = { ServiceCode: "sagemaker", QuotaCode: spot.QuotaCode };
assert.equal((await sagemaker.send(new GetServiceQuotaCommand(asked))).Quota.Value, 3);
assert.notEqual((await sagemaker.send(new GetAWSDefaultServiceQuotaCommand(asked))).Quota.Value, 3);
for (const [wrong, kind] of [
  [new GetServiceQuotaCommand({ ...asked, QuotaCode: "L-00000000" }), NoSuchResourceException],
  [new ListServiceQuotasCommand({ ServiceCode: "ec2" }), NoSuchResourceException],
  [new ListServiceQuotasCommand({ ServiceCode: "sagemaker", NextToken: "none" }), InvalidPaginationTokenException],
  [new ListServiceQuotasCommand({ ServiceCode: "sagemaker", MaxResults: 101 }), IllegalArgumentException],
]) {
  await assert.rejects(sagemaker.send(wrong), (err) => err instanceof kind);
}
await assert.rejects(
  aws("sagemaker", { credentials: { ...credentials, secretAccessKey: "wrong" } }).send(new GetServiceQuotaCommand(asked)),
  (err) => err.name === "InvalidSignatureException",
);

const imported = { ServiceCode: "bedrock", QuotaCode: "L-45B04988" };
const bedrock = aws("bedrock");
await assert.rejects(bedrock.send(new GetServiceQuotaCommand(imported)), (err) => err instanceof NoSuchResourceException);
assert.equal((await bedrock.send(new GetAWSDefaultServiceQuotaCommand(imported))).Quota.QuotaName, "Imported models per account");
await set("bedrock", "Imported models per account", 7);
assert.equal((await bedrock.send(new GetServiceQuotaCommand(imported))).Quota.Value, 7);

const base = `${process.env.SANDBOX_URL}/azure`;
const form = new URLSearchParams({
  grant_type: "client_credentials", client_id: "66666666-7777-4888-9999-000000000000", client_secret: "sandbox", scope: "https://management.azure.com/.default",
});
const given = await (await fetch(`${base}/11111111-2222-4333-8444-555555555555/oauth2/v2.0/token`, { method: "POST", body: form })).json();
// The client sends a token by https alone: on the loopback the transport below it goes without.
const transport = createDefaultHttpClient();
const manager = new CognitiveServicesManagementClient(
  { getToken: async () => ({ token: given.access_token, expiresOnTimestamp: Date.now() + 3_600_000 }) }, "sandbox",
  {
    endpoint: base.replace(/^http:/, "https:"), retryOptions: { maxRetries: 0 },
    httpClient: {
      sendRequest: (request) => {
        request.url = request.url.replace(/^https:/, "http:");
        request.allowInsecureConnection = true;
        return transport.sendRequest(request);
      },
    },
  },
);
const account = await manager.accounts.get("sandbox", "sandbox");
await set("azure", "OpenAI.FineTuned.Deployments", 4);
const usages = [];
for await (const usage of manager.usages.list(account.location)) {
  usages.push(usage);
}
assert.equal(usages.find((usage) => usage.name.value === "OpenAI.FineTuned.Deployments").limit, 4);
const models = [];
for await (const model of manager.accounts.listModels("sandbox", "sandbox")) {
  models.push(model);
}
const tuned = models.find((model) => model.name === "gpt-4.1-mini").skus.find((sku) => sku.name === "developertier");
assert.equal(usages.find((usage) => usage.name.value === tuned.usageName).currentValue, 0);
console.log("quotas: accepted");
