/** The box in which a message is written. Enter sends, except while an input method is choosing characters. */

/**
 * @param {{form: HTMLFormElement, box: HTMLTextAreaElement, button: HTMLButtonElement}} elements
 * @param {{send: (content: string) => void, typing: (active: boolean) => void}} room
 */
export function startComposer({ form, box, button }, room) {
  const changed = () => {
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight}px`;
    button.disabled = box.value.trim() === "";
  };

  box.addEventListener("input", () => {
    changed();
    room.typing(box.value.trim() !== "");
  });
  box.addEventListener("blur", () => room.typing(false));
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const content = box.value.trim();
    if (!content) return;
    room.typing(false);
    room.send(content);
    box.value = "";
    changed();
    box.focus();
  });
  changed();
}
