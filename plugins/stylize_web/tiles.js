element.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-key]");
  if (chosen) trigger("select", { key: chosen.dataset.key });
});
