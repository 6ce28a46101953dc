import { signal } from "@preact/signals";

interface About {
  grpcPort: number;
  readOnly: boolean;
}

const about = signal<About | undefined>(undefined);
const DEFAULT_PORT = 8080;

/** Asks the server of the page for its port of gRPC, which commands need. */
export async function loadAbout(): Promise<void> {
  const response = await fetch("/hub.json");
  if (response.ok) about.value = (await response.json()) as About;
}

/** Returns the address of the hub for commands. */
export function hubAddress(): string {
  return `${location.hostname}:${about.value?.grpcPort ?? DEFAULT_PORT}`;
}

/** Returns whether nothing can be changed here, as on the page of `gator open`. */
export function isReadOnly(): boolean {
  return about.value?.readOnly ?? false;
}

/** Returns the option that a command needs to find this hub; empty for the default one. */
export function hubOption(): string {
  const address = hubAddress();
  const isDefault = [`localhost:${DEFAULT_PORT}`, `127.0.0.1:${DEFAULT_PORT}`].includes(address);
  return isDefault ? "" : ` --hub ${address}`;
}
