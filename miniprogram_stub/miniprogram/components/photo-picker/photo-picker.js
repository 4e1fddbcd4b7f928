// Chosen photos as large tiles, with one more tile to add some; tells its page about every change.

/** As many as one case takes by the API, and as wx.chooseMedia gives at once. */
const MOST = 9;

Component({
  properties: {
    /** Paths of temporary files. */
    photos: { type: Array, value: [] },
  },
  data: { most: MOST },

  methods: {
    add() {
      wx.chooseMedia({
        count: MOST - this.data.photos.length,
        mediaType: ["image"],
        sourceType: ["album", "camera"],
        sizeType: ["compressed"],
        success: ({ tempFiles }) => this.tell([...this.data.photos, ...tempFiles.map((file) => file.tempFilePath)]),
        fail: ({ errMsg }) => this.triggerEvent("fail", { reason: errMsg }),
      });
    },

    /** @param {WechatMiniprogram.TouchEvent} event */
    remove(event) {
      const { index } = event.currentTarget.dataset;
      this.tell(this.data.photos.filter((_, at) => at !== index));
    },

    /** @param {WechatMiniprogram.TouchEvent} event */
    look(event) {
      wx.previewImage({ urls: this.data.photos, current: this.data.photos[event.currentTarget.dataset.index] });
    },

    /** @param {string[]} photos */
    tell(photos) {
      this.triggerEvent("change", { photos });
    },
  },
});
