// Light, dark, or as the system has it. Kept in this browser.

import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
const KEY = "console.theme";

function kept(): Theme {
  try {
    const found = localStorage.getItem(KEY);
    return found === "light" || found === "dark" ? found : "system";
  } catch {
    return "system";
  }
}

export const theme = signal<Theme>(kept());

effect(() => {
  const root = document.documentElement;
  if (theme.value === "system") {
    delete root.dataset.theme;
  } else {
    root.dataset.theme = theme.value;
  }
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
});
