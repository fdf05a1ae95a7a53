// Finds the objects in a picture from JavaScript; the same fetch works in a browser.
//   node detect.mjs photo.jpg [http://127.0.0.1:8080]      (Node.js 18 or newer)
// A key, where the service asks for one, comes from the environment variable FASTRCNN_API_KEY.
import { readFile } from "node:fs/promises";

export async function detect(blob, service, { threshold = 0.5, key = "", attempts = 5 } = {}) {
  const form = new FormData();
  form.append("image", blob, "picture");
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(`${service}/detect?threshold=${threshold}`, {
      method: "POST",
      headers: key ? { Authorization: `Bearer ${key}` } : {},
      body: form,
    });
    const content = await response.json();
    if (response.ok) return content;
    const wait = response.headers.get("Retry-After");
    if (response.status !== 503 || wait === null || attempt === attempts) {
      throw new Error(`${content.title}: ${content.detail}`);
    }
    await new Promise((done) => { setTimeout(done, 1000 * Number(wait)); });
  }
}

const [picture, service = "http://127.0.0.1:8080"] = process.argv.slice(2);
try {
  const found = await detect(new Blob([await readFile(picture)]), service, { key: process.env.FASTRCNN_API_KEY ?? "" });
  for (const { label, score, left, top, right, bottom } of found) {
    console.log(label, score, left, top, right, bottom);
  }
} catch (fault) {
  console.error(fault.message);
  process.exitCode = 1;
}
