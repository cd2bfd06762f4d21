() => {
  // Treat a pasted picture like a dropped one.
  document.addEventListener("paste", (event) => {
    const input = document.querySelector("#drop-photo input[type=file]");
    if (!input || !event.clipboardData.files.length) return;
    const files = new DataTransfer();
    for (const file of event.clipboardData.files) files.items.add(file);
    input.files = files.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    event.preventDefault();
  });
}
