() => {
  const limit = window.gradio_config?.max_file_size ?? Infinity;
  const inMegabytes = (bytes) => `${Math.ceil(bytes / 1e6)} MB`;
  const refusal = Object.assign(document.createElement("p"), { id: "refused", className: "notice" });
  refusal.setAttribute("role", "alert");

  // Say which files are too large to be uploaded, and return whether all are small enough.
  const accept = (files) => {
    const large = [...files].filter((file) => file.size > limit);
    refusal.remove();
    if (!large.length) return true;
    const named = large.map((file) => `${file.name} has ${inMegabytes(file.size)}`).join(", ");
    refusal.textContent = `${named}; the limit is ${inMegabytes(limit)}: make it smaller first, or `
      + "start stylize web with a larger --max-pixels";
    document.body.append(refusal);
    return false;
  };

  // Treat a picture that is pasted, or dropped beside the boxes, like a photograph in its box.
  const take = (event, data) => {
    const input = document.querySelector("#drop-photo input[type=file]");
    if (!input || !data?.files.length) return;
    event.preventDefault();
    const files = new DataTransfer();
    for (const file of data.files) files.items.add(file);
    input.files = files.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };

  // Before Gradio's own listeners.
  document.addEventListener("change", (event) => {
    if (event.target.type !== "file" || accept(event.target.files)) return;
    event.stopImmediatePropagation();
    event.target.value = "";
  }, true);
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.files.length || accept(event.dataTransfer.files)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  document.addEventListener("paste", (event) => take(event, event.clipboardData));
  document.addEventListener("drop", (event) => {
    if (!event.defaultPrevented) take(event, event.dataTransfer);
  });
  // Without this, the browser would leave the page for the dropped file.
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
}
