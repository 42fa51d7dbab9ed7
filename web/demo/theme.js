/**
 * Light, dark, or as the system has it. A classic script in the head, so that the page is never painted in the wrong colours.
 * `globalThis.theme` is for the page's other modules.
 */
(() => {
  const KEY = "tidings.theme";
  const CHOICES = ["system", "light", "dark"];
  const read = () => {
    try {
      return localStorage.getItem(KEY) ?? "system";
    } catch {
      return "system";
    }
  };
  const apply = (/** @type {string} */ choice) => {
    if (choice === "system" || !CHOICES.includes(choice)) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
  };
  apply(read());
  Object.assign(globalThis, {
    theme: {
      get choice() {
        return read();
      },
      set choice(choice) {
        apply(choice);
        try {
          localStorage.setItem(KEY, choice);
        } catch {
          // For this page, then.
        }
      },
    },
  });
})();
