// The service's own interface, as this page uses it. Nothing is asked of any other server.

export class Problem extends Error {
  constructor(fields) {
    super(fields.detail || "");
    Object.assign(this, fields);
  }
}

const askKey = () => new Promise(resolve => {
  const dialog = document.getElementById("key-dialog");
  const field = document.getElementById("key");
  field.value = "";
  dialog.addEventListener("close", () => resolve(field.value), { once: true });
  dialog.showModal();
});

async function ask(method, path, parts) {
  const body = parts && new FormData();
  for (const [name, value] of Object.entries(parts || {})) if (value) body.append(name, value, ...(value instanceof Blob ? [name] : []));
  for (;;) {
    const key = sessionStorage.getItem("key");
    let answer;
    try {
      answer = await fetch(path, { method, body, headers: key ? { "X-API-Key": key } : {} });
    } catch {
      throw new Problem({ code: "offline" });
    }
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({ code: "failure" }));
    if (answer.status === 401) {
      const given = await askKey();
      if (!given) throw new Problem(problem);
      sessionStorage.setItem("key", given);
    } else if (answer.status === 503) {
      await new Promise(resolve => setTimeout(resolve, 1000 * Number(answer.headers.get("Retry-After") || 1)));
    } else {
      throw new Problem({ ...problem, status: answer.status });
    }
  }
}

export const sendPerson = async photo => (await (await ask("POST", "/v1/persons", { person: photo })).json()).person_token;
export const forgetPerson = token => ask("DELETE", `/v1/persons/${token}`).catch(() => {});
export async function look(token, garment) {
  const answer = await ask("POST", "/v1/looks", {
    person_token: token, garment: garment.picture, garment_mask: garment.mask, garment_id: garment.id,
  });
  const warnings = (answer.headers.get("X-Fitroom-Warnings") || "").split(", ").filter(Boolean);
  return { picture: await answer.blob(), warnings };
}
export const findMask = async picture => (await ask("POST", "/v1/masks", { garment: picture })).blob();
export const samples = async () => (await ask("GET", "/samples.json")).json();
export const registered = async () => (await (await ask("GET", "/v1/garments?limit=200")).json()).garments;
export const registeredPicture = async id => (await ask("GET", `/v1/garments/${encodeURIComponent(id)}/picture`)).blob();
export const file = async path => (await ask("GET", path)).blob();
