// Receives the sandbox's pushes with co-wechat and answers each text with the same words. It prints its port,
// then each message that it could read, one JSON object a line.

const http = require("node:http");
const wechat = require("co-wechat");

const [token, encodingAESKey, appid] = process.argv.slice(2);
const handle = wechat({ token, encodingAESKey, appid }).middleware(async (message) => {
  console.log(JSON.stringify(message));
  return message.MsgType === "text" ? `收到：${message.Content}` : "";
});

// co-wechat is written for koa; this is the little of it that it uses.
async function answer(request, response) {
  const query = Object.fromEntries(new URL(request.url, "http://x").searchParams);
  const length = request.headers["content-length"];
  const context = { query, method: request.method, req: request, request: { length, charset: "utf-8" }, status: 200, body: "" };
  await handle(context, async () => {});
  response.writeHead(context.status, { "Content-Type": context.type || "text/plain" });
  response.end(context.body);
}

const server = http.createServer((request, response) =>
  answer(request, response).catch((error) => {
    response.writeHead(500);
    response.end(String(error));
  }),
);
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
