import { signal } from "@preact/signals";

const KEY = "gator-hub-token";
const CODE = /^#code=([\w-]+)$/;
const SESSION = "/session";

/** The token of the user; empty if it was not given, as in a session. */
export const token = signal(sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? "");

/** Whether the browser has a cookie of a session, which `gator hub open` begins. */
export const hasSession = signal(false);

/** Why the last token or code was refused; empty if it was not. */
export const refusal = signal("");

/** Signs in by the code in the fragment of the URL, or finds the session that the browser has. */
export async function startSession(): Promise<void> {
  const code = CODE.exec(location.hash)?.[1];
  if (code) {
    history.replaceState(history.state, "", location.pathname + location.search);
    const answer = await fetch(SESSION, { method: "POST", body: JSON.stringify({ code }) });
    hasSession.value = answer.ok;
    if (answer.ok) keepNoToken();
    else refusal.value = "The link was used before, or is older than 60 s: run gator hub open again.";
    return;
  }
  if (token.value || hasSession.value) return;
  const answer = await fetch(SESSION);
  hasSession.value = answer.ok && ((await answer.json()) as { signedIn: boolean }).signedIn;
}

/** Keeps a token for this tab, or for this browser. */
export function keepToken(text: string, isForBrowser: boolean): void {
  (isForBrowser ? localStorage : sessionStorage).setItem(KEY, text);
  token.value = text;
}

/** Forgets the token, also in this browser, and ends the session. */
export function forgetToken(why = ""): void {
  refusal.value = why;
  keepNoToken();
  if (!hasSession.value) return;
  hasSession.value = false;
  // The session ends on the hub as well, unless that is away.
  void fetch(SESSION, { method: "DELETE" }).catch(() => undefined);
}

function keepNoToken(): void {
  localStorage.removeItem(KEY);
  sessionStorage.removeItem(KEY);
  token.value = "";
}
