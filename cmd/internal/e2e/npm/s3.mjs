// Asks S3 with a signature, for which the clients of AWS's other services are not made.
import { createHash, createHmac } from "node:crypto";

const sum = (text) => createHash("sha256").update(text).digest("hex");

// s3 returns what asks for the objects of a bucket, by their keys.
export function s3(bucket, credentials) {
  return async (method, key, body = "") => {
    const url = new URL(bucket + key);
    const now = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
    const scope = `${now.slice(0, 8)}/us-east-1/s3/aws4_request`;
    const headers = { host: url.host, "x-amz-content-sha256": sum(body), "x-amz-date": now };
    const names = Object.keys(headers).join(";");
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`).join("");
    const asked = sum(`${method}\n${url.pathname}\n\n${lines}\n${names}\n${sum(body)}`);
    const mac = (secret, part) => createHmac("sha256", secret).update(part).digest();
    const signing = scope.split("/").reduce(mac, `AWS4${credentials.secretAccessKey}`);
    const signature = mac(signing, `AWS4-HMAC-SHA256\n${now}\n${scope}\n${asked}`).toString("hex");
    delete headers.host;
    headers.authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, ` +
      `Signature=${signature}`;
    return fetch(url, { method, headers, body: method === "PUT" ? body : undefined });
  };
}
