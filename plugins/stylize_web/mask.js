// A canvas over the photograph. The painted mask goes to the server when the pointer is lifted.
let erasing = false;
let last = null;

const point = (canvas, event) => {
  const box = canvas.getBoundingClientRect();
  const scale = canvas.width / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
};

const prepare = (canvas) => {
  const image = canvas.parentElement.querySelector("img");
  if (canvas.dataset.ready) return;
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  canvas.dataset.ready = "1";
};

const draw = (canvas, to) => {
  const context = canvas.getContext("2d");
  const brush = element.querySelector(".brush").value / 100;
  context.globalCompositeOperation = erasing ? "destination-out" : "source-over";
  context.lineWidth = brush * Math.max(canvas.width, canvas.height);
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = "#b4472e";
  context.beginPath();
  context.moveTo(...(last || to));
  context.lineTo(...to);
  context.stroke();
  last = to;
};

const send = (canvas) => trigger("input", { key: canvas.toDataURL("image/png") });

element.addEventListener("pointerdown", (event) => {
  if (event.target.tagName !== "CANVAS") return;
  prepare(event.target);
  event.target.setPointerCapture(event.pointerId);
  last = null;
  draw(event.target, point(event.target, event));
});
element.addEventListener("pointermove", (event) => {
  if (event.target.tagName === "CANVAS" && last) draw(event.target, point(event.target, event));
});
element.addEventListener("pointerup", (event) => {
  if (event.target.tagName !== "CANVAS" || !last) return;
  last = null;
  send(event.target);
});
element.addEventListener("click", (event) => {
  const canvas = element.querySelector("canvas");
  if (event.target.closest(".erase")) {
    erasing = !erasing;
    event.target.setAttribute("aria-pressed", erasing);
  } else if (event.target.closest(".clear")) {
    prepare(canvas);
    canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    send(canvas);
  }
});
