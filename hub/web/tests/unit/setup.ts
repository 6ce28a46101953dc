// What the modules of the page ask of a browser when they are imported.
const storage = { getItem: () => null, setItem: () => undefined, removeItem: () => undefined };
Object.assign(globalThis, {
  sessionStorage: storage,
  localStorage: storage,
  location: { origin: "http://localhost", hostname: "localhost", hash: "" },
  document: { documentElement: { dataset: {} } },
});
