// Calls of the control API; what goes wrong throws an Error whose sentence can be shown.

function say(sentence) {
  throw new Error(sentence);
}

export async function call(method, path, body) {
  const options = { method };
  if (body) options.body = JSON.stringify(body);
  const answer = await fetch("/control" + path, options).catch(() => say("连不上模拟的微信，它可能已经停了"));
  const document = await answer.json().catch(() => say(`模拟的微信出错了（HTTP ${answer.status}）`));
  return answer.ok ? document : say(document.error);
}

export const get = (path) => call("GET", path);
export const put = (path, body) => call("PUT", path, body);
export const post = (path, body) => call("POST", path, body || {});
