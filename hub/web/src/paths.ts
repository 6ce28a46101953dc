/** Paths of views and of nodes. */

import { hubOption, isReadOnly } from "./api/about";

export function runHref(run: string): string {
  return `/run/${run}`;
}

export function jobHref(run: string, path: string, place = ""): string {
  return `/run/${run}/job/${path.split("/").map(encodeURIComponent).join("/")}${place && `#${place}`}`;
}

/** Returns the URL of the trend of a root, or of a node below it. */
export function trendHref(path: string): string {
  return `/trend/${path.split("/").map(encodeURIComponent).join("/")}`;
}

export function compareHref(before: string, after: string): string {
  return `/compare/${before}/${after}`;
}

/** Returns the last segment of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Returns the option that names a run of this hub in commands of Gator; a folder of runs for `gator open`. */
export function runOption(run: string): string {
  if (isReadOnly()) return `-r ${run.slice(0, 12)}`;
  return `-r hub:${run.slice(0, 12)}${hubOption()}`;
}
