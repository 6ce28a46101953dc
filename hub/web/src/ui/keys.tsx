import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icons";

const KEYS: [string[], string][] = [
  [["↑", "↓"], "previous and next row"],
  [["Enter", "→", "←"], "open a row; open and close a level of the tree"],
  [["f"], "next failure: of the run, or line of the output"],
  [["/"], "search or filter"],
  [["Ctrl-F"], "search the output of a job; Enter goes to the next hit"],
  [["n", "N"], "next and previous hit"],
  [["Home", "End"], "begin and end of the output"],
  [["w"], "wrap long lines"],
  [["t"], "change between the forms of times"],
  [["?"], "show these keys"],
];

/** The list of keys, which `?` and a button show, and the keys that work in every view. */
export function Keys() {
  const dialog = useRef<HTMLDialogElement>(null);
  useKeys((event) => {
    if (event.key === "?") dialog.current?.showModal();
    else if (event.key === "/") document.querySelector<HTMLElement>("[data-first]")?.focus();
    else return;
    event.preventDefault();
  });
  return (
    <>
      <button type="button" class="quiet icon" title="Keys (?)" onClick={() => dialog.current?.showModal()}>
        <Icon name="help" />
        <span class="sr-only">Keys</span>
      </button>
      <dialog ref={dialog} aria-label="Keys" onClick={(event) => event.target === dialog.current && dialog.current?.close()}>
        <h2>Keys</h2>
        <dl class="keys">
          {KEYS.map(([names, text]) => [
            <dt key={text}>
              {names.map((name) => (
                <>
                  <kbd>{name}</kbd>{" "}
                </>
              ))}
            </dt>,
            <dd key={`${text}-`}>{text}</dd>,
          ])}
        </dl>
        <div class="dialog-foot">
          <button type="button" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </div>
      </dialog>
    </>
  );
}

/** Takes keys of the whole page, except those that are typed into a field or meant for a dialog. */
export function useKeys(onKey: (event: KeyboardEvent) => void): void {
  const latest = useRef(onKey);
  latest.current = onKey;
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.altKey || document.querySelector("dialog[open]")) return;
      const isControl = event.ctrlKey || event.metaKey;
      const isTyping = event.target instanceof HTMLElement && event.target.matches("input, select, textarea");
      if ((isTyping || isControl) && !(isControl && event.key === "f")) return;
      latest.current(event);
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

/** A state that this browser remembers. */
export function useKept<T>(name: string, initial: T): [T, (value: T) => void] {
  const key = `gator-${name}`;
  const [value, setValue] = useState<T>(() => {
    try {
      return JSON.parse(localStorage.getItem(key) ?? "") as T;
    } catch {
      return initial;
    }
  });
  const keep = (changed: T) => {
    localStorage.setItem(key, JSON.stringify(changed));
    setValue(changed);
  };
  return [value, keep];
}
