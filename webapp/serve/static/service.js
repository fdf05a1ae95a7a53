// Talks to the service. A fault becomes an Error with the sentence of its problem document and its status.
let key = sessionStorage.getItem("key") ?? "";

export function setKey(value) {
  key = value;
  sessionStorage.setItem("key", value);
}

export async function ask(address, options = {}) {
  const headers = { Accept: "application/json", ...(key ? { "X-API-Key": key } : {}) };
  if (options.body) headers["Content-Type"] = "application/octet-stream";
  let response;
  try {
    response = await fetch(address, { ...options, headers });
  } catch {
    throw Object.assign(new Error("The service does not answer. Is it still running?"), { status: 0 });
  }
  const content = await response.json().catch(() => ({}));
  if (response.ok) return content;
  const detail = content.detail ?? `The service answered with status ${response.status}.`;
  const wait = response.headers.get("Retry-After");
  const advice = response.status === 503 && wait ? ` Try again in ${wait} s.` : "";
  throw Object.assign(new Error(detail + advice), { status: response.status });
}

export async function waitForModel(say) {
  for (;;) {
    try {
      const [model, { classes }] = await Promise.all([ask("/model"), ask("/classes")]);
      return { model, classes };
    } catch (fault) {
      if (fault.status !== 503) throw fault;
      say("The model is being loaded …");
      await new Promise((done) => { setTimeout(done, 500); });
    }
  }
}
