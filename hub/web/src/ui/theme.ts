import { effect, signal } from "@preact/signals";

const KEY = "gator-theme";
export type Theme = "auto" | "light" | "dark";
const THEMES: Theme[] = ["auto", "light", "dark"];

const kept = localStorage.getItem(KEY) as Theme | null;
export const theme = signal<Theme>(kept && THEMES.includes(kept) ? kept : "auto");

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "auto";
  localStorage.setItem(KEY, theme.value);
}

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
});
