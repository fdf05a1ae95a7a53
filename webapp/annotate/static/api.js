// Questions to the program behind the page.

/** What went wrong, with the HTTP status (0: no answer at all) and the answer's content. */
export class Failure extends Error {
  constructor(message, status = 0, content = {}) {
    super(message);
    this.status = status;
    this.content = content;
  }
}

const GONE = "The program behind this page does not answer. Is it still running? Your changes stay in this tab.";

export async function ask(name, question = {}) {
  let answer;
  try {
    answer = await fetch(`api/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(question),
    });
  } catch {
    throw new Failure(GONE);
  }
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Failure(content.error ?? `HTTP ${answer.status}`, answer.status, content);
  return content;
}

export const imageUrl = (id, longest) => `api/image?id=${encodeURIComponent(id)}&longest=${Math.ceil(longest)}`;
