import { signal } from "@preact/signals";

const KEY = "gator-hub-token";

/** The token of the user; empty until it is given. */
export const token = signal(sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? "");

/** Keeps a token for this tab, or for this browser. */
export function keepToken(text: string, isForBrowser: boolean): void {
  (isForBrowser ? localStorage : sessionStorage).setItem(KEY, text);
  token.value = text;
}

/** Why the last token was refused; empty if it was not. */
export const refusal = signal("");

/** Forgets the token, also in this browser. */
export function forgetToken(why = ""): void {
  refusal.value = why;
  localStorage.removeItem(KEY);
  sessionStorage.removeItem(KEY);
  token.value = "";
}
