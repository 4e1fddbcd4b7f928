// The one place that says which server the mini program talks to.

module.exports = {
  /** Scheme, host and port of the backend, without a slash at the end. A published mini program needs https and the host in 服务器域名. */
  API_ORIGIN: "http://127.0.0.1:8000",
  /** Name of this mini program in the backend's accounts file; empty means the backend's first one. */
  ACCOUNT: "",
};
