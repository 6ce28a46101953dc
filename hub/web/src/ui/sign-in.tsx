import { useState } from "preact/hooks";
import { hubOption } from "../api/about";
import { keepToken, refusal } from "../api/token";
import { Command, Problem } from "./parts";
import { usePageTitle } from "./page-title";

/** Asks for the token. */
export function SignIn() {
  const [text, setText] = useState("");
  const [isKept, setKept] = useState(false);
  usePageTitle("Sign in");
  return (
    <main class="sign-in">
      <img src="/icons/passed.svg" alt="" width="56" height="56" />
      <h1>Gator hub</h1>
      <p>This command opens the page signed in:</p>
      <Command line={`gator hub open${hubOption()}`} />
      <p>Or enter your token of this hub. On the host of your own hub, this prints it:</p>
      <Command line={'cut -d: -f2 "${XDG_DATA_HOME:-$HOME/.local/share}/gator/hub/token"'} />
      <Problem text={refusal.value} />
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim()) keepToken(text.trim(), isKept);
        }}
      >
        <label>
          Token
          <input
            type="password"
            autocomplete="current-password"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
            required
            autofocus
          />
        </label>
        <label class="check">
          <input type="checkbox" checked={isKept} onChange={(event) => setKept(event.currentTarget.checked)} />
          Keep it in this browser
        </label>
        <button type="submit" class="primary">
          Sign in
        </button>
      </form>
    </main>
  );
}
