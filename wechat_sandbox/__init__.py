"""The WeChat platform simulated over real HTTP, for development, tests and the demonstration."""
