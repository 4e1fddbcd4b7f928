// The mini program as a whole: it offers a new version as soon as WeChat has fetched one.

App({
  onLaunch() {
    const updates = wx.getUpdateManager();
    updates.onUpdateReady(() => {
      wx.showModal({
        title: "有新版本",
        content: "点“确定”马上更新，您写好的内容不会丢。",
        success: (choice) => choice.confirm && updates.applyUpdate(),
      });
    });
  },
});
