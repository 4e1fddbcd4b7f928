// Photos are shown and made smaller before they are sent: quick on a slow line, and nine of them fit in one form.
// Without this file, or where the browser cannot read a photo, the photo goes as it is.

const LONG_SIDE = 2000;
const SMALL_ENOUGH = 700 * 1024;
const MOST = 9;

async function shrink(file) {
  if (file.size <= SMALL_ENOUGH) return file;
  const image = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, LONG_SIDE / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(image.width * scale);
  canvas.height = Math.round(image.height * scale);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
  if (!blob || blob.size >= file.size) return file;
  return new File([blob], "photo.jpg", { type: "image/jpeg" });
}

function preview(input, files, left) {
  input.parentElement.querySelector(".chosen")?.remove();
  if (!files.length) return;
  const box = document.createElement("div");
  box.className = "chosen";
  for (const file of files) {
    const image = document.createElement("img");
    image.alt = "";
    image.src = URL.createObjectURL(file);
    box.append(image);
  }
  if (left > 0) {
    const words = document.createElement("span");
    words.className = "chosen__left";
    words.textContent = `一次最多 ${MOST} 张，后面 ${left} 张没有选上`;
    box.append(words);
  }
  input.parentElement.append(box);
}

async function prepare(input) {
  const button = input.form.querySelector("button[type=submit]");
  button.disabled = true;
  const chosen = [...input.files];
  const ready = await Promise.all(chosen.slice(0, MOST).map((file) => shrink(file).catch(() => file)));
  const carrier = new DataTransfer();
  for (const file of ready) carrier.items.add(file);
  input.files = carrier.files;
  preview(input, ready, chosen.length - ready.length);
  button.disabled = false;
}

function dress(input) {
  const box = document.createElement("span");
  box.className = "add-photo";
  box.textContent = "＋ 选照片，或者拍照";
  input.after(box);
  input.parentElement.classList.add("field_ready");
}

for (const input of document.querySelectorAll("input[type=file]")) {
  dress(input);
  input.addEventListener("change", () => prepare(input).catch(() => (input.form.querySelector("button").disabled = false)));
}
