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

/** Returns a function that returns variables of the styles as a canvas knows them: by the theme, without `light-dark()`. */
export function colorsOf(element: HTMLElement): (name: string) => string {
  const styles = getComputedStyle(element);
  const isDark = theme.value === "dark" || (theme.value === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  return (name) => {
    const value = styles.getPropertyValue(name).trim();
    const both = /^light-dark\(([^,]+),([^)]+)\)$/.exec(value);
    return both ? (both[isDark ? 2 : 1] ?? "").trim() : value;
  };
}
