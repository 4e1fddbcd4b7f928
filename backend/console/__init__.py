"""Pages for officers, opened inside WeChat: their cases, and each case with the steps they may take."""
