// Calls of the control API; a refusal throws an Error with the sandbox's sentence.

export async function call(method, path, body) {
  const options = { method };
  if (body instanceof FormData) options.body = body;
  else if (body) options.body = JSON.stringify(body);
  const answer = await fetch("/control" + path, options);
  const document = await answer.json();
  if (!answer.ok) throw new Error(document.error);
  return document;
}

export const get = (path) => call("GET", path);
export const post = (path, body) => call("POST", path, body || {});
