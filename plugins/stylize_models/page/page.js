// The page: takes a photograph, asks the worker for pictures, shows them and offers downloads.

// Limits for a file, in bytes, and for a photograph, in pixels: the same as in stylize itself.
const LARGEST_FILE = 100e6;
const LARGEST = 128e6;

const find = (id) => document.getElementById(id);
const worker = new Worker("worker.js", { type: "module" });
const state = { photograph: "", name: "", busy: false, waiting: false, id: 0, link: "" };
let models = [];

function show(problem) {
  find("problem").textContent = problem;
  find("problem").hidden = !problem;
  if (problem) find("status").textContent = "";
}

const chosen = () => models[Number(document.querySelector("[name=style]:checked").value)];
const inUnits = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

// Quotes a word for a shell.
const quote = (word) => (/^[\w.@%+:,/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

// Pictures are made one at a time. Of requests in the meantime, only the last one counts.
function restyle() {
  if (!state.photograph) return;
  if (state.busy) {
    state.waiting = true;
    return;
  }
  state.busy = true;
  show("");
  state.id += 1;
  worker.postMessage({ id: state.id, model: chosen(), size: Number(find("size").value) });
}

function draw(canvas, pixels, width, height) {
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
}

async function present({ before, after, width, height, seconds, model, size }) {
  draw(find("before"), before, width, height);
  draw(find("after"), after, width, height);
  const picture = await new Promise((done) => find("after").toBlob(done, "image/png"));
  URL.revokeObjectURL(state.link);
  state.link = URL.createObjectURL(picture);
  const stem = state.name.replace(/\.[^.]*$/, "");
  find("download").href = state.link;
  find("download").download = `${stem}_${model.name}.png`;
  find("line").textContent = ["stylize", "--model", model.argument, "--size", size, state.name]
    .map(quote).join(" ");
  find("comparison").hidden = find("below").hidden = false;
  find("status").textContent = `${width} x ${height}, made in ${seconds.toFixed(1)} s.`;
  split();
}

worker.onmessage = async ({ data }) => {
  if (data.loading) {
    find("status").textContent = `Loading ${data.loading.name} (${inUnits(data.loading.bytes)}) …`;
    return;
  }
  if (data.making) {
    find("status").textContent = `Making the picture with ${data.making} …`;
    return;
  }
  state.busy = false;
  if (state.waiting) {
    state.waiting = false;
    restyle();
  } else if (data.problem) {
    show(data.problem);
  } else {
    await present(data);
  }
};
worker.onerror = (event) => {
  event.preventDefault();
  state.busy = state.waiting = false;
  show(`This browser cannot run the network (${event.message || "its script did not load"}): `
    + "update the browser, or try another.");
};

async function take(file, name) {
  if (file.size > LARGEST_FILE) {
    show(`${name} is ${inUnits(file.size)} large: choose a file of at most ${inUnits(LARGEST_FILE)}.`);
    return;
  }
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    show(`${name} is not a picture that this browser reads, or it is damaged: choose a JPEG, PNG `
      + "or WebP file.");
    return;
  }
  const { width, height } = bitmap;
  if (width * height > LARGEST) {
    bitmap.close();
    show(`${name} is ${width} x ${height}: choose a picture of at most ${LARGEST / 1e6} megapixels.`);
    return;
  }
  state.photograph = state.name = name;
  worker.postMessage({ photograph: bitmap }, [bitmap]);
  restyle();
}

function takeFirst(files) {
  const [file] = files;
  if (file) take(file, file.name);
}

function split() {
  find("before").style.clipPath = `inset(0 ${100 - find("split").value}% 0 0)`;
}

function listen() {
  find("file").addEventListener("change", ({ target }) => {
    takeFirst(target.files);
    target.value = ""; // so that the same file can be chosen again
  });
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      find("drop").classList.add("over");
    });
  }
  for (const kind of ["dragleave", "drop"]) {
    document.addEventListener(kind, () => find("drop").classList.remove("over"));
  }
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    takeFirst(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => takeFirst(event.clipboardData.files));
  find("wall").addEventListener("change", restyle);
  find("size").addEventListener("change", restyle);
  find("split").addEventListener("input", split);
}

function hang(model, number) {
  const label = document.createElement("label");
  const choice = Object.assign(document.createElement("input"), {
    type: "radio", name: "style", value: String(number), checked: number === 0,
  });
  const thumbnail = Object.assign(document.createElement("img"), {
    src: model.thumbnail, alt: "", loading: "lazy",
  });
  label.append(choice, thumbnail, model.summary || model.name);
  label.title = model.name;
  find("wall").append(label);
}

async function start() {
  find("unserved").remove();
  find("main").hidden = false;
  const page = await (await fetch("page.json")).json();
  models = page.models;
  models.forEach(hang);
  find("about").textContent = `Made by stylize ${page.stylize}.`;
  listen();
  const sample = await (await fetch("sample.jpg")).blob();
  if (!state.photograph) await take(sample, "sample.jpg"); // unless one was dropped in the meantime
}

start().catch((error) => show(`The page is incomplete (${error.message}): export it again.`));
