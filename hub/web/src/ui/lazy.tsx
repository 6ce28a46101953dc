import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Loading, Problem } from "./parts";

/** Returns a component whose code is loaded when it is first shown. */
export function lazily<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | undefined;
  return function Lazy(props: P) {
    const [Found, setFound] = useState(() => loaded);
    const [error, setError] = useState("");
    useEffect(() => {
      if (Found) return;
      load().then(
        (found) => {
          loaded = found;
          setFound(() => found);
        },
        () => setError("A part of the page is missing. The hub may have a newer one: reload the page."),
      );
    }, []);
    if (error) return <Problem text={error} />;
    return Found ? <Found {...props} /> : <Loading />;
  };
}
