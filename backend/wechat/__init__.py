"""WeChat: accounts, callback, conversation, client, media, login. The only importer of wechatpy."""
