"""What residents use: the pages inside WeChat, and the API of the mini program."""
