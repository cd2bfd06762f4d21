// Applies models to the photograph in a worker, so that the page stays responsive.

import * as ort from "./onnxruntime/ort.js";
import { fitSize, padByReflection, resize } from "./pixels.js";

ort.env.wasm.numThreads = 1; // more would need headers that plain web servers do not send
ort.env.wasm.wasmPaths = {
  wasm: new URL("onnxruntime/ort.wasm", import.meta.url).href,
};

const sessions = new Map();
let photograph = null;

async function load(model) {
  if (!sessions.has(model.file)) {
    postMessage({ loading: model });
    const reply = await fetch(model.file);
    if (!reply.ok) throw new Error(`${model.file} is missing (${reply.status}): export the page again`);
    const bytes = new Uint8Array(await reply.arrayBuffer());
    sessions.set(model.file, await ort.InferenceSession.create(bytes));
  }
  return sessions.get(model.file);
}

// Return the RGBA bytes of the picture for those of a photograph.
async function apply(model, session, { pixels, width, height }) {
  const [stepY, stepX] = model.steps;
  const padded = padByReflection(
    pixels, width, height,
    Math.max(Math.ceil(width / stepX) * stepX, model.least[1]),
    Math.max(Math.ceil(height / stepY) * stepY, model.least[0]),
  );
  const count = padded.width * padded.height;
  const planes = new Float32Array(3 * count);
  for (let at = 0; at < count; at += 1) {
    for (let plane = 0; plane < 3; plane += 1) {
      planes[plane * count + at] = padded.pixels[4 * at + plane] / 255;
    }
  }
  const input = new ort.Tensor("float32", planes, [1, 3, padded.height, padded.width]);
  const outputs = await session.run({ [model.input]: input });
  const made = outputs[model.output].data;
  const picture = new Uint8ClampedArray(4 * width * height); // rounds and clamps
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const to = 4 * (y * width + x);
      const from = y * padded.width + x;
      for (let plane = 0; plane < 3; plane += 1) {
        picture[to + plane] = 255 * made[plane * count + from];
      }
      picture[to + 3] = pixels[to + 3];
    }
  }
  return picture;
}

function readPixels(bitmap) {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { pixels: context.getImageData(0, 0, width, height).data, width, height };
}

async function make({ id, model, size }) {
  if (!photograph) throw new Error("the photograph does not fit in memory: choose a smaller one");
  const session = await load(model);
  postMessage({ making: model.name });
  const started = performance.now();
  const [width, height] = fitSize(photograph.width, photograph.height, size);
  const before = resize(photograph, width, height);
  const after = await apply(model, session, { pixels: before, width, height });
  const seconds = (performance.now() - started) / 1000;
  postMessage({ id, model, size, before, after, width, height, seconds }, [before.buffer, after.buffer]);
}

onmessage = async ({ data }) => {
  try {
    if (data.photograph) photograph = readPixels(data.photograph);
    else await make(data);
  } catch (error) {
    if (data.photograph) photograph = null;
    else postMessage({ problem: `The picture was not made (${error.message ?? error}).` });
  }
};
