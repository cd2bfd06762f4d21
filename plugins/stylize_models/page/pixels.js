// The sizes and filters of Pillow and stylize, so that page and command make equal pictures.

// Return [width, height] reduced so that the longer side is `longest`; never enlarged.
export function fitSize(width, height, longest) {
  const scale = Math.min(1, longest / Math.max(width, height));
  return [width, height].map((side) => Math.max(1, roundHalfToEven(side * scale)));
}

function roundHalfToEven(value) {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 ? below + 1 : below;
}

const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
const lanczos = (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0);

// Return, for each output position, its first input position and the weights from there on.
function weigh(from, to) {
  const scale = from / to;
  const stretch = Math.max(scale, 1); // antialiasing
  return Array.from({ length: to }, (_, position) => {
    const center = (position + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - 3 * stretch + 0.5));
    const last = Math.min(from, Math.trunc(center + 3 * stretch + 0.5));
    const weights = Float64Array.from({ length: last - first }, (_each, at) =>
      lanczos((first + at - center + 0.5) / stretch));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

// Resize lines of RGBA pixels. `starts` lists the first index of each line in source and target;
// `step` and `stepOut` are the distances between its pixels. Plain loops: photographs are large.
function resizeLines(source, target, taps, starts, step, stepOut) {
  for (const [start, startOut] of starts) {
    for (let position = 0; position < taps.length; position += 1) {
      const { first, weights } = taps[position];
      let place = start + first * step;
      let red = 0;
      let green = 0;
      let blue = 0;
      let alpha = 0;
      for (let at = 0; at < weights.length; at += 1) {
        const weight = weights[at];
        red += weight * source[place];
        green += weight * source[place + 1];
        blue += weight * source[place + 2];
        alpha += weight * source[place + 3];
        place += step;
      }
      const to = startOut + position * stepOut;
      target[to] = red;
      target[to + 1] = green;
      target[to + 2] = blue;
      target[to + 3] = alpha;
    }
  }
}

// Return the RGBA bytes of { pixels, width, height }, resized by Lanczos with antialiasing.
export function resize({ pixels, width, height }, newWidth, newHeight) {
  if (width === newWidth && height === newHeight) return pixels.slice();
  const opaque = isOpaque(pixels);
  // Weight colours by alpha, or those of transparent pixels would bleed into a fringe.
  const weighted = opaque ? pixels : Float32Array.from(pixels, (value, at) =>
    at % 4 === 3 ? value : (value * pixels[at | 3]) / 255);
  const Pass = opaque ? Uint8ClampedArray : Float32Array;
  // Bytes between the passes too, as in Pillow.
  const narrow = new Pass(4 * newWidth * height);
  const rows = Array.from({ length: height }, (_, y) => [4 * y * width, 4 * y * newWidth]);
  resizeLines(weighted, narrow, weigh(width, newWidth), rows, 4, 4);
  const small = new Pass(4 * newWidth * newHeight);
  const columns = Array.from({ length: newWidth }, (_, x) => [4 * x, 4 * x]);
  resizeLines(narrow, small, weigh(height, newHeight), columns, 4 * newWidth, 4 * newWidth);
  if (opaque) return small;
  return Uint8ClampedArray.from(small, (value, at) =>
    at % 4 === 3 ? value : (255 * value) / Math.max(small[at | 3], 1));
}

function isOpaque(pixels) {
  for (let at = 3; at < pixels.length; at += 4) if (pixels[at] < 255) return false;
  return true;
}

// Extend RGBA bytes to the right and bottom by reflection, without repeating the edge itself.
export function padByReflection(pixels, width, height, newWidth, newHeight) {
  const padded = new Uint8ClampedArray(4 * newWidth * newHeight);
  for (let y = 0; y < newHeight; y += 1) {
    const row = reflect(y, height);
    for (let x = 0; x < newWidth; x += 1) {
      const from = 4 * (row * width + reflect(x, width));
      padded.set(pixels.subarray(from, from + 4), 4 * (y * newWidth + x));
    }
  }
  return { pixels: padded, width: newWidth, height: newHeight };
}

function reflect(position, length) {
  if (length === 1) return 0;
  const turned = position % (2 * length - 2);
  return turned < length ? turned : 2 * length - 2 - turned;
}
