import { useEffect } from "preact/hooks";
import type { Status } from "../states";

const ICONS: Partial<Record<Status, string>> = {
  passed: "passed",
  failed: "failed",
  lost: "failed",
  died: "failed",
  running: "running",
};

/** Shows a title and a state in the tab of the browser. */
export function usePageTitle(title: string, status?: Status): void {
  useEffect(() => {
    document.title = title ? `${title} · Gator` : "Gator hub";
    const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
    if (icon) icon.href = `/icons/${(status && ICONS[status]) ?? "idle"}.svg`;
  }, [title, status]);
}
